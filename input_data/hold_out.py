"""Which examples are held out of a dataset that has no such split."""

import numpy as np

from input_data.dataset import DataError
from input_data.numbered_random import permuted

FRACTION = 0.2      # unless the user says otherwise
HELD_OUT = 101      # separates these random numbers from others of the same seed


def held_out(count, fraction, seed, *keys):
    """Returns which of `count` examples are held out: bool [count].

    Args:
      count: int.
      fraction: float, the share that is held out, rounded to whole examples.
      seed: int, decides which; None holds out the last.
      *keys: ints that separate uses of the seed.
    """
    numbers, held = np.arange(count), round(fraction * count)
    if seed is None:
        return numbers >= count - held
    return permuted(numbers, count, HELD_OUT, seed, *keys) < held


def held_out_by_class(labels, fraction, seed):
    """Returns which examples are held out, the same share of each class: bool [n]."""
    out = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        out[of_class] = held_out(len(of_class), fraction, seed, label)
    return out


def part(out, is_held_out, fraction):
    """Returns the numbers of the examples that are held out, or of the others: int64 [n].

    Args:
      out: bool [count], which are held out.
      is_held_out: whether to return the held-out ones.
      fraction: float, for the error.

    Raises:
      DataError: if either part is empty.
    """
    if out.all() or not out.any():
        raise DataError(f"Of {len(out)} examples, {out.sum()} would be held out "
                        f"(--validation_fraction={fraction:g}); expected some in each part.")
    return np.flatnonzero(out if is_held_out else ~out)
