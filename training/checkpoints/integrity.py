"""Reads all of a checkpoint's two files, .index and .data, to find damage.

TensorFlow checks what it reads by checksums; a byte that it ignores may differ.
"""

import glob
import math
import os

import tensorflow as tf

from commands.errors import DamagedError, RunError, reason

INDEX = ".index"
DATA = ".data-00000-of-00001"
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
        for path in filter(os.path.exists, (name + INDEX, name + DATA)):
            with open(path, "rb"):
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
