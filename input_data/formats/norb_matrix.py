"""NORB's binary matrices, the files named .mat in which smallNORB is published.

A file is a magic number (the type of its values), the number of dimensions, at least three
dimensions (those beyond the number are 1), and the values; integers are little endian, of 32
bits.
"""

import math
import os

import numpy as np

from input_data.dataset import DataError, readable

MAGIC = {np.dtype(np.uint8): 0x1E3D4C55, np.dtype("<i4"): 0x1E3D4C54}


class Matrix:
    """A file's array, read row by row along its first dimension.

    Args:
      path: str.
      dtype: NumPy type that the values must have.
      row_shape: tuple, the dimensions that must follow the first.

    Raises:
      DataError: if the file cannot be read, is another array or not of its header's size; so
        does `rows`.
    """

    def __init__(self, path, dtype, row_shape):
        self._path, self._dtype, self._row_shape = path, np.dtype(dtype), row_shape
        start = [MAGIC[self._dtype], 1 + len(row_shape)]
        end = [*row_shape, *[1] * (2 - len(row_shape))]
        with readable(path):
            size = os.path.getsize(path)
            header = np.fromfile(path, "<u4", len(start) + 1 + len(end))
        found = header.tolist()
        if found[:2] != start or found[3:] != end or not found[2]:
            wanted = "x".join(map(str, ("N", *row_shape)))
            raise DataError(f"{path}: expected a NORB matrix, not gzipped, of {wanted} values of "
                            f"{self._dtype}, found a header of {header.tobytes().hex(' ', 4)}; "
                            "unpack or fetch the file again.")
        self._header_size, self._count = header.nbytes, found[2]
        expected = header.nbytes + self._count * math.prod(row_shape) * self._dtype.itemsize
        if size != expected:
            raise DataError(f"{path}: expected {expected} bytes for {self._count} rows, found "
                            f"{size}; unpack or fetch the file again.")

    def __len__(self):
        return self._count

    def rows(self):
        """Yields the rows, one in memory at a time."""
        values = math.prod(self._row_shape)
        with readable(self._path), open(self._path, "rb") as file:
            file.seek(self._header_size)
            for row in range(self._count):
                found = np.fromfile(file, self._dtype, values)
                if len(found) != values:
                    raise DataError(f"{self._path}: cut short at row {row} while it was read.")
                yield found.reshape(self._row_shape)
