"""Work spread over processes, its results in order."""

import collections
import contextlib
import itertools
import multiprocessing
import os
import signal
import traceback
from multiprocessing import resource_tracker

from commands import quiet_tensorflow
from input_data.dataset import DataError

AHEAD = 2       # tasks under way for each worker


def in_order(function, tasks, workers):
    """Yields function(task) for each task, in order; few results are under way at a time.

    Args:
      function: picklable; goes to each worker once. TensorFlow is loaded when it is called.
      tasks: iterable of picklable tasks, small: a few hundred bytes each.
      workers: number of processes; with 1, this process does the work itself.

    Raises:
      DataError: if a worker was killed.
    """
    if workers == 1:
        yield from map(function, tasks)
        return
    with _started(function, workers) as connections:
        turns, tasks = itertools.cycle(connections), iter(tasks)
        waiting = collections.deque()       # connections, in the order of their tasks

        def hand_out(most):
            for task in itertools.islice(tasks, most):
                waiting.append(next(turns))
                waiting[-1].send(task)

        try:
            hand_out(AHEAD * workers)
            while waiting:
                result, error = waiting.popleft().recv()
                if error:
                    raise error
                yield result
                hand_out(1)
        except (EOFError, ConnectionError):
            raise DataError("A worker process was killed, perhaps for lack of memory; start "
                            "again with fewer --workers.") from None


@contextlib.contextmanager
def _started(function, workers):
    """Yields a connection to each of so many new processes, which end with the block.

    Each has a pipe of its own: one that is killed while it sends ends the pipe.
    """
    context = multiprocessing.get_context("spawn")
    with contextlib.ExitStack() as stack:
        connections = []
        with _interrupts_blocked():
            for _ in range(workers):
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(theirs, function), daemon=True)
                process.start()
                theirs.close()
                stack.callback(process.join)
                stack.callback(process.kill)
                connections.append(stack.enter_context(ours))
        yield connections


@contextlib.contextmanager
def _interrupts_blocked():
    """Keeps Ctrl-C, which the shell sends to all processes, from those that start meanwhile."""
    resource_tracker.ensure_running()       # its own start would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection, function):
    """Answers tasks with (result, None) or (None, error) for as long as the parent is there."""
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"       # leaves the card to those that train
    quiet_tensorflow.load()
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            task = connection.recv()
            try:
                answer = function(task), None
            except Exception as error:
                error.add_note(traceback.format_exc())
                answer = None, error
            connection.send(answer)
