"""Image files as examples of a dataset, with digits prepared like MNIST's."""

import numpy as np
from PIL import Image
from scipy import ndimage

from input_data.dataset import DataError
from input_data.formats import image_files

DIGITS = ("mnist", "affnist", "digits", "tfds:mnist")   # datasets with digits like MNIST's
DIGIT_BOX = 20          # pixels, the larger side of MNIST's digits before they are centred
FAINTEST_INK = 0.15     # of the darkest; the grain of paper or JPEG is fainter
LEAST_CONTRAST = 0.05   # of the whole range of greys


def batch(paths, data):
    """Returns image files as a batch of a dataset, prepared like its test images.

    Single digits are scaled and centred like MNIST's, other images scaled to the dataset's size.
    A file that is missing, no image, or shows nothing raises DataError.
    """
    import tensorflow as tf

    pattern = data.read(np.array([0]))
    shape = pattern["images"].shape[1:]
    stored = {key: tf.zeros([len(paths), *values.shape[1:]], values.dtype)
              for key, values in pattern.items()}
    stored["images"] = tf.stack([_example(path, shape, data.info) for path in paths])
    return {"images": data.prepare(stored, tf.zeros([2], tf.int64))["images"]}


def _example(path, shape, info):
    """Returns an image file as uint8 of a dataset's stored shape."""
    height, width, depth = shape
    if info.name in DIGITS and depth == 1:
        ink = _ink(_grey(path), path)
        pixels = (as_digit(ink, height, width) if info.num_targets == 1
                  else _scaled(ink, height, width))
        return np.rint(255 * pixels[..., np.newaxis]).astype(np.uint8)
    if depth in image_files.MODES:
        return image_files.read(path, shape)
    # Each of several cameras gets the same image.
    return np.repeat(image_files.read(path, (height, width, 1)), depth, axis=-1)


def as_digit(ink, height, width):
    """Returns ink on a ground of 0 like MNIST's digits: in a box of 20x20, its mass centred."""
    ink = ink[ndimage.find_objects((ink > 0).astype(int))[0]]
    scale = min(DIGIT_BOX, height, width) / max(ink.shape)
    digit = _scaled(ink, *(max(1, round(scale * size)) for size in ink.shape))
    digit /= digit.max()
    result = np.zeros((height, width), np.float32)
    room = np.subtract(result.shape, digit.shape)
    middle = np.divide(result.shape, 2) - ndimage.center_of_mass(digit)
    top, left = np.rint(middle).astype(int).clip(0, room)
    result[top:top + digit.shape[0], left:left + digit.shape[1]] = digit
    return result


def _grey(path):
    """Returns the greys of an image file, float32 [height, width] in [0, 1]."""
    pixels = image_files.read(path)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    if image.mode == "RGBA":
        for ground in ("white", "black"):
            over = Image.alpha_composite(Image.new("RGBA", image.size, ground), image)
            if np.ptp(over.convert("L")) > 255 * LEAST_CONTRAST:
                break                   # white ink is visible on black only
        image = over
    return np.asarray(image.convert("L"), np.float32) / 255


def _ink(grey, path):
    """Returns how much each pixel differs from the ground, the median of the edges."""
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
