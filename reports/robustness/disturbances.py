"""Rotation, shift, scale and noise of images, each by a strength.

Every function takes images, float32 [batch, height, width, depth] in [0, 1]; a strength; and a
NumPy Generator. It returns changed images of the same shape, type and range. Equally seeded
generators give an image the same direction, or the same noise, at each strength. Pixels are
interpolated bilinearly, and what comes in from outside is 0, MNIST's background.
"""

import numpy as np
from scipy import ndimage

STEPS = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)])    # down, right, up, left


def rotated(images, degrees, rng):
    """Turns images about their centres, each clockwise or counterclockwise at random."""
    signs = rng.choice([-1, 1], len(images))
    return _by_kind(images, signs, lambda part, sign: ndimage.rotate(
        part, sign * degrees, axes=(1, 2), reshape=False, order=1))


def shifted(images, pixels, rng):
    """Moves images by whole pixels, each up, down, left or right at random."""
    directions = rng.integers(len(STEPS), size=len(images))
    return _by_kind(images, directions, lambda part, direction: ndimage.shift(
        part, (0, *pixels * STEPS[direction], 0), order=1))


def scaled(images, factor, rng):
    """Shrinks (factor below 1) or enlarges images about their centres."""
    centre = (np.array(images.shape[1:3]) - 1) / 2
    return ndimage.affine_transform(
        images, [1, 1 / factor, 1 / factor, 1], (0, *centre * (1 - 1 / factor), 0), order=1)


def noisy(images, deviation, rng):
    """Adds normal noise of a standard deviation to each pixel, and clips to [0, 1]."""
    noise = rng.standard_normal(images.shape, np.float32)
    return np.clip(images + np.float32(deviation) * noise, 0, 1)


def _by_kind(images, kinds, change):
    """Changes images, each by a function of images and of its kind, int [batch]."""
    changed = np.empty_like(images)
    for kind in np.unique(kinds):
        changed[kinds == kind] = change(images[kinds == kind], kind)
    return changed
