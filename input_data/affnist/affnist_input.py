"""affNIST: trained on shifted digits, tested on affine-transformed ones (paper, section 5.2)."""

import dataclasses
import os

import numpy as np

from input_data.affnist import batch_files, expanded
from input_data.dataset import DataError, Split, check_single_target, scaled_batch
from input_data.formats import tfrecords
from input_data.mnist import describe, listing, mnist_input

# Where affNIST's archives put their files, from the folder that --data_dir names.
TEST_FOLDERS = ("test_batches", os.path.join("transformed", "test_batches"))
TEST_FILES = ("test.mat", os.path.join("transformed", "test.mat"))
PUBLISHED = ", affNIST"     # ends the source of its own digits
GENERATED = "test_affine_mnist.tfrecords"
MAKE = "python -m input_data.affnist.affine_digits makes digits that are like affNIST's"


def load(data_dir, split, num_targets=1):
    """Opens a split for affNIST.

    Training splits are MNIST's, placed at random on 40x40, and so is valid_test, of digits held
    out. The test split is affNIST's own, or generated; so is any whose .mat files are named.

    Args:
      data_dir: folder of MNIST's IDX files or {train,valid_train}_6shifted_mnist.tfrecords, and
        of affNIST's test_batches/N.mat or test_affine_mnist.tfrecords; or the name of a record
        file, of a .mat file, or of a folder of N.mat; None trains on the sample.
      split: "train", "test", "valid_train" or "valid_test".
      num_targets: 1.

    Returns:
      Split.

    Raises:
      DataError: if there is no such data, several kinds of it, or it is damaged.
    """
    check_single_target("affnist", num_targets)
    paths = _named_batches(data_dir)
    if paths and split in ("train", "valid_train"):
        raise DataError(f"{data_dir}: affNIST's files are to evaluate on; expected a folder of "
                        "MNIST to train on.")
    if paths:
        return _from_batches(paths, data_dir)
    if split == "test":
        return _load_test(data_dir)
    if data_dir is None:
        return expanded.from_digits(mnist_input.SAMPLE, split,
                                    "the sample of MNIST that comes with the project")
    if not os.path.isdir(data_dir):
        return _from_records(data_dir)
    if name := tfrecords.find(data_dir, [expanded.record_pattern(split)]):
        return _from_records(name)
    return expanded.from_digits(data_dir, split, data_dir)


def _named_batches(data_dir):
    """Returns the .mat files that --data_dir itself names, perhaps none."""
    if data_dir is None:
        return []
    if os.path.isdir(data_dir):
        return batch_files.in_folder(data_dir)
    return [data_dir] if data_dir.endswith(".mat") else []


def _load_test(data_dir):
    if data_dir is None:
        raise DataError("affnist is evaluated on its own files: expected --data_dir, a folder of "
                        f"test_batches/N.mat or of {GENERATED}; {MAKE}.")
    if not os.path.isdir(data_dir):
        return _generated(data_dir)
    found = {}
    for folder in (os.path.join(data_dir, name) for name in TEST_FOLDERS):
        if os.path.isdir(folder) and (paths := batch_files.in_folder(folder)):
            found[folder] = paths
    for path in (os.path.join(data_dir, name) for name in TEST_FILES):
        if os.path.isfile(path):
            found[path] = [path]
    generated = tfrecords.find(data_dir, [GENERATED.replace(".", r"\.")])
    names = [*found, *([generated] if generated else [])]
    if not names:
        raise DataError(f"{data_dir}: expected test_batches/N.mat or {GENERATED}, found "
                        f"{listing(data_dir)}; {MAKE}.")
    if len(names) > 1:
        raise DataError(f"{data_dir}: expected one set of digits to test on, found several: "
                        f"{', '.join(names)}; name one of them with --data_dir.")
    return _generated(generated) if generated else _from_batches(found[names[0]], names[0])


def _from_batches(paths, source):
    files = batch_files.BatchFiles(paths)

    def read(numbers):
        images, labels = files.read(numbers)
        return {"images": images, "targets": labels[:, np.newaxis]}

    shape = (batch_files.SIDE, batch_files.SIDE, 1)
    return Split(_named(describe(shape, len(files))), source + PUBLISHED, read,
                 scaled_batch)


def _from_records(name):
    split = mnist_input.from_single_records(name)
    found = (split.info.height, split.info.width, split.info.depth)
    expected = (batch_files.SIDE, batch_files.SIDE, 1)
    if found != expected:
        raise DataError(f"{name}: expected images of {expected} for affnist, found {found}; "
                        "mnist_shift.py --shift=6 --pad=6 makes them.")
    return dataclasses.replace(split, info=_named(split.info))


def _generated(name):
    return dataclasses.replace(_from_records(name), source=f"{name}, generated, not affNIST")


def _named(info):
    return dataclasses.replace(info, name="affnist")
