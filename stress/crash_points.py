"""Interrupts a save at every system call, by a kill or by an error that the call returns.

    python -m stress.crash_points
    python -m stress.crash_points --points=6 --norestart

A first run lists the calls of one save, with strace. Then each call gets each fault: SIGKILL, EIO,
ENOSPC. The newest whole checkpoint must then be the last or the one before, byte for byte; the exit
status is 0 only with the last; and the same command, given again, must end with the last.
docs/reliability.md says more. The report is printed and left in --output. Linux only.
"""

import contextlib
import dataclasses
import io
import multiprocessing
import os
import random
import shutil
import sys
import tempfile

from absl import flags

from benchmarks import machine, report
from commands import command_line
from commands.errors import RunError, UsageError
from stress import lives, strace
from stress.soak import tensors

FAILED = 1
BEFORE, LAST = 1, 2     # steps of the checkpoint that is there, and of the save
SAVED = b"saved"        # sent after the save, so that strace shows where it ends

FLAGS = command_line.new_flags()
flags.DEFINE_integer("points", 0, "Calls and faults to try, drawn by the seed; 0 tries all.",
                     lower_bound=0, flag_values=FLAGS)
flags.DEFINE_boolean("restart", True, "Give the command again after each.", flag_values=FLAGS)
flags.DEFINE_integer("seed", 0, "Decides which, with --points.", lower_bound=0, flag_values=FLAGS)
flags.DEFINE_string("output", "runs/crash_points", "Folder of the report; an earlier one is "
                    "replaced.", flag_values=FLAGS)


@dataclasses.dataclass
class Outcome:
    """The result of a fault at a call."""

    call: str
    fault: str
    status: int             # exit status, or minus the signal's number
    newest: int             # step of the newest whole checkpoint
    wrong: str = ""         # the failure, if any


class Save:
    """One save of a training, repeated from the same files in a folder."""

    def __init__(self, folder):
        self._start, self._run, self._log, self._trace = (
            os.path.join(folder, name) for name in ("start", "run", "log.txt", "strace.txt"))
        self._common = ["--hparams_override=num_prime_capsules=1,routing=1,remake=false",
                        "--batch_size=2", f"--max_steps={LAST}", f"--save_step={BEFORE}",
                        "--keep_checkpoints=1"]
        status = lives.run([*self._common, f"--max_steps={BEFORE}",
                            f"--summary_dir={self._start}"], self._log)
        if not status:
            self.calls, status = self.traced()
        if status:
            raise lives.LifeError(f"{self._log}: exit status {status}.")
        self._expected = {
            step: tensors(f"{folder}/train/model.ckpt-{step}")
            for step, folder in ((BEFORE, self._start), (LAST, self._run))}

    def traced(self, fault=None):
        """Trains to the last step, perhaps with a fault.

        Returns:
          The calls of the save that concern the run's files, up to the fault; exit status.
        """
        shutil.rmtree(self._run, ignore_errors=True)
        shutil.copytree(self._start, self._run)
        here, there = multiprocessing.Pipe()

        @contextlib.contextmanager
        def held(step):
            if step == LAST:
                here.close()
                there.send_bytes(b"ready")
                there.recv_bytes()
            yield
            if step == LAST:
                there.send_bytes(SAVED)

        life = lives.begin([*self._common, f"--summary_dir={self._run}"], self._log, held)
        there.close()
        with here:
            try:
                here.recv_bytes()
            except EOFError:
                raise lives.LifeError(f"{self._log}: it ended before the save.") from None
            tracer = strace.attach(life.process.pid, self._trace, fault)
            here.send_bytes(b"go")
            status = life.end()
        tracer.communicate()
        calls, injected = strace.parse(self._trace)
        end = injected + 1 if injected is not None else next(
            number for number, call in enumerate(calls) if SAVED.decode() in call.arguments)
        return [call for call in calls[:end] if any(
            path.startswith(self._run) for path in call.paths())], status

    def hit(self, call, fault, restart):
        """Injects a fault into a call, and returns the Outcome."""
        calls, status = self.traced((call, fault))
        found = str(calls[-1]) if calls else "none"
        newest, wrong = self._newest()
        if found != str(call):
            wrong = f"another call was hit: {found}"
        elif status == 0 and newest != LAST:
            wrong = "exit status 0 without the last checkpoint"
        elif (status == -9) != (fault == "SIGKILL") or status not in (-9, 0, 2):
            wrong = wrong or "exit status"
        elif restart and not wrong:
            again = lives.run([*self._common, f"--summary_dir={self._run}"], self._log)
            left = [name for name in os.listdir(f"{self._run}/train") if ".part-" in name]
            ended, wrong = self._newest()
            if again or left or ended != LAST:
                wrong = wrong or f"started again: status {again}, left {left}"
        return Outcome(str(call), fault, status, newest, wrong)

    def _newest(self):
        """Returns the step of the newest whole checkpoint, and what is wrong with it or ""."""
        from training.checkpoints.read import newest_whole_checkpoint

        with contextlib.redirect_stderr(io.StringIO()):
            try:
                stored = newest_whole_checkpoint(f"{self._run}/train")
            except RunError as error:
                return 0, str(error)
        same = stored and tensors(stored.name) == self._expected.get(stored.step)
        return (stored.step if stored else 0), "" if same else f"newest: {stored and stored.name}"


def unsynced(calls, folder):
    """Returns the names that files in a folder take before fsync has written their bytes."""
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


def count_through(settings, invocation):
    """Tries all points, prints and writes the report; returns an exit status, None for 0."""
    lives.load()
    # strace shows absolute paths.
    work = tempfile.mkdtemp(prefix="work-", dir=os.path.abspath(settings.output))
    save = Save(work)
    early = unsynced(save.calls, f"{work}/run/train")
    points = [(call, fault) for call in save.calls for fault in strace.FAULTS]
    if 0 < settings.points < len(points):
        chosen = random.Random(settings.seed).sample(range(len(points)), settings.points)
        points = [points[number] for number in sorted(chosen)]
    outcomes = [save.hit(call, fault, settings.restart) for call, fault in points]
    wrong = [outcome for outcome in outcomes if outcome.wrong]
    facts = machine.facts()
    print(report.write(settings.output, "a save that is cut off at every system call", [
        report.machine(facts, invocation),
        f"{len(save.calls)} calls of a save, {len(outcomes)} faults, {len(wrong)} failures; named "
        f"before their bytes are on the disk: {', '.join(early) or 'none'}.",
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
        cells = rows.setdefault(outcome.call, {fault: set() for fault in strace.FAULTS})
        status = f", status {outcome.status}" if outcome.status >= 0 else ""
        cells[outcome.fault].add(outcome.wrong or f"{outcome.newest}{status}")
    return [[call, *("; ".join(sorted(found)) for found in cells.values())]
            for call, cells in rows.items()]


def _settings(values):
    if not shutil.which("strace"):
        raise UsageError("strace is not installed; on Debian: apt-get install strace.")
    report.check_folder(values.output)
    return values


def main(argv):
    """Runs the command line, and returns its exit status."""
    line = report.invocation("stress.crash_points", argv)
    return command_line.run(argv, FLAGS, _settings,
                            lambda settings: count_through(settings, line), __doc__,
                            tensorflow=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
