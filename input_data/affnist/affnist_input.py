"""affNIST: trained on shifted digits, tested on affine-transformed ones (paper, section 5.2)."""

import dataclasses
import functools
import os
import re

import numpy as np
import scipy.io

from commands.errors import reason
from input_data.affnist import expanded
from input_data.dataset import (
    DataError,
    Dataset,
    check_single_target,
    check_split_of_file,
    listing,
    names_in,
    scaled_batch,
)
from input_data.formats import tfrecords
from input_data.mnist import NUM_CLASSES, describe, mnist_input

# Where affNIST's archives put their test files.
TEST_SETS = ("test_batches", os.path.join("transformed", "test_batches"), "test.mat",
             os.path.join("transformed", "test.mat"))
PUBLISHED = ", affNIST"     # ends the source of affNIST's own digits
GENERATED = "test_affine_mnist.tfrecords"
MAKE = "python -m input_data.affnist.affine_digits makes digits that are like affNIST's"
STRUCT, IMAGES, LABELS = "affNISTdata", "image", "label_int"
SIDE = 40       # pixels


def load(data_dir, split, num_targets=1):
    """Opens a split for affNIST.

    Training splits and valid_test are MNIST's digits, placed at random on 40x40. The test split is
    affNIST's own or a generated one. Files of affNIST that are named are for any evaluation.

    Args:
      data_dir: folder of MNIST's IDX files, and of affNIST's test_batches/N.mat or
        test_affine_mnist.tfrecords; or the name of a record file, such as
        train_6shifted_mnist.tfrecords, of a .mat file, or of a folder of N.mat; None trains on
        the sample.
      split: "train", "test", "valid_train" or "valid_test".
      num_targets: int, 1.
    """
    check_single_target("affnist", num_targets)
    if split == "test":
        data_dir = _find_test(data_dir)
    if data_dir is None:
        return expanded.from_digits(mnist_input.SAMPLE, split,
                                    "the sample of MNIST that comes with the project")
    if paths := _batch_files(data_dir):
        if split in ("train", "valid_train"):
            raise DataError(f"{data_dir}: affNIST's files are to evaluate on; expected a folder "
                            "of MNIST to train on.")
        check_split_of_file(data_dir, "test")
        return _from_batches(paths, data_dir)
    if os.path.isdir(data_dir):
        return expanded.from_digits(data_dir, split, data_dir)
    check_split_of_file(data_dir, split)
    return _from_records(data_dir, ", generated, not affNIST" if split == "test" else "")


def _find_test(data_dir):
    """Returns the name of the test digits: a record file, a .mat file or a folder of N.mat."""
    if data_dir is None:
        raise DataError("affnist is evaluated on its own files: expected --data_dir, a folder of "
                        f"test_batches/N.mat or of {GENERATED}; {MAKE}.")
    if not os.path.isdir(data_dir) or _batch_files(data_dir):
        return data_dir
    found = [path for name in TEST_SETS if _batch_files(path := os.path.join(data_dir, name))]
    if generated := tfrecords.find(data_dir, [GENERATED]):
        found.append(generated)
    if not found:
        raise DataError(f"{data_dir}: expected test_batches/N.mat or {GENERATED}, found "
                        f"{listing(names_in(data_dir))}; {MAKE}.")
    if len(found) > 1:
        raise DataError(f"{data_dir}: expected one set of digits to test on, found several: "
                        f"{', '.join(found)}; name one of them with --data_dir.")
    return found[0]


def _batch_files(path):
    """Returns a .mat file, or a folder's files N.mat in the order of N; perhaps none."""
    if not os.path.isdir(path):
        return [path] if path.endswith(".mat") and os.path.exists(path) else []
    names = [name for name in names_in(path) if re.fullmatch(r"\d+\.mat", name)]
    return [os.path.join(path, name) for name in sorted(names, key=lambda name: int(name[:-4]))]


def _from_batches(paths, source):
    """Opens the digits of several files as a Dataset; the images of one file are kept in memory."""
    labels = [_read_batch(path)[1] for path in paths]
    ends = np.cumsum([len(of_file) for of_file in labels])
    labels = np.concatenate(labels)
    images_of = functools.lru_cache(maxsize=1)(lambda file: _read_batch(paths[file])[0])

    def read(numbers):
        numbers = np.asarray(numbers)
        files = np.searchsorted(ends, numbers, side="right")
        images = np.empty((len(numbers), SIDE, SIDE, 1), np.uint8)
        for file in np.unique(files):
            here = files == file
            images[here] = images_of(file)[numbers[here] - ends[file]]     # counted from the end
        return {"images": images, "targets": labels[numbers, np.newaxis]}

    return Dataset(describe((SIDE, SIDE, 1), len(labels), name="affnist"), source + PUBLISHED, read,
                   scaled_batch)


def _read_batch(path):
    """Returns a file's images, uint8 [n, 40, 40, 1], and labels, int32 [n]. Raises DataError."""
    try:
        found = scipy.io.loadmat(path, variable_names=[STRUCT])[STRUCT][0, 0]
        images, labels = found[IMAGES], np.ravel(found[LABELS])
    except Exception as error:      # SciPy raises many kinds for damaged files
        raise DataError(f"{path}: expected a MATLAB file with {STRUCT}.{IMAGES} and "
                        f"{STRUCT}.{LABELS}; cannot be read ({reason(error)}).") from None
    if images.dtype != np.uint8 or images.ndim != 2 or images.shape[0] != SIDE**2:
        raise DataError(f"{path}: expected {SIDE**2}xN bytes of {STRUCT}.{IMAGES}, found "
                        f"{'x'.join(map(str, images.shape))} of {images.dtype}.")
    if images.shape[1] != len(labels) or not len(labels):
        raise DataError(f"{path}: expected as many images as labels, 1 or more, found "
                        f"{images.shape[1]} and {len(labels)}.")
    wrong = labels[~np.isin(labels, np.arange(NUM_CLASSES))]
    if len(wrong):
        raise DataError(f"{path}: expected {LABELS} from 0 to {NUM_CLASSES - 1}, found "
                        f"{wrong[0]}.")
    # A column holds an image, row by row.
    return np.ascontiguousarray(images.T).reshape(-1, SIDE, SIDE, 1), labels.astype(np.int32)


def _from_records(name, note):
    split = mnist_input.from_single_records(name)
    found = (split.info.height, split.info.width, split.info.depth)
    expected = (SIDE, SIDE, 1)
    if found != expected:
        raise DataError(f"{name}: expected images of {expected} for affnist, found {found}; "
                        "mnist_shift.py --shift=6 --pad=6 makes them.")
    return dataclasses.replace(split, info=dataclasses.replace(split.info, name="affnist"),
                               source=name + note)
