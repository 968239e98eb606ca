"""Work that is shared between processes, with results in order."""

import collections
import contextlib
import itertools
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker

from commands import quiet_tensorflow
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
      DataError: if a worker was killed.
    """
    if workers == 1:
        yield from map(function, tasks)
        return
    tasks = iter(tasks)
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start, [function])
    try:
        with _interrupts_blocked():     # the first tasks start the workers
            waiting = collections.deque(
                pool.submit(_call, task) for task in itertools.islice(tasks, AHEAD * workers))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(_call, task) for task in itertools.islice(tasks, 1))
    except BrokenProcessPool:
        raise DataError("A worker process was killed, perhaps for lack of memory; start again "
                        "with fewer --workers.") from None
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _interrupts_blocked():
    """Keeps Ctrl-C, which the shell sends to all processes, from those that start meanwhile."""
    resource_tracker.ensure_running()       # which would unblock the signal when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(function):
    """Prepares a worker."""
    global _function
    _function = function
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"       # leaves the card to trainings
    quiet_tensorflow.load()


def _end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)


def _call(task):
    return _function(task)
