"""NORB's binary matrices, the files named .mat in which smallNORB is published.

A file is a magic number (the type of its values), the number of dimensions, at least three
dimensions (those beyond the number are 1), and the values; integers are little endian, of 32
bits.
"""

import math
import os
import struct

import numpy as np

from input_data.dataset import DataError

DTYPES = {0x1E3D4C55: np.dtype(np.uint8), 0x1E3D4C54: np.dtype("<i4")}
LEAST_DIMENSIONS = 3


class Matrix:
    """A file's array, read in rows: all that the first dimension counts.

    Args:
      path: str.
      dtype: NumPy type that the values must have.
      row_shape: tuple, the dimensions that must follow the first.

    Raises:
      DataError: if the file cannot be read, is another array or not of its header's size; so
        does `rows`.
    """

    def __init__(self, path, dtype, row_shape):
        self._path, self._dtype, self._row_shape = path, np.dtype(dtype), tuple(row_shape)
        self._start = _header_size(1 + len(row_shape))
        self._row_size = math.prod(row_shape) * self._dtype.itemsize
        try:
            size = os.path.getsize(path)
            with open(path, "rb") as file:
                self._count = self._checked_count(file.read(self._start))
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}).") from None
        expected = self._start + self._count * self._row_size
        if size != expected:
            raise DataError(f"{path}: expected {expected} bytes for {self._count} rows, found "
                            f"{size}; unpack or fetch the file again.")

    def __len__(self):
        return self._count

    def rows(self):
        """Yields the rows, one in memory at a time."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._start)
                for row in range(self._count):
                    data = file.read(self._row_size)
                    if len(data) != self._row_size:
                        raise DataError(f"{self._path}: cut short at row {row} while it was read.")
                    yield np.frombuffer(data, self._dtype).reshape(self._row_shape)
        except OSError as error:
            raise DataError(f"{self._path}: cannot be read ({error.strerror}).") from None

    def _checked_count(self, header):
        dtype, shape = parse_header(header, self._path)
        if dtype != self._dtype or shape[1:] != self._row_shape or shape[0] == 0:
            wanted = "x".join(map(str, ("N", *self._row_shape)))
            found = "x".join(map(str, shape))
            raise DataError(f"{self._path}: expected {wanted} values of {self._dtype}, found "
                            f"{found} of {dtype}.")
        return shape[0]


def parse_header(header, path):
    """Returns the NumPy type and the shape that a matrix file's first bytes give.

    Raises:
      DataError: if they are not the header of a matrix, or too short for its dimensions.
    """
    magic, dimensions = struct.unpack("<II", header[:8]) if len(header) >= 8 else (None, 0)
    if magic not in DTYPES or not dimensions:
        raise DataError(f"{path}: expected a NORB matrix of bytes or 32-bit integers, found a "
                        f"header of {header[:8].hex(' ') or 'no bytes'}; a .gz file is to be "
                        "unpacked first.")
    if len(header) < _header_size(dimensions):
        raise DataError(f"{path}: expected a NORB matrix of fewer dimensions, or a longer file, "
                        f"found {dimensions} dimensions.")
    return DTYPES[magic], struct.unpack_from(f"<{dimensions}I", header, 8)


def _header_size(dimensions):
    return 8 + 4 * max(dimensions, LEAST_DIMENSIONS)
