"""Pairs of digits of different classes, one over the other (paper, section 6).

Pair k of a set is a function of the seed and of k: a set of any size takes no memory, and any
number of processes can make parts of it.
"""

from typing import NamedTuple

import numpy as np

from input_data.dataset import DataError
from input_data.mnist.shifts import Ground, every_shift
from input_data.numbered_random import integers, permuted

# Separate the seed's uses.
ORDER, PARTNER, BASE_SHIFT, PARTNER_SHIFT = range(4)


class Choice(NamedTuple):
    """Which digits make up pairs, and where they lie; all int64."""

    bases: np.ndarray               # [n], numbers of images
    partners: np.ndarray            # [n]
    base_shifts: np.ndarray         # [n, 2], rows and columns
    partner_shifts: np.ndarray      # [n, 2]


class Pairs:
    """A set of pairs in random order: every image is the base of num_pairs of them.

    The partners of a base are different images of other classes, as long as there are enough;
    else each is drawn on its own. A base has the same shift in all of its pairs.

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
        """Returns the pairs of some numbers, int [n].

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
