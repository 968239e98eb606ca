"""Lets a training die at every system call of a save, and lets every one of them fail.

    python -m stress.crash_points
    python -m stress.crash_points --points=6 --norestart

The calls of one save are counted in a first run, with strace. Then there is a run for each of them
and each fault: SIGKILL, EIO, ENOSPC. After it the newest whole checkpoint must be the last or the
one before, byte for byte; the exit status is 0 only with the last; and the same command, given
again, must end with the last. docs/reliability.md says more. The report is printed and left in
--output. Linux only.
"""

import contextlib
import dataclasses
import io
import os
import random
import shutil
import sys
import tempfile

from absl import flags

from benchmarks import machine, report
from commands import command_line
from commands.errors import UsageError
from stress import lives, strace
from stress.soak import tensors

FAILED = 1
BEFORE, LAST = 1, 2     # steps: of the checkpoint that is there, and of the save
SAVED = b"saved"

FLAGS = command_line.new_flags()
flags.DEFINE_integer("points", 0, "Calls and faults to try, drawn by the seed; 0 tries all.",
                     lower_bound=0, flag_values=FLAGS)
flags.DEFINE_boolean("restart", True, "Give the command again after each.", flag_values=FLAGS)
flags.DEFINE_integer("seed", 0, "Decides which, with --points.", lower_bound=0, flag_values=FLAGS)
flags.DEFINE_string("output", "runs/crash_points", "Folder of the report; an earlier one is "
                    "replaced.", flag_values=FLAGS)


@dataclasses.dataclass
class Outcome:
    """What a fault at a call led to."""

    call: str
    fault: str
    status: int             # exit status, or minus the signal's number
    newest: int             # step of the newest whole checkpoint
    wrong: str = ""         # what must not be, or ""


class Save:
    """One save of a training, again and again from the same files.

    Args:
      folder: str, for files.
    """

    def __init__(self, folder):
        self._folder = folder
        self._common = ["--hparams_override=num_prime_capsules=1,routing=1,remake=false",
                        "--batch_size=2", f"--max_steps={LAST}", f"--save_step={BEFORE}",
                        "--keep_checkpoints=1"]
        self._log = os.path.join(folder, "log.txt")
        whole = os.path.join(folder, "whole")
        self._must(lives.run([*self._common, f"--max_steps={BEFORE}", f"--summary_dir={whole}"],
                             self._log))
        shutil.copytree(whole, os.path.join(folder, "start"))
        before = tensors(f"{whole}/train/model.ckpt-{BEFORE}")
        calls, status = self.traced()
        self._must(status)
        self.calls = calls
        self._expected = {
            BEFORE: before, LAST: tensors(f"{self._run}/train/model.ckpt-{LAST}")}

    @property
    def _run(self):
        return os.path.join(self._folder, "run")

    def _must(self, status):
        if status != 0:
            raise lives.LifeError(f"{self._log}: exit status {status}.")

    def traced(self, fault=None):
        """Trains to the last step, with a fault in its save, if any.

        Returns:
          Calls of the save that concern the run's files (with a fault: those until it), exit
          status.
        """
        shutil.rmtree(self._run, ignore_errors=True)
        shutil.copytree(os.path.join(self._folder, "start"), self._run)
        ready, tell = os.pipe()
        wait, go = os.pipe()

        @contextlib.contextmanager
        def held(step):
            if step == LAST:
                os.write(tell, b"ready")
                os.read(wait, 1)
            yield
            if step == LAST:
                os.write(tell, SAVED)

        life = lives.begin([*self._common, f"--summary_dir={self._run}"], self._log, held)
        os.close(tell)
        os.close(wait)
        try:
            if not os.read(ready, 5):
                raise lives.LifeError(f"{self._log}: it ended before the save.")
            tracer = strace.Tracer(life.pid, os.path.join(self._folder, "strace.txt"), fault)
            os.write(go, b"g")
            status = life.end()
        finally:
            os.close(ready)
            os.close(go)
        calls, injected = tracer.calls()
        end = injected + 1 if injected is not None else next(
            number for number, call in enumerate(calls) if SAVED.decode() in call.arguments)
        return [call for call in calls[:end] if any(
            path.startswith(self._run) for path in call.paths())], status

    def hit(self, call, fault, restart):
        """Injects a fault into a call, and returns the Outcome."""
        calls, status = self.traced((call, fault))
        outcome = Outcome(str(call), fault, status, 0)
        if not calls or str(calls[-1]) != str(call):
            outcome.wrong = f"another call was hit: {calls[-1] if calls else 'none'}"
            return outcome
        outcome.newest = self._newest(outcome)
        if (status == -9) != (fault == "SIGKILL") or status not in (-9, 0, 2):
            outcome.wrong = outcome.wrong or "exit status"
        if status == 0 and outcome.newest != LAST:
            outcome.wrong = "exit status 0 without the last checkpoint"
        if restart and not outcome.wrong:
            status = lives.run([*self._common, f"--summary_dir={self._run}"], self._log)
            left = [name for name in os.listdir(f"{self._run}/train") if ".part-" in name]
            if status or left or self._newest(outcome) != LAST:
                outcome.wrong = outcome.wrong or f"started again: status {status}, left {left}"
        return outcome

    def _newest(self, outcome):
        """Returns the step of the run's newest whole checkpoint, after a look at its bytes."""
        from commands.errors import RunError
        from training.checkpoints.read import newest_whole_checkpoint

        with contextlib.redirect_stderr(io.StringIO()):
            try:
                stored = newest_whole_checkpoint(f"{self._run}/train")
            except RunError as error:
                outcome.wrong = str(error)
                return 0
        if stored is None or tensors(stored.name) != self._expected.get(stored.step):
            outcome.wrong = f"the newest checkpoint: {stored and stored.name}"
        return stored.step if stored else 0


