"""Work spread over processes, its results in order."""

import collections
import contextlib
import itertools
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from input_data import quiet_tensorflow
from input_data.dataset import DataError

AHEAD = 2       # tasks under way for each worker


def in_order(function, tasks, workers):
    """Yields function(task) for each task, in order; few results are under way at a time.

    Args:
      function: picklable; goes to each worker once. TensorFlow is loaded when it is called.
      tasks: iterable of picklable tasks.
      workers: number of processes; with 1, this process does the work itself.

    Raises:
      DataError: if a worker was killed.
    """
    if workers == 1:
        yield from map(function, tasks)
        return
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start, (function,))
    waiting, tasks = collections.deque(), iter(tasks)
    try:
        with _interrupts_blocked():
            for task in itertools.islice(tasks, AHEAD * workers):
                waiting.append(pool.submit(_work, task))
        while waiting:
            yield waiting.popleft().result()
            for task in itertools.islice(tasks, 1):
                waiting.append(pool.submit(_work, task))
    except BrokenProcessPool:
        raise DataError("A worker process was killed, perhaps for lack of memory; start again "
                        "with fewer --workers.") from None
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _interrupts_blocked():
    """Keeps Ctrl-C, which the shell sends to all processes, from those that start meanwhile."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(function):
    """Makes a new process ready to work."""
    global _work_function
    _work_function = function
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"       # leaves the card to those that train
    quiet_tensorflow.load()


def _end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)


def _work(task):
    return _work_function(task)
