"""IDX files, the format in which MNIST is published: raw or gzipped arrays of bytes."""

import gzip
import math
import os
import struct
import zlib

import numpy as np

from input_data.dataset import DataError, readable

UINT8 = 0x08
CHUNK = 1 << 20         # bytes unpacked at a time
NAMES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def find(folder, split):
    """Returns the paths of images and labels of "train" or "test", or None without both."""
    def there(name):
        paths = (os.path.join(folder, name + ending) for ending in ("", ".gz"))
        return next(filter(os.path.isfile, paths), None)

    images, labels = map(there, NAMES[split])
    return (images, labels) if images and labels else None


def read_pair(images_path, labels_path, num_classes=10):
    """Returns images, uint8 [n, height, width, 1], and labels, int32 [n]. Raises DataError."""
    images, labels = read(images_path, rank=3), read(labels_path, rank=1)
    if len(images) != len(labels):
        raise DataError(f"{images_path} holds {len(images)} images, {labels_path} holds "
                        f"{len(labels)} labels: expected as many of each.")
    wrong = np.flatnonzero(labels >= num_classes)
    if len(wrong):
        raise DataError(f"{labels_path}: expected labels from 0 to {num_classes - 1}, found "
                        f"{labels[wrong[0]]} for example {wrong[0]}.")
    return images[..., np.newaxis], labels.astype(np.int32)


def read(path, rank):
    """Returns an IDX file's uint8 array of `rank` dimensions; .gz is unpacked. Raises DataError."""
    opener = gzip.open if path.endswith(".gz") else open
    with readable(path):
        try:
            with opener(path, "rb") as file:
                shape = parse_header(file.read(4 + 4 * rank), rank, path)
                expected = math.prod(shape)
                # In pieces: a header must not make us allocate what the file does not hold.
                data = bytearray()
                while len(data) <= expected and (piece := file.read(CHUNK)):
                    data += piece
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(f"{path}: damaged gzip file ({error}); fetch it again.") from None
    if len(data) != expected:
        what = "more" if len(data) > expected else f"{len(data)}: the file is cut short"
        raise DataError(f"{path}: expected {expected} bytes for {shape}, found {what}.")
    return np.frombuffer(data, np.uint8).reshape(shape)


def parse_header(header, rank, path):
    """Returns the shape in an IDX file's first bytes. Raises DataError."""
    if len(header) != 4 + 4 * rank or header[:4] != bytes([0, 0, UINT8, rank]):
        raise DataError(f"{path}: expected an IDX file of bytes in {rank} dimensions, found "
                        f"a header of {header.hex(' ') or 'no bytes'}.")
    shape = struct.unpack(f">{rank}I", header[4:])
    if not all(shape):
        raise DataError(f"{path}: expected 1 or more in every dimension, found {shape}.")
    return shape
