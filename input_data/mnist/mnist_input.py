"""MNIST from TFRecords or from the published IDX files: single digits or pairs."""

import os

from input_data import augmentation
from input_data.dataset import DataError, Dataset, array_reader, listing, names_in
from input_data.formats import idx, tfrecords
from input_data.formats.image_records import ImageRecords
from input_data.mnist import NUM_CLASSES, describe, multi_mnist

SAMPLE = os.path.join(os.path.dirname(__file__), "sample")
TRAINING_SHIFT = 2      # pixels each way (paper, section 5)
VALIDATION_SHARE = 6    # the first 1/6 of the training digits validate
# Record files that are read if --data_dir names their folder. Those for validation have the name
# that mnist_shift.py gives them and the one they were published under.
RECORDS = {
    "train": ("train_2shifted_mnist.tfrecords",),
    "test": ("test_0shifted_mnist.tfrecords",),
    "valid_train": ("valid_train_2shifted_mnist.tfrecords", "train_2shifted_mnist_valid.tfrecords"),
    "valid_test": ("valid_test_0shifted_mnist.tfrecords", "test_0shifted_mnist_valid.tfrecords"),
}


def load(data_dir, split, num_targets=1, *, shift=None):
    """Opens a split of MNIST or MultiMNIST.

    Args:
      data_dir: folder of RECORDS or, without them, of IDX files; or the name of a record file, with
        @N for N shards; None for the sample that comes with the project.
      split: "train", "test", "valid_train" or "valid_test".
      num_targets: digits in an image, 1 or 2.
      shift: most pixels by which single training digits are moved, each way; None for 2 with IDX
        files and 0 with records, whose digits are shifted already.
    """
    if num_targets not in (1, 2):
        raise DataError(f"MNIST has images of 1 digit or of 2, found --num_targets={num_targets}.")
    if num_targets == 2 and shift is not None:
        raise DataError("Pairs of digits have shifts of their own; leave --shift out.")
    records = data_dir and tfrecords.in_data_dir(
        data_dir, split, RECORDS[split] if num_targets == 1 else ())
    if records is None:
        return _from_idx(data_dir, split, num_targets, shift)
    if num_targets == 2:
        return multi_mnist.from_records(records)
    return from_single_records(records, split, shift or 0)


def read_idx_split(folder, split, instead="", records=None):
    """Returns a split's images, uint8 [n, height, width, 1], and labels, int32 [n].

    Args:
      folder: str.
      split: "train", "test", "valid_train" or "valid_test".
      instead: str, other files that would do, for the error.
      records: str, start of the names of record files that --data_dir could name, for the error.

    Raises:
      DataError: if the files are missing or damaged.
    """
    source = "test" if split == "test" else "train"
    paths = idx.find(folder, source)
    if paths is None:
        there = [path for path, name in tfrecords.sets(folder).items()
                 if records and name.startswith(records)]
        advice = f"; --data_dir={there[0]} reads these records" if there else ""
        images, labels = idx.NAMES[source]
        raise DataError(f"{folder}: expected {instead}{images} and {labels} (.gz or not), found "
                        f"{listing(names_in(folder))}{advice}.")
    images, labels = idx.read_pair(*paths, num_classes=NUM_CLASSES)
    held_out = len(images) // VALIDATION_SHARE
    part = {"valid_train": slice(held_out, None), "valid_test": slice(held_out)}.get(
        split, slice(None))
    return images[part], labels[part]


def _from_idx(data_dir, split, num_targets, shift):
    instead, prefix = (f"{RECORDS[split][0]}, or ", "") if num_targets == 1 else ("", "multi")
    images, labels = read_idx_split(data_dir or SAMPLE, split, instead, f"{prefix}{split}_")
    source = f"{data_dir or 'the sample that comes with the project'}, {split} split"
    if num_targets == 2:
        return multi_mnist.from_digits(images, labels, source)
    shift = TRAINING_SHIFT if shift is None else shift

    return Dataset(describe(images.shape[1:], len(images)), source, array_reader(images, labels),
                   augmentation.shifted_batches(split, shift, images.shape[1:]),
                   kind="IDX files")


def from_single_records(name, split="test", shift=0):
    """Opens the records NAME or NAME@N of single digits as a Dataset. See `load`."""
    found = ImageRecords(name, _parse)
    return Dataset(describe(found.shape, len(found)), name, found.read_labelled,
                   augmentation.shifted_batches(split, shift, found.shape), kind="records")


def _parse(features, shape):
    return features.image("image_raw", shape), features.label("label", NUM_CLASSES)
