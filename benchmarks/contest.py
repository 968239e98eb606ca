"""Contests: workers that take turns, so that all meet the same moods of the machine."""

import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile

WARM_UP = 3     # steps that do not count: tracing, first allocations, caches
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class WorkerError(RuntimeError):
    """A worker that ended before its answer; says how."""


@dataclasses.dataclass(frozen=True)
class Timing:
    """What a contestant took.

    Attributes:
      seconds: list of float, one for each step that counts.
      items: images, records or operations in a step.
      memory: peak memory in bytes after it, of the GPU where there is one; or None.
    """

    seconds: list
    items: int
    memory: int | None = None

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


def environment(threads):
    """Returns os.environ with TensorFlow's threads for one operation and for operations side
    by side; 0 leaves them to TensorFlow."""
    numbers = {} if not threads else {
        name: str(threads) for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")}
    return {**os.environ, **numbers}


@contextlib.contextmanager
def started(contestant, threads=0):
    """Yields a Worker, a process of `benchmarks.worker` that ends with the block.

    Args:
      contestant: dict of a Contestant's attributes.
      threads: int, as for `environment`.
    """
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen([sys.executable, "-m", "benchmarks.worker"], cwd=ROOT,
                         env=environment(threads), stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            yield Worker(contestant, process, log)
        finally:
            process.kill()
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()


class Worker:
    """The other end of a worker's process.

    Args:
      contestant: dict of a Contestant's attributes.
      process: subprocess.Popen.
      log: file that the process prints to.
    """

    def __init__(self, contestant, process, log):
        self._name = " ".join(map(str, contestant.values()))
        self._process = process
        self._log = log
        self._send(contestant)

    def ask(self, **request):
        """Returns the answer to a request.

        Raises:
          WorkerError: if the worker ended; with the last line it printed.
        """
        self._send(request)
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        status = self._process.wait()
        self._log.seek(0)
        last = (self._log.read().strip().splitlines() or ["it said nothing"])[-1]
        if status == -9:
            last = "it was killed, perhaps for lack of memory"
        raise WorkerError(f"The worker of {self._name} ended with status {status}: {last}")

    def _send(self, message):
        # A worker that is gone is found by the answer that does not come.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()


def hold(contestants, steps, threads=0, block=1):
    """Lets contestants work in turns, each in a process of its own.

    Args:
      contestants: dict from a name to (dict of a Contestant's attributes, work).
      steps: int, steps of each that count, after WARM_UP that do not.
      threads: int, as for `environment`.
      block: int, steps in a turn.

    Returns:
      dict from name to Timing, and the GPU's name or None.

    Raises:
      WorkerError: if one of them ends early.
    """
    seconds = {name: [] for name in contestants}
    with contextlib.ExitStack() as stack:
        workers = {name: stack.enter_context(started(contestant, threads))
                   for name, (contestant, _) in contestants.items()}
        items = {}
        for start in range(0, WARM_UP + steps, block):
            for name, worker in workers.items():
                answer = worker.ask(work=contestants[name][1],
                                    steps=min(block, WARM_UP + steps - start))
                seconds[name] += answer["seconds"]
                items[name] = answer["items"]
        memory = {name: worker.ask(work="memory") for name, worker in workers.items()}
    timings = {name: Timing(seconds[name][WARM_UP:], items[name],
                            memory[name]["device"] or memory[name]["resident"])
               for name in contestants}
    return timings, next(iter(memory.values()))["gpu"]
