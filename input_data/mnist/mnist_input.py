"""MNIST: single digits from TFRecords or from the published IDX files; pairs: `multi_mnist`."""

import os
import re

import numpy as np

from input_data import augmentation, records
from input_data.dataset import DataError, Split
from input_data.examples import Features
from input_data.mnist import NUM_CLASSES, describe, idx, listing, multi_mnist

SAMPLE = os.path.join(os.path.dirname(__file__), "sample")
TRAINING_SHIFT = 2      # pixels each way (paper, section 5)
VALIDATION_SHARE = 6    # the first 1/6 of the training digits validate


def load(data_dir, split, num_targets=1, *, shift=None):
    """Opens a split of MNIST, or of MultiMNIST.

    Args:
      data_dir: folder of TFRecords or IDX files, or the name of a record file, with @N for N
        shards; None for the sample that comes with the project.
      split: "train", "test", "valid_train" or "valid_test".
      num_targets: digits in an image, 1 or 2; pairs come from record files only.
      shift: pixels by which single digits to train on are moved at most, each way; None for 2
        with IDX files, and for 0 with records, whose digits are shifted already.

    Returns:
      Split.

    Raises:
      DataError: if there is no such data, several kinds of it, or it is damaged.
    """
    if num_targets == 2:
        if shift is not None:
            raise DataError("Pairs of digits are shifted in their files; leave --shift out.")
        return multi_mnist.load(data_dir, split)
    if num_targets != 1:
        raise DataError(f"MNIST has images of 1 digit or of 2, found --num_targets={num_targets}.")
    if data_dir is None:
        return _from_idx(SAMPLE, split, "the sample that comes with the project", shift)
    if not os.path.isdir(data_dir):
        _check_split_of_file(data_dir, split)
        return _from_records(data_dir, split, shift)
    if name := records.find(data_dir, record_patterns(split)):
        return _from_records(name, split, shift)
    return _from_idx(data_dir, split, data_dir, shift)


def _check_split_of_file(name, split):
    """Raises DataError if one file is to be both trained on and held out."""
    base = os.path.basename(name).partition("@")[0]
    if split.startswith("valid_") and not any(
            re.fullmatch(pattern, base) for pattern in record_patterns(split)):
        raise DataError(f"{name}: expected the records of {split} for --validate, such as "
                        f"{split}_2shifted_mnist.tfrecords; leave --validate out, or name the "
                        "folder that holds both splits.")


def record_patterns(split):
    """Returns the record files' names of a split, as regular expressions."""
    patterns = [rf"{split}_\d+shifted_mnist\.tfrecords"]
    if split.startswith("valid_"):
        # The name under which these files were published, beside the one they are made with.
        patterns.append(rf"{split.removeprefix('valid_')}_\d+shifted_mnist_valid\.tfrecords")
    return patterns


def read_idx_split(folder, split):
    """Returns a split's images, uint8 [n, height, width, 1], and labels, int32 [n].

    Raises:
      DataError: if the files are missing or damaged.
    """
    paths = idx.find(folder, "test" if split == "test" else "train")
    if paths is None:
        names = idx.NAMES["test" if split == "test" else "train"]
        raise DataError(
            f"{folder}: expected {split}_Nshifted_mnist.tfrecords, or {names[0]} and {names[1]} "
            f"(.gz or not), found {listing(folder)}.")
    images, labels = idx.read_pair(*paths, num_classes=NUM_CLASSES)
    held_out = len(images) // VALIDATION_SHARE
    part = {"valid_train": slice(held_out, None), "valid_test": slice(held_out)}.get(
        split, slice(None))
    return images[part], labels[part]


def _from_idx(folder, split, source, shift):
    images, labels = read_idx_split(folder, split)
    shift = TRAINING_SHIFT if shift is None else shift

    def read(numbers):
        return {"images": images[numbers], "targets": labels[numbers, np.newaxis]}

    return Split(describe(images.shape[1:], len(images)), f"{source}, {split} split", read,
                 augmentation.shifted_batches(split, shift))


def _from_records(name, split, shift):
    files = records.RecordFiles(records.shard_names(name))
    # A size that the first record only claims must not decide the network's.
    shape = Features(files[0], files.where(0)).shape()
    parse(files[0], shape, files.where(0))

    def read(numbers):
        parsed = [parse(files[number], shape, files.where(number)) for number in numbers]
        images, labels = zip(*parsed)
        return {"images": np.stack(images), "targets": np.array(labels, np.int32)[:, np.newaxis]}

    return Split(describe(shape, len(files)), name, read,
                 augmentation.shifted_batches(split, shift or 0))


def parse(serialized, shape, where):
    """Returns the image, uint8 of a shape, and the label of a record.

    Raises:
      DataError: if a feature is missing or does not fit the shape of the other records.
    """
    features = Features(serialized, where)
    found = features.shape()
    if found != shape:
        raise DataError(f"{where}: expected an image of {shape} like the first, found {found}.")
    return features.image("image_raw", shape), features.label("label", NUM_CLASSES)
