"""MultiMNIST: pairs of digits, one over the other, from TFRecords or made when they are read."""

import numpy as np
import tensorflow as tf

from input_data import records
from input_data.dataset import DataError, Split
from input_data.examples import Features
from input_data.mnist import NUM_CLASSES, describe
from input_data.mnist.pairs import Pairs

# The paper's sets, section 6: partners of each digit; pixels.
NUM_PAIRS = 1000
SHIFT = PAD = 4


def from_digits(images, labels, source):
    """Opens the pairs of some digits as a Split: those `mnist_shift.py` would write, unwritten.

    A pair is made when it is read; pair k is record k of a generation with NUM_PAIRS, SHIFT and
    PAD.

    Args:
      images: uint8 [n, height, width, 1].
      labels: int [n].
      source: str, where the digits come from, in words.

    Raises:
      DataError: if the digits are all of one class.
    """
    pairs = Pairs(images, labels, NUM_PAIRS, SHIFT, PAD)

    def read(numbers):
        labels, images = pairs.make(numbers)
        return {"images": images[:, 2], "targets": labels.astype(np.int32),
                "target_images": images[:, :2]}

    return Split(describe(pairs.shape, len(pairs), num_targets=2),
                 f"pairs made of {source}", read, _prepare)


def parse(serialized, shape, where):
    """Reads the record of a pair.

    Args:
      serialized: bytes.
      shape: height, width and depth of the images.
      where: str, file and position, for errors.

    Returns:
      uint8 [3, height, width, depth]: the pair, its first digit, its second; and two labels.

    Raises:
      DataError: if a feature is missing or does not fit the shape of the other records.
    """
    features = Features(serialized, where)
    found = features.shape()
    if found != shape:
        raise DataError(f"{where}: expected images of {shape} like the first, found {found}.")
    images = [features.image(name, shape) for name in ("merged_raw", "image_raw_1", "image_raw_2")]
    return np.stack(images), [features.label(name, NUM_CLASSES) for name in ("label_1", "label_2")]


def from_records(name):
    """Opens the records NAME or NAME@N of pairs as a Split. Raises DataError."""
    files = records.RecordFiles(records.shard_names(name))
    # A size that the first record only claims must not decide the network's.
    shape = Features(files[0], files.where(0)).shape()
    parse(files[0], shape, files.where(0))

    def read(numbers):
        parsed = [parse(files[number], shape, files.where(number)) for number in numbers]
        images, labels = zip(*parsed)
        images = np.stack(images)           # [n, 3, height, width, depth]
        return {"images": images[:, 0], "targets": np.array(labels, np.int32),
                "target_images": images[:, 1:]}

    return Split(describe(shape, len(files), num_targets=2), name, read, _prepare)


def _prepare(stored, seed):
    return {"images": tf.cast(stored["images"], tf.float32) / 255, "targets": stored["targets"],
            "target_images": tf.cast(stored["target_images"], tf.float32) / 255}
