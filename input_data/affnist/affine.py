"""Random affine transformations of digits, within the ranges that affNIST publishes."""

import numpy as np
import tensorflow as tf

from input_data.numbered_random import integers

SIDE = 40                       # pixels of the ground
ROTATION = np.deg2rad(20)       # most, either way
SHEAR = 0.2                     # most, either way: columns for each row
SCALES = 0.8, 1.2               # least and most, of rows and of columns

# Separate the seed's uses.
ROTATIONS, SHEARS, ROW_SCALES, COLUMN_SCALES, ROWS, COLUMNS = range(6)
STEPS = 2**53                   # values of a uniform random number


def transformed(images, numbers, seed=0):
    """Scales, shears, rotates and moves each image at random, by its number and the seed.

    Every place at which the whole digit is visible is equally likely. Pixels are interpolated
    bilinearly.

    Args:
      images: uint8 [n, height, width, depth], ink on a ground of 0.
      numbers: int [n].

    Returns:
      uint8 [n, 40, 40, depth].
    """
    matrices = random_matrices(numbers, seed)
    origins = _random_origins(images, matrices, numbers, seed)
    # The operation wants, for each pixel of the result, where it comes from, as (x, y).
    back = np.linalg.inv(matrices)
    middle = (np.array(images.shape[1:3]) - 1) / 2
    offset = middle - np.einsum("nij,nj->ni", back, origins)
    rows = [back[:, 1, 1], back[:, 1, 0], offset[:, 1], back[:, 0, 1], back[:, 0, 0], offset[:, 0]]
    found = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(images, tf.float32),
        transforms=np.pad(np.stack(rows, axis=1), ((0, 0), (0, 2))).astype(np.float32),
        output_shape=[SIDE, SIDE], fill_value=0.0, interpolation="BILINEAR")
    return np.rint(found.numpy()).astype(np.uint8)


def random_matrices(numbers, seed):
    """Returns the matrices, float64 [n, 2, 2], that transform (row, column)."""
    angle = _uniform(-ROTATION, ROTATION, seed, ROTATIONS, numbers)
    shear = _uniform(-SHEAR, SHEAR, seed, SHEARS, numbers)
    scales = [_uniform(*SCALES, seed, use, numbers) for use in (ROW_SCALES, COLUMN_SCALES)]
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    rest = np.array([[scales[0], np.zeros_like(shear)], [shear * scales[0], scales[1]]])
    return np.einsum("ijn,jkn->nik", rotation, rest)


def _random_origins(images, matrices, numbers, seed):
    """Returns where the middle of each image goes, float64 [n, 2]."""
    count, height, width, _ = images.shape
    ink = images.any(axis=-1).reshape(count, -1)
    ink[~ink.any(axis=1)] = True
    pixels = np.indices((height, width)).reshape(2, -1) - [[(height - 1) / 2], [(width - 1) / 2]]
    found = []
    for axis, use in enumerate((ROWS, COLUMNS)):
        places = matrices[:, axis] @ pixels                     # [n, height * width]
        # A pixel reaches to its neighbours' middles, and shows on whole numbers alone.
        reach = np.abs(matrices[:, axis]).sum(axis=1)
        low = reach - 1 - np.where(ink, places, np.inf).min(axis=1)
        high = SIDE - reach - np.where(ink, places, -np.inf).max(axis=1)
        middle, spread = (low + high) / 2, np.maximum(high - low, 0) / 2
        found.append(middle + spread * _uniform(-1, 1, seed, use, numbers))
    return np.stack(found, axis=1)


def _uniform(low, high, *keys):
    return low + (high - low) * integers(STEPS, *keys) / STEPS
