"""Checks every byte of a checkpoint's two files, .index and .data.

TensorFlow checks the tensors and the blocks of the index that it reads, but not the end of the
index, which is, in the order of the file:

    metaindex block (empty), its type (1 byte) and masked CRC-32C (4)
    index block, its type and masked CRC-32C
    footer: start and size of both blocks as varints, zeros up to 40 bytes, 8 bytes of MAGIC
"""

import glob
import math
import os
import struct

import tensorflow as tf

from commands.errors import DamagedError, RunError, reason
from input_data.formats.tfrecords import masked_crc

INDEX = ".index"
DATA = ".data-00000-of-00001"
MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
FOOTER = 48         # bytes
TRAILER = 5         # bytes
# Errors of TensorFlow's reader for various kinds of damage.
DAMAGE = (tf.errors.OpError, ValueError, RuntimeError, IndexError)


def open_whole(name):
    """Reads all of a checkpoint, and returns its reader, from tf.train.load_checkpoint.

    Args:
      name: str, the checkpoint's name, without .index.

    Raises:
      DamagedError: if a file is damaged.
      RunError: if the files may not be read.
    """
    try:
        with open(name + INDEX, "rb") as file:
            if not _ends_as_written(file.read()):
                raise DamagedError(f"Checkpoint {name}: damaged (the end of {INDEX}).")
        if os.path.exists(name + DATA):
            with open(name + DATA, "rb"):
                pass    # raises PermissionError, unlike TensorFlow
        reader = tf.train.load_checkpoint(name)
        _check_sizes(name, reader)
        for key in reader.get_variable_to_shape_map():
            reader.get_tensor(key)
    except PermissionError as error:
        raise RunError(f"Checkpoint {name} cannot be read ({error.strerror}).") from None
    except DamagedError:
        raise
    except (OSError, *DAMAGE) as error:
        raise DamagedError(f"Checkpoint {name}: damaged ({reason(error)}).") from None
    return reader


def _check_sizes(name, reader):
    """Raises DamagedError, before memory is allocated, if the index claims more than there is."""
    dtypes = reader.get_variable_to_dtype_map()
    claimed = sum(
        math.prod(shape) * (1 if dtypes[key] == tf.string else dtypes[key].size)
        for key, shape in reader.get_variable_to_shape_map().items())
    data = glob.glob(glob.escape(name) + ".data-*")
    held = sum(map(os.path.getsize, data))
    if data and claimed > held:
        raise DamagedError(f"Checkpoint {name}: damaged (it claims {claimed} bytes or more of "
                           f"tensors, its data hold {held}).")


def _ends_as_written(index):
    footer = index[-FOOTER:]
    if len(footer) < FOOTER or not footer.endswith(MAGIC):
        return False
    numbers, position = [], 0
    for _ in range(4):
        number, position = _varint(footer, position)
        numbers.append(number)
    meta_start, meta_size, index_start, index_size = numbers
    meta = index[meta_start:meta_start + meta_size + TRAILER]
    return (meta_start + meta_size + TRAILER == index_start
            and index_start + index_size + TRAILER == len(index) - FOOTER
            and not any(footer[position:-len(MAGIC)])
            and meta[-4:] == struct.pack("<I", masked_crc(meta[:-4])))


def _varint(data, position):
    """Returns the number at a position, and the position after it."""
    number = shift = 0
    while position < len(data):
        byte = data[position]
        number |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            break
    return number, position
