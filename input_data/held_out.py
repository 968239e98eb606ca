"""Parts labelled examples in two: those to train on, and those held out."""

import numpy as np

from input_data import numbered_random
from input_data.dataset import DataError


def rows(split, count, fraction, seed=None):
    """Returns the numbers of a split's examples, in order.

    Args:
      split: "train" or "valid_train" for the part to train on, "test" or "valid_test" for the
        part held out.
      count: int, number of labelled examples.
      fraction: share of them that is held out, in (0, 1).
      seed: int that draws them, or None to hold out the last.

    Returns:
      int64 [n].

    Raises:
      DataError: if a part is empty.
    """
    held_out = round(fraction * count)
    if not 0 < held_out < count:
        raise DataError(f"Of {count} labelled examples, {held_out} would be held out "
                        f"(--validation_fraction={fraction:g}): expected some in each part.")
    numbers = np.arange(count)
    places = numbers if seed is None else numbered_random.permuted(numbers, count, seed)
    last = places >= count - held_out
    return np.flatnonzero(last if split in ("test", "valid_test") else ~last)
