"""MATLAB 5 files (.mat, saved with -v6 or -v7): arrays in a struct.

A file is a header of 128 bytes and data elements, each a tag of 8 bytes (type and size, or type,
size and data where these fit) and its data. An array is an element of elements: flags,
dimensions, name, values; a struct's values are its fields' names and then an array for each. A
compressed element holds another one, deflated. ("MAT-File Level 5 File Format", MathWorks.)

The file is read as a stream: what is not asked for is passed over, and damage is an error of one
line, which scipy.io.loadmat answers with a crash of the process for some of it.
"""

import math
import os
import struct
import zlib

import numpy as np

from input_data.dataset import DataError

HEADER_SIZE = 128
MATRIX, COMPRESSED = 14, 15                 # types of elements
STRUCT = 2                                  # class of an array
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8",
           13: "u8"}                        # types of elements that are numbers
MOST_BYTES = 1 << 16                        # of dimensions and names
PIECE = 1 << 16                             # bytes passed over or inflated at a time


class _Damaged(ValueError):
    """What is wrong with a file."""


def read_struct(path, name, fields):
    """Returns arrays that a MATLAB file holds in the fields of a struct.

    Args:
      path: str.
      name: str, the struct's.
      fields: names of the fields to read.

    Returns:
      dict from field to NumPy array, of the type it is stored in.

    Raises:
      DataError: if the file cannot be read, is of another kind or damaged, or lacks a field.
    """
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            order = _byte_order(file.read(HEADER_SIZE))
            found = None
            while found is None:
                if file.tell() >= size:
                    raise _Damaged(f"expected a struct {name}, found none")
                found = _in_next_element(_Plain(file, size), order, name, fields)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from None
    except zlib.error as error:
        raise DataError(f"{path}: damaged ({error}); fetch it again.") from None
    except _Damaged as error:
        raise DataError(f"{path}: {error}.") from None
    missing = [field for field in fields if field not in found]
    if missing:
        raise DataError(f"{path}: the struct {name} has no {' and no '.join(missing)}.")
    return found


def _byte_order(header):
    if header.startswith(b"MATLAB 7.3"):
        raise _Damaged("expected a MATLAB 5 file, found one of MATLAB 7.3; save it with -v7")
    orders = {b"IM": "<", b"MI": ">"}
    if len(header) < HEADER_SIZE or header[126:] not in orders:
        raise _Damaged(f"expected a MATLAB 5 file, found one that begins {header[:16]!r}")
    return orders[header[126:]]


def _in_next_element(plain, order, name, fields):
    """Returns the fields of the file's next element if it is the struct of that name, or None."""
    kind, size, _ = _tag(plain, order)
    end = plain.position + size
    stream = _Inflated(plain, size) if kind == COMPRESSED else plain
    if kind == COMPRESSED:
        kind, *_ = _tag(stream, order)
    if kind != MATRIX:
        raise _Damaged(f"expected an array, found an element of type {kind}: the file is damaged")
    array_class, _, found_name = _array_header(stream, order)
    found = None
    if found_name == name:
        if array_class != STRUCT:
            raise _Damaged(f"expected a struct {name}, found another array of that name")
        found = _fields(stream, order, fields)
        stream.finish()
    plain.skip(end - plain.position)
    return found


def _fields(stream, order, wanted):
    """Returns the arrays of a struct's wanted fields, from behind the struct's name."""
    length = int.from_bytes(_small(stream, order), {"<": "little", ">": "big"}[order])
    names = _small(stream, order)
    if not length or len(names) % length:
        raise _Damaged("a struct's field names do not fit their length: the file is damaged")
    found = {}
    for start in range(0, len(names), length):
        field = names[start:start + length].rstrip(b"\0").decode("latin-1")
        kind, size, _ = _tag(stream, order)
        if kind != MATRIX:
            raise _Damaged(f"{field}: expected an array, found an element of type {kind}: the "
                           "file is damaged")
        if field in wanted:
            found[field] = _values(stream, order, field)
        else:
            stream.skip(size)
    return found


def _values(stream, order, field):
    """Returns an array of numbers, from behind its tag."""
    _, shape, _ = _array_header(stream, order)
    kind, size, data = _tag(stream, order)
    if kind not in NUMBERS:
        raise _Damaged(f"{field}: expected numbers, found an element of type {kind}")
    dtype = np.dtype(order + NUMBERS[kind])
    if size != math.prod(shape) * dtype.itemsize:
        raise _Damaged(f"{field}: expected {'x'.join(map(str, shape))} values of {dtype}, found "
                       f"{size} bytes: the file is damaged")
    if data is None:
        data = stream.read(size)
        stream.skip(-size % 8)
    return np.frombuffer(data, dtype).reshape(shape, order="F")


def _array_header(stream, order):
    """Returns an array's class, its dimensions and its name, from behind its tag."""
    flags, dimensions, name = (_small(stream, order) for _ in range(3))
    if len(flags) != 8 or len(dimensions) % 4:
        raise _Damaged("found an array without flags and dimensions: the file is damaged")
    array_class = struct.unpack(order + "I", flags[:4])[0] & 0xFF
    return array_class, struct.unpack(f"{order}{len(dimensions) // 4}I", dimensions), \
        name.decode("latin-1")


def _small(stream, order):
    """Returns the data of an element that is not large."""
    _, size, data = _tag(stream, order)
    if data is None:
        if size > MOST_BYTES:
            raise _Damaged(f"found a name of {size} bytes: the file is damaged")
        data = stream.read(size)
        stream.skip(-size % 8)
    return data


def _tag(stream, order):
    """Returns the type and the size of the next element, and its data if the tag holds them."""
    tag = stream.read(8)
    kind, size = struct.unpack(order + "II", tag)
    if not kind >> 16:
        return kind, size, None
    kind, size = kind & 0xFFFF, kind >> 16
    if size > 4:
        raise _Damaged(f"found an element of {size} bytes in a tag: the file is damaged")
    return kind, size, tag[4:4 + size]


class _Plain:
    """A file, from where it stands."""

    def __init__(self, file, size):
        self._file, self._size = file, size

    @property
    def position(self):
        return self._file.tell()

    def read(self, size):
        self._check(size)
        return self._file.read(size)

    def skip(self, size):
        self._check(size)
        self._file.seek(size, os.SEEK_CUR)

    def finish(self):
        """Nothing: there is no checksum."""

    def _check(self, size):
        left = self._size - self.position
        if size > left:
            raise _Damaged(f"expected {size} more bytes at byte {self.position}, found {left}: "
                           "the file is cut short or damaged; fetch it again")


class _Inflated:
    """What a compressed element holds, inflated as it is asked for."""

    def __init__(self, plain, size):
        self._plain, self._left = plain, size
        self._zlib = zlib.decompressobj()
        self._deflated = b""

    def read(self, size):
        return b"".join(self._pieces(size))

    def skip(self, size):
        for _ in self._pieces(size):
            pass

    def finish(self):
        """Reads to the end, where the checksum is."""
        while not self._zlib.eof:
            next(self._pieces(1))

    def _pieces(self, size):
        """Yields the next bytes in pieces."""
        while size:
            if not self._deflated:
                if self._zlib.eof or not self._left:
                    raise _Damaged("a compressed array ends too early: the file is cut short or "
                                   "damaged; fetch it again")
                self._deflated = self._plain.read(min(PIECE, self._left))
                self._left -= len(self._deflated)
            piece = self._zlib.decompress(self._deflated, min(size, PIECE))
            self._deflated = self._zlib.unconsumed_tail
            size -= len(piece)
            yield piece
