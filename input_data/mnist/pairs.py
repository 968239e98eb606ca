"""Pairs of digits of different classes, one over the other (paper, section 6).

Pair k of a set is a function of the seed and of k: a set of any size takes no memory, and any
number of processes can make parts of it.
"""

import collections
import contextlib
import itertools
import multiprocessing
import os
import signal
import traceback
from multiprocessing import resource_tracker
from typing import NamedTuple

import numpy as np

from commands import quiet_tensorflow
from input_data.dataset import DataError
from input_data.mnist.shifts import Ground, every_shift
from input_data.numbered_random import integers, permuted

# Separate the seed's uses.
ORDER, PARTNER, BASE_SHIFT, PARTNER_SHIFT = range(4)
AHEAD = 2       # tasks under way for each worker


class Choice(NamedTuple):
    """Which digits make up pairs, and where they lie; all int64."""

    bases: np.ndarray               # [n], numbers of images
    partners: np.ndarray            # [n]
    base_shifts: np.ndarray         # [n, 2], rows and columns
    partner_shifts: np.ndarray      # [n, 2]


class Pairs:
    """A set of pairs in random order: every image is the base of num_pairs of them.

    The partners of a base are different images of other classes, as long as there are enough;
    else each is drawn on its own. A base lies the same way in all of its pairs.

    Args:
      images: uint8 [n, height, width, depth].
      labels: int [n].
      num_pairs: int.
      shift: largest shift each way, in pixels; all shifts are equally likely.
      pad: pixels of ground added on each side before shifting.
      seed: int.

    Raises:
      DataError: if the images are all of one class.
    """

    def __init__(self, images, labels, num_pairs, shift, pad=0, seed=0):
        self.labels = np.asarray(labels)
        self.num_pairs = num_pairs
        self.seed = seed
        self._ground = Ground(images, shift, pad)
        self._shifts = every_shift(shift)
        # Images by class: the candidates for a base are those before its class and behind it.
        self._by_class = np.argsort(self.labels, kind="stable")
        self._of_class = np.bincount(self.labels)
        self._class_start = np.cumsum(self._of_class) - self._of_class
        if np.count_nonzero(self._of_class) < 2:
            raise DataError("Pairs of digits: expected images of 2 or more classes, found "
                            f"{np.count_nonzero(self._of_class)}.")

    def __len__(self):
        return len(self.labels) * self.num_pairs

    @property
    def shape(self):
        """Height, width and depth of the images made."""
        return self._ground.shape

    def choose(self, numbers):
        """Returns the Choice of the pairs of some numbers, int [n]."""
        bases, each = np.divmod(permuted(numbers, len(self), self.seed, ORDER), self.num_pairs)
        return Choice(bases, self._partners(bases, each),
                      self._shifts[integers(len(self._shifts), self.seed, BASE_SHIFT, bases)],
                      self._shifts[integers(len(self._shifts), self.seed, PARTNER_SHIFT, bases,
                                            each)])

    def make(self, numbers):
        """Returns the pairs of some numbers.

        Args:
          numbers: int [n].

        Returns:
          labels: int [n, 2], of base and partner.
          images: uint8 [n, 3, height + 2 * pad, width + 2 * pad, depth]: the base, the partner,
            and their sum, at most 255.
        """
        choice = self.choose(numbers)
        base = self._ground.moved(choice.bases, choice.base_shifts)
        partner = self._ground.moved(choice.partners, choice.partner_shifts)
        merged = base + np.minimum(partner, 255 - base)
        labels = self.labels[np.stack([choice.bases, choice.partners], axis=1)]
        return labels, np.stack([base, partner, merged], axis=1)

    def _partners(self, bases, each):
        """Returns the image that is partner number `each` of a base, all int64 [n]."""
        classes = self.labels[bases]
        own = self._of_class[classes]
        candidates = len(self.labels) - own
        enough = candidates >= self.num_pairs
        # Without enough of them, the place is drawn instead; `each` may be beyond the order.
        place = np.where(enough,
                         permuted(np.where(enough, each, 0), candidates, self.seed, PARTNER, bases),
                         integers(candidates, self.seed, PARTNER, bases, each))
        return self._by_class[place + np.where(place >= self._class_start[classes], own, 0)]


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
    with processes(function, workers) as connections:
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
def processes(function, workers):
    """Yields a connection to each of so many new processes, which end with the block.

    Each has a pipe of its own: one that is killed while it sends ends the pipe. It takes tasks
    and answers each with (function(task), None) or (None, error).
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
    """Answers tasks for as long as the parent is there."""
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
