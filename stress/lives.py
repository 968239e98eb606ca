"""Trainings as forked processes that are watched and killed: seconds each instead of ten.

The parent imports TensorFlow without using it, so it has a single thread and a fork is as good as
a new process. The fork runs experiment.main and notes its progress in shared memory, so that the
parent can aim at a step or at a save.
"""

import contextlib
import ctypes
import dataclasses
import mmap
import multiprocessing
import os
import signal
import sys
import time

from commands.errors import UserError

# NumPy would start a thread of OpenBLAS before the fork.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

POLL_SECONDS = 0.0005
PATIENCE_SECONDS = 300


class LifeError(UserError):
    """An unexpected end of a training."""


class Counters(ctypes.Structure):
    """The progress of a training."""

    _fields_ = [(name, ctypes.c_double) for name in (
        "start_seconds",        # from the fork to the end of the first step
        "step",                 # the step begun last
        "steps_ended",          # in this process
        "step_seconds",         # of the last step, except the first, which is traced
        "saves_begun", "saves_ended", "saving_step", "save_seconds")]

    @property
    def saving(self):
        return self.saves_begun > self.saves_ended


@dataclasses.dataclass
class Life:
    """A training in a process group of its own."""

    process: multiprocessing.Process    # leads the group
    counters: Counters                  # in memory shared with the process
    log: str                            # the file that takes the output

    def wait_until(self, reached):
        """Waits for a condition on the counters; returns whether it held before the end."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not reached(self.counters):
            if not self.process.is_alive():
                return reached(self.counters)
            if time.monotonic() > deadline:
                raise LifeError(f"{self.log}: no progress for {PATIENCE_SECONDS} s.")
            time.sleep(POLL_SECONDS)
        return True

    def kill(self):
        """Kills the process and its group; raises LifeError if it had ended before."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        if self.end() != -signal.SIGKILL:
            raise LifeError(f"{self.log}: the training ended before it was killed.")

    def end(self):
        """Waits for the process; returns its exit status, or minus the signal's number."""
        self.process.join()
        with open(self.log) as file:
            if "Traceback" in file.read():
                raise LifeError(f"{self.log}: found a traceback.")
        return self.process.exitcode


def load():
    """Imports TensorFlow and the project quietly, without using them."""
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
        raise LifeError(f"Expected one thread after the imports, found {threads}; a fork would "
                        "have only one of them.")


def begin(arguments, log, around_save=contextlib.nullcontext):
    """Starts a Life, `python experiment.py ARGUMENTS` as a fork; call `load` before.

    Args:
      arguments: list of str.
      log: str, file that takes the output.
      around_save: function of the step that returns a context manager around each save.
    """
    counters = Counters.from_buffer(mmap.mmap(-1, ctypes.sizeof(Counters)))
    process = multiprocessing.get_context("fork").Process(
        target=_live, args=(arguments, log, counters, around_save, time.monotonic()), daemon=True)
    process.start()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.setpgid(process.pid, process.pid)    # before anybody kills the group
    return Life(process, counters, log)


def run(arguments, log):
    """Runs a training to its end and returns its exit status."""
    return begin(arguments, log).end()


def _live(arguments, log, counters, around_save, begun):
    """Runs a training in the fork."""
    os.setpgid(0, 0)
    with open(log, "a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    import experiment

    sys.exit(experiment.main(["experiment.py", *arguments],
                             _progress(counters, begun, around_save)))


def _progress(counters, begun, around_save):
    """Returns the hook that notes steps and saves in the Counters."""
    from training.loop import Hook

    class Progress(Hook):
        def before_step(self, step, batch):
            self._step_began = time.monotonic()
            counters.step = step

        def after_step(self, step, metrics):
            counters.steps_ended += 1
            if counters.start_seconds:
                counters.step_seconds = time.monotonic() - self._step_began
            else:
                counters.start_seconds = time.monotonic() - begun

        @contextlib.contextmanager
        def around_save(self, step):
            began = time.monotonic()
            counters.saving_step = step
            counters.saves_begun += 1
            try:
                with around_save(step):
                    yield
            finally:
                counters.saves_ended += 1
                counters.save_seconds = time.monotonic() - began

    return Progress()
