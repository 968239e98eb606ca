"""Trainings as processes that are forked, watched and killed: seconds each instead of ten.

TensorFlow is imported once, without being used: it has no threads then, and a process forked from
this one is as fresh as one that has just imported it. What runs in it is experiment.main, whole.
The fork notes in shared memory how far it is: that is how others can aim at a step or at a save.
"""

import contextlib
import dataclasses
import mmap
import os
import signal
import sys
import time
import traceback

from commands.errors import UserError

# NumPy's one thread of its own, which would be there before TensorFlow's.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

POLL_SECONDS = 0.0005
PATIENCE_SECONDS = 300
TRACEBACK_STATUS = 70


class LifeError(UserError):
    """A training that did not go as it must; says how."""


class Counters:
    """What a training notes for its watcher: float64 values in memory that both share."""

    FIELDS = ("start_seconds",      # from the fork to the end of the first step
              "step",               # that was begun last
              "steps_ended",        # in this process
              "step_seconds",       # of the last one; the first does not count
              "saves_begun", "saves_ended", "saving_step", "save_seconds")

    def __init__(self):
        self._values = memoryview(mmap.mmap(-1, 8 * len(self.FIELDS))).cast("d")

    def __getattr__(self, name):
        return self._values[self.FIELDS.index(name)]

    def note(self, **values):
        for name, value in values.items():
            self._values[self.FIELDS.index(name)] = value

    @property
    def saving(self):
        return self.saves_begun > self.saves_ended


@dataclasses.dataclass
class Life:
    """A training in a process group of its own.

    Attributes:
      pid: int, of the process, which leads the group.
      counters: Counters.
      log: str, the file that takes what it prints.
    """

    pid: int
    counters: Counters
    log: str

    def wait_until(self, reached):
        """Waits until a function of the counters says so; returns whether it did before the end."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not reached(self.counters):
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return reached(self.counters)
            if time.monotonic() > deadline:
                raise LifeError(f"{self.log}: nothing happens for {PATIENCE_SECONDS} s.")
            time.sleep(POLL_SECONDS)
        return True

    def kill(self):
        """Kills the process and its group; it must not have ended before."""
        os.killpg(self.pid, signal.SIGKILL)
        if self.end() != -signal.SIGKILL:
            raise LifeError(f"{self.log}: the training ended before it was killed.")

    def end(self):
        """Waits for the process, and returns its exit status, or minus the signal's number."""
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        with open(self.log) as file:
            if "Traceback" in file.read():
                raise LifeError(f"{self.log}: there is a traceback.")
        return status


def load():
    """Imports TensorFlow and the project, without use and without TensorFlow's start-up lines."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    screen = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        import experiment  # noqa: F401
        import training.train  # noqa: F401
    finally:
        os.dup2(screen, 2)
        os.close(screen)
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise LifeError(f"Expected one thread after the imports, found {threads}: a fork would "
                        "lack the others.")


def begin(arguments, log, around_save=None):
    """Starts `python experiment.py ARGUMENTS` as a fork of this process, which has called `load`.

    Args:
      arguments: list of str.
      log: str, file that takes what it prints.
      around_save: function of the step that returns a context manager, in which the fork makes
        each save; or None.

    Returns:
      Life.
    """
    counters = Counters()
    begun = time.monotonic()
    pid = os.fork()
    if pid:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpgid(pid, pid)        # here, too: who comes first
        return Life(pid, counters, log)
    status = TRACEBACK_STATUS
    try:
        os.setpgid(0, 0)
        _redirect(log)
        _note_progress(counters, begun, around_save or contextlib.nullcontext)
        import experiment

        status = experiment.main(["experiment.py", *arguments])
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def run(arguments, log):
    """Runs a training to its end, and returns its exit status. Args: as for `begin`."""
    return begin(arguments, log).end()


def _redirect(log):
    with open(log, "a") as file, open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def _note_progress(counters, begun, around_save):
    """Makes this process, which will train, note its steps and saves."""
    from training import loop
    from training.checkpoints.write import CheckpointWriter

    make_step, save = loop.make_train_step, CheckpointWriter.save

    def noted_make_step(network, optimizer, **options):
        train_step = make_step(network, optimizer, **options)

        def noted_step(batch, global_batch):
            now = time.monotonic()
            counters.note(step=int(optimizer.iterations.numpy()) + 1)
            outcome = train_step(batch, global_batch)
            counters.note(steps_ended=counters.steps_ended + 1)
            if counters.start_seconds:
                counters.note(step_seconds=time.monotonic() - now)
            else:       # it was traced
                counters.note(start_seconds=time.monotonic() - begun)
            return outcome

        return noted_step

    def noted_save(writer):
        now = time.monotonic()
        counters.note(saving_step=counters.step, saves_begun=counters.saves_begun + 1)
        try:
            with around_save(int(counters.step)):
                return save(writer)
        finally:
            counters.note(saves_ended=counters.saves_ended + 1,
                          save_seconds=time.monotonic() - now)

    loop.make_train_step = noted_make_step
    CheckpointWriter.save = noted_save
