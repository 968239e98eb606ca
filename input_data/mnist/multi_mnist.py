"""MultiMNIST: pairs of overlapping digits, from TFRecords or made when they are read."""

import numpy as np
import tensorflow as tf

from input_data.dataset import Dataset
from input_data.formats.image_records import ImageRecords
from input_data.mnist import NUM_CLASSES, describe
from input_data.mnist.pairs import Pairs

# The paper's sets, section 6: partners of each digit; pixels.
NUM_PAIRS = 1000
SHIFT = PAD = 4


def from_digits(images, labels, source):
    """Opens the pairs of some digits as a Dataset; they are made when they are read.

    Pair k is record k that `mnist_shift.py` writes with NUM_PAIRS, SHIFT and PAD.

    Args:
      images: uint8 [n, height, width, 1].
      labels: int [n].
      source: str, describes the digits.

    Raises:
      DataError: if the digits are all of one class.
    """
    pairs = Pairs(images, labels, NUM_PAIRS, SHIFT, PAD)

    def read(numbers):
        labels, images = pairs.make(numbers)
        return {"images": images[:, 2], "targets": labels.astype(np.int32),
                "target_images": images[:, :2]}

    return Dataset(describe(pairs.shape, len(pairs), num_targets=2),
                   f"pairs made of {source}", read, _prepare, kind="IDX files")


def from_records(name):
    """Opens the records NAME or NAME@N of pairs as a Dataset. Raises DataError."""
    found = ImageRecords(name, _parse)

    def read(numbers):
        pairs, digits, labels = found.read(numbers)
        return {"images": pairs, "targets": labels.astype(np.int32), "target_images": digits}

    return Dataset(describe(found.shape, len(found), num_targets=2), name, read, _prepare,
                   kind="records")


def _parse(features, shape):
    pair, *digits = [features.image(name, shape)
                     for name in ("merged_raw", "image_raw_1", "image_raw_2")]
    return pair, digits, [features.label(name, NUM_CLASSES) for name in ("label_1", "label_2")]


def _prepare(stored, seed):
    return {"images": tf.cast(stored["images"], tf.float32) / 255, "targets": stored["targets"],
            "target_images": tf.cast(stored["target_images"], tf.float32) / 255}
