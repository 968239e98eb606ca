"""affNIST's published files: digits by number, of which one file at a time is in memory."""

import functools
import os
import re

import numpy as np

from input_data.dataset import DataError
from input_data.formats.matlab import read_struct
from input_data.mnist import NUM_CLASSES

STRUCT, IMAGES, LABELS = "affNISTdata", "image", "label_int"
SIDE = 40       # pixels


def in_folder(folder):
    """Returns the paths of a folder's batches N.mat, in the order of N."""
    names = [name for name in os.listdir(folder) if re.fullmatch(r"\d+\.mat", name)]
    return [os.path.join(folder, name) for name in sorted(names, key=lambda name: int(name[:-4]))]


def read(path):
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


def read_labels(path):
    """Returns the labels of a file, int32 [n]. Raises DataError."""
    labels = read_struct(path, STRUCT, [LABELS])[LABELS].ravel()
    wrong = labels[~np.isin(labels, np.arange(NUM_CLASSES))]
    if len(wrong):
        raise DataError(f"{path}: expected {LABELS} from 0 to {NUM_CLASSES - 1}, found "
                        f"{wrong[0]}.")
    if not len(labels):
        raise DataError(f"{path}: expected digits, found none.")
    return labels.astype(np.int32)


class BatchFiles:
    """The digits of several files, by number, in the files' order.

    Opening reads the labels of all.

    Args:
      paths: names of the files.

    Raises:
      DataError: if a file is damaged or of another kind; so does `read`.
    """

    def __init__(self, paths):
        self._paths = paths
        labels = [read_labels(path) for path in paths]
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
        images = read(self._paths[file])
        start = self._ends[file - 1] if file else 0
        if len(images) != self._ends[file] - start:
            raise DataError(f"{self._paths[file]}: expected as many images as labels, "
                            f"{self._ends[file] - start}, found {len(images)}.")
        return images
