"""Images decoded as they are asked for; what to do about those that cannot be."""

import math

import numpy as np

from input_data.dataset import DataError
from input_data.formats import image_files

CACHE_BYTES = 2**30     # of decoded images; those of a larger split are decoded at each reading


class Images:
    """Images by number, decoded when they are first asked for and kept if they are not too many.

    Args:
      paths: list of str.
      size: height, width and channels, that they are scaled and converted to.
    """

    def __init__(self, paths, size):
        self._paths, self._size = paths, size
        small = len(paths) * math.prod(size) <= CACHE_BYTES
        self._kept = np.empty((len(paths), *size), np.uint8) if small else None
        self._is_kept = np.zeros(len(paths), bool)

    def read(self, numbers):
        """Returns uint8 [n, height, width, channels]. Raises DataError if one cannot be read."""
        if self._kept is None:
            return np.stack([self._decoded(number) for number in numbers])
        for number in np.asarray(numbers)[~self._is_kept[numbers]]:
            self._kept[number] = self._decoded(number)
            self._is_kept[number] = True
        return self._kept[numbers]

    def _decoded(self, number):
        return _advised(image_files.read, self._paths[number], self._size)


def shape(path, skip_broken):
    """Returns an image's height, width and channels, or None for one that is to be left out.

    Only with skip_broken is it decoded; else its header is read. Raises DataError if it cannot be
    read, without skip_broken.
    """
    if not skip_broken:
        return _advised(image_files.shape, path)
    try:
        return image_files.read(path).shape
    except DataError:
        return None


def _advised(read, *arguments):
    try:
        return read(*arguments)
    except DataError as error:
        raise DataError(f"{error} --skip_broken leaves such images out.") from None
