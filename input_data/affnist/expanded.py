"""Expanded MNIST: digits placed at random on a ground of 40x40 (paper, section 5.2)."""

import numpy as np

from input_data import augmentation
from input_data.dataset import Dataset
from input_data.mnist import describe, mnist_input
from input_data.mnist.shifts import Ground, every_shift
from input_data.numbered_random import integers

REACH = 6           # pixels: all the places of 28x28 on 40x40
PLACES = 1          # separates this use of random numbers from others


def from_digits(folder, split, source):
    """Opens a split of the digits in a folder's IDX files, placed at random.

    In training a digit is placed anew every time; in evaluation its number decides its place.

    Args:
      folder: str.
      split: "train", "test", "valid_train" or "valid_test".
      source: str, describes the digits.
    """
    images, labels = mnist_input.read_idx_split(folder, split, records=f"{split}_{REACH}shifted")
    ground = Ground(images, REACH, pad=REACH)
    moves = split in ("train", "valid_train")
    shifts = every_shift(REACH)

    def read(numbers):
        # Digits to train on start in the middle; shifted_batches moves them.
        places = np.zeros((len(numbers), 2), np.int64) if moves else \
            shifts[integers(len(shifts), PLACES, numbers)]
        return {"images": ground.moved(numbers, places), "targets": labels[numbers, np.newaxis]}

    return Dataset(describe(ground.shape, len(images), name="affnist"),
                   f"{source}, {split} split, placed at random", read,
                   augmentation.shifted_batches(split, REACH, ground.shape))
