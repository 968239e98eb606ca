"""Image files of any kind as examples of a dataset."""

import warnings

import numpy as np
from PIL import Image, ImageOps

from input_data.dataset import DataError

DIGIT_BOX = 20          # pixels; the larger side of MNIST's digits, before they are centred
FAINTEST_INK = 0.15     # of the darkest; what is fainter is the paper's grain, or JPEG's
LEAST_CONTRAST = 0.05   # of the greys there are


def batch(paths, split):
    """Returns image files as a batch of a dataset, prepared as its own test images are.

    Single digits become as MNIST's are (see `as_digit`); other images are scaled to the
    dataset's size.

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
    image = _open(path)
    if info.name == "mnist" or shape == (28, 28, 1):
        ink = _ink(_grey(image), path)
        pixels = (as_digit(ink, height, width) if info.num_targets == 1
                  else _scaled(ink, height, width))
        return np.rint(255 * pixels[..., np.newaxis]).astype(np.uint8)
    if depth == 3:
        colours = image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        return np.asarray(colours)
    # Of several cameras, each gets the same image.
    grey = _scaled(_grey(image), height, width)
    return np.repeat(np.rint(255 * grey[..., np.newaxis]).astype(np.uint8), depth, axis=-1)


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


def _open(path):
    """Returns a file's first image, upright, over white where it is transparent."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as file:
                image = ImageOps.exif_transpose(file)
                image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError,
            Image.DecompressionBombWarning) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path}: expected an image file ({reason}).") from None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        for ground in ("white", "black"):
            over = Image.alpha_composite(Image.new("RGBA", image.size, ground), image)
            if np.ptp(_grey(over)) > LEAST_CONTRAST:
                break                   # white ink is seen on black only
        image = over.convert("RGB")
    return image


def _grey(image):
    """Returns an image's greys, float32 [height, width] in [0, 1]."""
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, np.float32)
        return values / max(65535 if image.mode != "F" else 1, values.max())
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
