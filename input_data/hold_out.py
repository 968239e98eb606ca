"""Which examples are held out where a dataset itself does not say."""

import numpy as np

from input_data.numbered_random import permuted

FRACTION = 0.2      # unless the user says otherwise
HELD_OUT = 101      # separates these random numbers from others of the same seed


def held_out(count, fraction, seed, *keys):
    """Returns which of `count` examples are held out: bool [count].

    Args:
      count: int.
      fraction: float, the share that is held out, rounded to whole examples.
      seed: int, decides which.
      *keys: ints; other keys, other examples.
    """
    return permuted(np.arange(count), count, HELD_OUT, seed, *keys) < round(fraction * count)


def held_out_by_class(labels, fraction, seed):
    """Returns which examples are held out, the same share of each class: bool [n].

    Args:
      labels: int [n].
      fraction, seed: as for `held_out`.
    """
    out = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        out[of_class] = held_out(len(of_class), fraction, seed, label)
    return out
