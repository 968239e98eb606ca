"""Work that is shared between processes, with results in order."""

import collections
import itertools
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from commands import quiet_tensorflow
from commands.child_processes import end_with_parent, interrupts_blocked
from input_data.dataset import DataError

AHEAD = 2       # tasks under way for each worker

_function = None        # in a worker: what it calls


def in_order(function, tasks, workers):
    """Yields function(task) for each task, in order; few results are kept at a time.

    Args:
      function: picklable; each worker gets it once. TensorFlow is loaded when it is called.
      tasks: iterable of small picklable tasks.
      workers: number of processes; with 1, this process does the work itself.

    Raises:
      DataError: if a worker ended early.
    """
    if workers == 1:
        yield from map(function, tasks)
        return
    tasks = iter(tasks)
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start, [function])
    try:
        with interrupts_blocked():     # the first tasks start the workers
            waiting = collections.deque(
                pool.submit(_call, task) for task in itertools.islice(tasks, AHEAD * workers))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(_call, task) for task in itertools.islice(tasks, 1))
    except BrokenProcessPool:
        raise DataError("A worker process ended early, perhaps for lack of memory; start again "
                        "with fewer --workers.") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _start(function):
    """Prepares a worker."""
    global _function
    _function = function
    end_with_parent()
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"       # leaves the card to trainings
    quiet_tensorflow.load()


def _call(task):
    return _function(task)
