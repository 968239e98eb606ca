"""Contests: contestants take turns in processes of their own, under the same load."""

import concurrent.futures
import contextlib
import dataclasses
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks import worker
from commands.errors import reason

WARM_UP = 3     # steps that do not count: tracing, first allocations, caches
STARTS = 3      # of experiment.py that count
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class WorkerError(RuntimeError):
    """A process that ended early; says how."""


@dataclasses.dataclass(frozen=True)
class Timing:
    """The time and memory of a contestant."""

    seconds: list               # of each step that counts
    items: int                  # images, records or operations in a step
    memory: int | None = None   # peak in bytes, of the GPU if there is one

    @property
    def median(self):
        """float, seconds."""
        return statistics.median(self.seconds)

    @property
    def rate(self):
        """float, items a second."""
        return self.items / self.median


def quartiles(values):
    """Returns the lower and the upper quartile of one or more numbers."""
    if len(values) == 1:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def hold(contestants, steps, block=1):
    """Lets contestants work in turns, each in a process of its own.

    Args:
      contestants: dict from a name to (dict of a Contestant's attributes, work).
      steps: int, steps of each that count, after WARM_UP that do not.
      block: int, steps in a turn.

    Returns:
      dict from name to Timing, and the GPU's name or None.

    Raises:
      WorkerError: if one of them ends early.
    """
    seconds, items = {name: [] for name in contestants}, {}
    with contextlib.ExitStack() as stack:
        pools = {name: stack.enter_context(concurrent.futures.ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"))) for name in contestants}
        for start in range(0, WARM_UP + steps, block):
            for name, (contestant, work) in contestants.items():
                found, items[name] = _answer(name, pools[name], worker.work, contestant, work,
                                             min(block, WARM_UP + steps - start))
                seconds[name] += found
        memory = {name: _answer(name, pool, worker.peak_memory) for name, pool in pools.items()}
    timings = {name: Timing(seconds[name][WARM_UP:], items[name], memory[name][0])
               for name in contestants}
    return timings, next(iter(memory.values()))[1]


def _answer(name, pool, function, *arguments):
    """Returns the result of a function in a contestant's process."""
    try:
        return pool.submit(function, *arguments).result()
    except concurrent.futures.BrokenExecutor:
        raise WorkerError(f"The worker of {name} was killed, perhaps for lack of memory.") from None
    except Exception as error:
        raise WorkerError(f"The worker of {name} failed: {reason(error)}") from error


def starts():
    """Returns the seconds from starts of experiment.py to the end of its first training step.

    The first start does not count.

    Raises:
      WorkerError: if the training ends without a step.
    """
    return [_start() for _ in range(STARTS + 1)][1:]


def _start():
    with tempfile.TemporaryDirectory() as folder:
        start = time.time()
        done = subprocess.run(
            [sys.executable, "experiment.py", f"--summary_dir={folder}", "--max_steps=1",
             "--save_step=1000000000"], cwd=ROOT, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            last = (done.stdout.strip().splitlines() or ["no output"])[-1]
            raise WorkerError(f"experiment.py ended without a training step: {last}")
        # Written when the step's losses are known.
        return os.path.getmtime(os.path.join(folder, "train", "history.csv")) - start