def unsynced(calls, folder):
    """Returns the names that files of a folder take before their bytes are on the disk.

    Args:
      calls: list of strace.Call.
      folder: str.
    """
    synced, found, moved = set(), [], False
    for call in calls:
        paths = call.paths()
        if call.name in ("fsync", "fdatasync"):
            synced.add(paths[0])
            moved = moved and paths[0] != folder
        elif call.name.startswith("rename"):
            source, target = paths[-2:]
            if os.path.dirname(target) == folder:
                if source not in synced or (moved and os.path.basename(target) == "checkpoint"):
                    found.append(os.path.basename(target))
                moved = True
    return found


def count_through(settings, folder, invocation):
    """Tries all points, prints and writes the report; returns an exit status, None for 0."""
    lives.load()
    # strace shows absolute paths.
    work = tempfile.mkdtemp(prefix="work-", dir=os.path.abspath(folder))
    save = Save(work)
    if not save.calls:
        raise lives.LifeError(f"{work}: strace shows no calls of the save.")
    early = unsynced(save.calls, f"{work}/run/train")
    points = [(call, fault) for call in save.calls for fault in strace.FAULTS]
    if settings.points:
        chosen = sorted(random.Random(settings.seed).sample(
            range(len(points)), min(settings.points, len(points))))
        points = [points[number] for number in chosen]
    outcomes = [save.hit(call, fault, settings.restart) for call, fault in points]
    wrong = [outcome for outcome in outcomes if outcome.wrong]
    facts = machine.facts()
    print(report.write(folder, "a save that is cut off at every system call", [
        report.machine(facts, invocation),
        f"{len(save.calls)} calls of a save, {len(outcomes)} faults, {len(wrong)} that end as "
        f"they must not; named before their bytes are on the disk: {', '.join(early) or 'none'}.",
        report.table(["call", *strace.FAULTS], _rows(outcomes))],
                       {"command": invocation, "machine": facts, "unsynced": early,
                        "outcomes": [dataclasses.asdict(outcome) for outcome in outcomes]}))
    if wrong or early:
        print(f"The files of the last are left in {work}.", file=sys.stderr)
        return FAILED
    shutil.rmtree(work)
    return None


def _rows(outcomes):
    rows = {}
    for outcome in outcomes:
        cells = rows.setdefault(outcome.call, {})
        cells.setdefault(outcome.fault, []).append(
            outcome.wrong or f"{outcome.newest}, status {outcome.status}" if outcome.status >= 0
            else outcome.wrong or str(outcome.newest))
    return [[call, *("; ".join(sorted(set(cells.get(fault, [])))) for fault in strace.FAULTS)]
            for call, cells in rows.items()]


def _settings(values):
    if reason := strace.missing():
        raise UsageError(f"{reason}; on Debian: apt-get install strace.")
    report.check_folder(values.output)
    return values


def main(argv):
    """Runs the command line, and returns its exit status."""
    line = report.invocation("stress.crash_points", argv)
    return command_line.run(
        argv, FLAGS, _settings, lambda settings: count_through(settings, settings.output, line),
        __doc__, tensorflow=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
