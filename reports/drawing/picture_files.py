"""Image files as examples of a dataset, digits as MNIST has them."""

import numpy as np
from PIL import Image

import input_data.formats.image_files
from input_data.dataset import DataError

# Datasets that hold digits as MNIST has them.
DIGITS = ("mnist", "affnist", "digits", "tfds:mnist")
DIGIT_BOX = 20          # pixels; the larger side of MNIST's digits, before they are centred
FAINTEST_INK = 0.15     # of the darkest; what is fainter is the paper's grain, or JPEG's
LEAST_CONTRAST = 0.05   # of the greys there are


def batch(paths, split):
    """Returns image files as a batch of a dataset, prepared as its own test images are.

    Single digits become as MNIST's are (see `as_digit`); other images are read as
    `input_data.formats.image_files` reads them, and scaled to the dataset's size.

    Args:
      paths: names of image files.
      split: Split of the dataset.

    Returns:
      dict with images, float32 [n, height, width, depth].

    Raises:
      DataError: if a file is missing, no image, or shows nothing.
    """
    import tensorflow as tf

    pattern = split.read(np.array([0]))
    shape = pattern["images"].shape[1:]
    stored = {key: tf.zeros([len(paths), *values.shape[1:]], values.dtype)
              for key, values in pattern.items()}
    stored["images"] = tf.constant(
        np.stack([_example(path, shape, split.info) for path in paths]))
    return {"images": split.prepare(stored, tf.zeros([2], tf.int64))["images"]}


def _example(path, shape, info):
    """Returns an image file as uint8 of a dataset's stored shape."""
    height, width, depth = shape
    if info.name in DIGITS and depth == 1:
        ink = _ink(_grey(path), path)
        pixels = (as_digit(ink, height, width) if info.num_targets == 1
                  else _scaled(ink, height, width))
        return np.rint(255 * pixels[..., np.newaxis]).astype(np.uint8)
    if depth in input_data.formats.image_files.MODES:
        return input_data.formats.image_files.read(path, shape)
    # Of several cameras, each gets the same image.
    return np.repeat(input_data.formats.image_files.read(path, (height, width, 1)), depth, axis=-1)


def as_digit(ink, height, width):
    """Returns a digit as in MNIST: in a box of 20x20, its centre of mass in the middle.

    Args:
      ink: float [any, any] in [0, 1], 0 the ground; not all 0.
      height, width: int, of the result, in pixels.

    Returns:
      float32 [height, width] in [0, 1].
    """
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    ink = ink[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    scale = min(DIGIT_BOX, height, width) / max(ink.shape)
    digit = _scaled(ink, *(max(1, round(scale * size)) for size in ink.shape))
    digit /= digit.max()
    result = np.zeros((height, width), np.float32)
    corner = []
    for axis, size in enumerate(result.shape):
        mass = digit.sum(axis=1 - axis)
        middle = np.arange(len(mass)) @ mass / mass.sum()       # MNIST's are at 14.0 of 28
        corner.append(int(np.clip(round(size / 2 - middle), 0, size - len(mass))))
    top, left = corner
    result[top:top + digit.shape[0], left:left + digit.shape[1]] = digit
    return result


def _grey(path):
    """Returns the greys of an image file, float32 [height, width] in [0, 1]."""
    pixels = input_data.formats.image_files.read(path)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    if image.mode == "RGBA":
        for ground in ("white", "black"):
            over = Image.alpha_composite(Image.new("RGBA", image.size, ground), image)
            if np.ptp(over.convert("L")) > 255 * LEAST_CONTRAST:
                break                   # white ink is seen on black only
        image = over
    return np.asarray(image.convert("L"), np.float32) / 255


def _ink(grey, path):
    """Returns how much each pixel differs from the ground, which is what the edges show.

    Raises:
      DataError: if nothing does.
    """
    low, high = grey.min(), grey.max()
    if high - low < LEAST_CONTRAST:
        raise DataError(f"{path}: expected a digit, found pixels that are all alike.")
    ground = np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]))
    ink = grey - ground if ground - low < high - ground else ground - grey
    ink = ink.clip(0) / ink.max()
    return np.where(ink < FAINTEST_INK, 0, ink)


def _scaled(grey, height, width):
    """Returns greys at another size, float32 [height, width] in [0, 1]."""
    image = Image.fromarray(grey.astype(np.float32))
    resized = image.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(resized).clip(0, 1)
