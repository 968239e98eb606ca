"""MultiMNIST: pairs of digits, one over the other, from TFRecords (paper, section 6)."""

import os

import numpy as np
import tensorflow as tf

from input_data import records
from input_data.dataset import DataError, Split
from input_data.examples import Features
from input_data.mnist import NUM_CLASSES, describe, listing


def load(data_dir, split):
    """Opens a split of MultiMNIST.

    Args:
      data_dir: folder of TFRecords, or the name of a record file, with @N for N shards.
      split: "train" or "test".

    Returns:
      Split.

    Raises:
      DataError: if there is no such data, several sets of it, or it is damaged.
    """
    if split.startswith("valid_"):
        raise DataError("Pairs of digits come without a split for validation; leave --validate "
                        "out, and name the pairs to use with --data_dir.")
    if data_dir is None:
        raise DataError("Pairs of digits: expected record files, found none: --data_dir is "
                        "missing; input_data/mnist/mnist_shift.py --multi_targets makes them.")
    if not os.path.isdir(data_dir):
        return _from_records(data_dir)
    name = records.find(data_dir, [rf"multi{split}_\d+shifted_mnist\.tfrecords"])
    if name is None:
        raise DataError(f"{data_dir}: expected multi{split}_Nshifted_mnist.tfrecords, whole or "
                        f"in shards, found {listing(data_dir)}.")
    return _from_records(name)


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


def _from_records(name):
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
