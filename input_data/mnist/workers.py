"""Work that is shared between processes, with results in order."""

import collections
import contextlib
import itertools
import multiprocessing
import os

from commands import quiet_tensorflow
from commands.child_processes import end_with_parent, interrupts_blocked
from input_data.dataset import DataError

AHEAD = 2       # tasks under way for each worker


def in_order(function, tasks, workers):
    """Yields function(task) for each task, in order; few results are kept at a time.

    Each worker has a pipe of its own: one that is killed while it sends a result leaves the end of
    the file there. A ProcessPoolExecutor, whose workers share a pipe, would wait for the rest.

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
    waiting = collections.deque()       # the pipes from which results will come
    with contextlib.ExitStack() as stack:
        pipes = [stack.enter_context(_worker(function)) for _ in range(workers)]
        for pipe, task in zip(itertools.cycle(pipes), itertools.islice(tasks, AHEAD * workers)):
            waiting.append(_given(pipe, task))
        while waiting:
            pipe = waiting.popleft()
            with _ends_told():
                result, error = pipe.recv()
            if error is not None:
                raise error
            yield result
            waiting.extend(_given(pipe, task) for task in itertools.islice(tasks, 1))


def _given(pipe, task):
    """Sends a task to a worker, and returns the worker's pipe."""
    with _ends_told():
        pipe.send(task)
    return pipe


@contextlib.contextmanager
def _ends_told():
    try:
        yield
    except (EOFError, OSError):
        raise DataError("A worker process ended early, perhaps for lack of memory; start again "
                        "with fewer --workers.") from None


@contextlib.contextmanager
def _worker(function):
    """Starts a process; yields the pipe that takes tasks and gives (result, error)."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(function, theirs), daemon=True)
    with interrupts_blocked():
        process.start()
    theirs.close()
    try:
        yield ours
    finally:
        process.kill()
        process.join()


def _work(function, pipe):
    """Answers tasks until the parent ends."""
    end_with_parent()
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"       # leaves the card to trainings
    quiet_tensorflow.load()
    while True:
        task = pipe.recv()
        try:
            pipe.send((function(task), None))
        except Exception as error:
            pipe.send((None, error))
