"""MNIST from TFRecords or from the published IDX files: single digits, or pairs of them."""

import functools
import os
import re

import numpy as np

from input_data import augmentation
from input_data.dataset import DataError, Split, scaled_batch
from input_data.formats import idx, tfrecords
from input_data.formats.image_records import ImageRecords
from input_data.mnist import NUM_CLASSES, describe, listing, multi_mnist

SAMPLE = os.path.join(os.path.dirname(__file__), "sample")
TRAINING_SHIFT = 2      # pixels each way (paper, section 5)
VALIDATION_SHARE = 6    # the first 1/6 of the training digits validate
PREFIXES = {1: "", 2: "multi"}      # of record files' names, by the number of targets


def load(data_dir, split, num_targets=1, *, shift=None):
    """Opens a split of MNIST, or of MultiMNIST.

    Args:
      data_dir: folder of TFRecords or IDX files, or the name of a record file, with @N for N
        shards; None for the sample that comes with the project.
      split: "train", "test", "valid_train" or "valid_test".
      num_targets: digits in an image, 1 or 2.
      shift: pixels by which single digits to train on are moved at most, each way; None for 2
        with IDX files, and for 0 with records, whose digits are shifted already.

    Returns:
      Split.

    Raises:
      DataError: if there is no such data, several kinds of it, or it is damaged.
    """
    if num_targets not in (1, 2):
        raise DataError(f"MNIST has images of 1 digit or of 2, found --num_targets={num_targets}.")
    if num_targets == 2 and shift is not None:
        raise DataError("Pairs of digits have shifts of their own; leave --shift out.")
    from_records = multi_mnist.from_records
    if num_targets == 1:
        from_records = functools.partial(
            from_single_records, prepare=augmentation.shifted_batches(split, shift or 0))
    if data_dir is None:
        return _from_idx(SAMPLE, split, num_targets, "the sample that comes with the project",
                         shift)
    if not os.path.isdir(data_dir):
        _check_split_of_file(data_dir, split, num_targets)
        return from_records(data_dir)
    if name := tfrecords.find(data_dir, record_patterns(split, num_targets)):
        return from_records(name)
    return _from_idx(data_dir, split, num_targets, data_dir, shift)


def _check_split_of_file(name, split, num_targets):
    """Raises DataError if one file is to be both trained on and held out."""
    base = re.sub(r"-\d{5}-of-\d{5}$", "", os.path.basename(name).partition("@")[0])
    if split.startswith("valid_") and not any(
            re.fullmatch(pattern, base) for pattern in record_patterns(split, num_targets)):
        raise DataError(f"{name}: expected the records of {split} for --validate, such as "
                        f"{PREFIXES[num_targets]}{split}_2shifted_mnist.tfrecords; leave "
                        "--validate out, or name the folder that holds both splits.")


def record_patterns(split, num_targets=1):
    """Returns the record files' names of a split, as regular expressions."""
    prefix = PREFIXES[num_targets]
    patterns = [rf"{prefix}{split}_\d+shifted_mnist\.tfrecords"]
    if split.startswith("valid_"):
        # The name under which these files were published, beside the one they are made with.
        patterns.append(
            rf"{prefix}{split.removeprefix('valid_')}_\d+shifted_mnist_valid\.tfrecords")
    return patterns


def read_idx_split(folder, split, instead=""):
    """Returns a split's images, uint8 [n, height, width, 1], and labels, int32 [n].

    Args:
      folder: str.
      split: "train", "test", "valid_train" or "valid_test".
      instead: str, other files that would do, for the error.

    Raises:
      DataError: if the files are missing or damaged.
    """
    paths = idx.find(folder, "test" if split == "test" else "train")
    if paths is None:
        names = idx.NAMES["test" if split == "test" else "train"]
        raise DataError(
            f"{folder}: expected {instead}{names[0]} and {names[1]} (.gz or not), found "
            f"{listing(folder)}.")
    images, labels = idx.read_pair(*paths, num_classes=NUM_CLASSES)
    held_out = len(images) // VALIDATION_SHARE
    part = {"valid_train": slice(held_out, None), "valid_test": slice(held_out)}.get(
        split, slice(None))
    return images[part], labels[part]


def _from_idx(folder, split, num_targets, source, shift):
    images, labels = read_idx_split(
        folder, split, f"{PREFIXES[num_targets]}{split}_Nshifted_mnist.tfrecords, or ")
    source = f"{source}, {split} split"
    if num_targets == 2:
        return multi_mnist.from_digits(images, labels, source)
    shift = TRAINING_SHIFT if shift is None else shift

    def read(numbers):
        return {"images": images[numbers], "targets": labels[numbers, np.newaxis]}

    return Split(describe(images.shape[1:], len(images)), source, read,
                 augmentation.shifted_batches(split, shift))


def from_single_records(name, prepare=scaled_batch):
    """Opens the records NAME or NAME@N of single digits as a Split.

    Args:
      name: str.
      prepare: as Split has it.

    Raises:
      DataError: if there is no such data, or it is damaged.
    """
    found = ImageRecords(name, _parse)

    def read(numbers):
        images, labels = found.read(numbers)
        return {"images": images, "targets": labels[:, np.newaxis].astype(np.int32)}

    return Split(describe(found.shape, len(found)), name, read, prepare)


def _parse(features, shape):
    return features.image("image_raw", shape), features.label("label", NUM_CLASSES)
