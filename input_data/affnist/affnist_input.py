"""affNIST: trained on shifted digits, tested on affine-transformed ones (paper, section 5.2)."""

import dataclasses
import functools
import os
import re

import numpy as np

from input_data.affnist import expanded
from input_data.dataset import (
    DataError,
    Split,
    check_single_target,
    check_split_of_file,
    listing,
    names_in,
    scaled_batch,
)
from input_data.formats import tfrecords
from input_data.formats.matlab import read_struct
from input_data.mnist import NUM_CLASSES, describe, mnist_input

# Where affNIST's archives put their files, from the folder that --data_dir names.
TEST_FOLDERS = ("test_batches", os.path.join("transformed", "test_batches"))
TEST_FILES = ("test.mat", os.path.join("transformed", "test.mat"))
PUBLISHED = ", affNIST"     # ends the source of its own digits
GENERATED = "test_affine_mnist.tfrecords"
MAKE = "python -m input_data.affnist.affine_digits makes digits that are like affNIST's"
STRUCT, IMAGES, LABELS = "affNISTdata", "image", "label_int"
SIDE = 40       # pixels


def load(data_dir, split, num_targets=1):
    """Opens a split for affNIST.

    Training splits are MNIST's, placed at random on 40x40, and so is valid_test, of digits held
    out. The test split is affNIST's own, or generated; so is any whose .mat files are named.

    Args:
      data_dir: folder of MNIST's IDX files, and of affNIST's test_batches/N.mat or
        test_affine_mnist.tfrecords; or the name of a record file, such as
        train_6shifted_mnist.tfrecords, of a .mat file, or of a folder of N.mat; None trains on
        the sample.
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
        check_split_of_file(data_dir, "test")
        return _from_batches(paths, data_dir)
    if split == "test":
        return _load_test(data_dir)
    if data_dir is None:
        return expanded.from_digits(mnist_input.SAMPLE, split,
                                    "the sample of MNIST that comes with the project")
    if not os.path.isdir(data_dir):
        check_split_of_file(data_dir, split)
        return _from_records(data_dir)
    return expanded.from_digits(data_dir, split, data_dir)


def _named_batches(data_dir):
    """Returns the .mat files that --data_dir itself names, perhaps none."""
    if data_dir is None:
        return []
    if os.path.isdir(data_dir):
        return _batches_in(data_dir)
    return [data_dir] if data_dir.endswith(".mat") else []


def _load_test(data_dir):
    if data_dir is None:
        raise DataError("affnist is evaluated on its own files: expected --data_dir, a folder of "
                        f"test_batches/N.mat or of {GENERATED}; {MAKE}.")
    if not os.path.isdir(data_dir):
        check_split_of_file(data_dir, "test")
        return _generated(data_dir)
    found = {}
    for folder in (os.path.join(data_dir, name) for name in TEST_FOLDERS):
        if os.path.isdir(folder) and (paths := _batches_in(folder)):
            found[folder] = paths
    for path in (os.path.join(data_dir, name) for name in TEST_FILES):
        if os.path.isfile(path):
            found[path] = [path]
    generated = tfrecords.find(data_dir, [GENERATED])
    names = [*found, *([generated] if generated else [])]
    if not names:
        raise DataError(f"{data_dir}: expected test_batches/N.mat or {GENERATED}, found "
                        f"{listing(names_in(data_dir))}; {MAKE}.")
    if len(names) > 1:
        raise DataError(f"{data_dir}: expected one set of digits to test on, found several: "
                        f"{', '.join(names)}; name one of them with --data_dir.")
    return _generated(generated) if generated else _from_batches(found[names[0]], names[0])


def _from_batches(paths, source):
    files = _BatchFiles(paths)

    def read(numbers):
        images, labels = files.read(numbers)
        return {"images": images, "targets": labels[:, np.newaxis]}

    return Split(_named(describe((SIDE, SIDE, 1), len(files))), source + PUBLISHED, read,
                 scaled_batch)


def _batches_in(folder):
    """Returns the paths of a folder's batches N.mat, in the order of N."""
    names = [name for name in names_in(folder) if re.fullmatch(r"\d+\.mat", name)]
    return [os.path.join(folder, name) for name in sorted(names, key=lambda name: int(name[:-4]))]


def _read_images(path):
    """Returns the digits of a file, uint8 [n, 40, 40, 1].

    A column of the file's matrix holds an image, row by row.

    Raises:
      DataError: if the file is damaged or of another kind.
    """
    images = read_struct(path, STRUCT, [IMAGES])[IMAGES]
    if images.dtype != np.uint8 or images.ndim != 2 or images.shape[0] != SIDE**2:
        raise DataError(f"{path}: expected {SIDE**2}xN bytes of {STRUCT}.{IMAGES}, found "
                        f"{'x'.join(map(str, images.shape))} of {images.dtype}.")
    return np.ascontiguousarray(images.T).reshape(-1, SIDE, SIDE, 1)


def _read_labels(path):
    """Returns the labels of a file, int32 [n]. Raises DataError."""
    labels = read_struct(path, STRUCT, [LABELS])[LABELS].ravel()
    wrong = labels[~np.isin(labels, np.arange(NUM_CLASSES))]
    if len(wrong):
        raise DataError(f"{path}: expected {LABELS} from 0 to {NUM_CLASSES - 1}, found "
                        f"{wrong[0]}.")
    if not len(labels):
        raise DataError(f"{path}: expected digits, found none.")
    return labels.astype(np.int32)


class _BatchFiles:
    """The digits of several files, by number, in the files' order.

    Opening reads the labels of all; the images of one file at a time are in memory.

    Args:
      paths: names of the files.

    Raises:
      DataError: if a file is damaged or of another kind; so does `read`.
    """

    def __init__(self, paths):
        self._paths = paths
        labels = [_read_labels(path) for path in paths]
        self._ends = np.cumsum(list(map(len, labels)))
        self._labels = np.concatenate(labels)
        self._images = functools.lru_cache(maxsize=1)(self._read_file)

    def __len__(self):
        return len(self._labels)

    def read(self, numbers):
        """Returns the images, uint8 [n, 40, 40, 1], and labels, int32 [n], of some digits."""
        numbers = np.asarray(numbers)
        files = np.searchsorted(self._ends, numbers, side="right")
        found = np.empty((len(numbers), SIDE, SIDE, 1), np.uint8)
        for file in np.unique(files):
            here = files == file
            images = self._images(file)
            found[here] = images[numbers[here] - (self._ends[file] - len(images))]
        return found, self._labels[numbers]

    def _read_file(self, file):
        images = _read_images(self._paths[file])
        start = self._ends[file - 1] if file else 0
        if len(images) != self._ends[file] - start:
            raise DataError(f"{self._paths[file]}: expected as many images as labels, "
                            f"{self._ends[file] - start}, found {len(images)}.")
        return images


def _from_records(name):
    split = mnist_input.from_single_records(name)
    found = (split.info.height, split.info.width, split.info.depth)
    expected = (SIDE, SIDE, 1)
    if found != expected:
        raise DataError(f"{name}: expected images of {expected} for affnist, found {found}; "
                        "mnist_shift.py --shift=6 --pad=6 makes them.")
    return dataclasses.replace(split, info=_named(split.info))


def _generated(name):
    return dataclasses.replace(_from_records(name), source=f"{name}, generated, not affNIST")


def _named(info):
    return dataclasses.replace(info, name="affnist")
