"""Random changes of training images, decided by a seed, and fixed ones of test images.

Images are tensors [batch, height, width, depth], seeds int64 [2]; each image has its own changes.
"""

import tensorflow as tf

from input_data.dataset import check_shift, scaled_batch, single_target_batch

BRIGHTNESS = 63.0           # largest change, on the 0..255 scale
CONTRAST = (0.2, 1.8)       # least and largest factor


def random_crop(images, height, width, seed):
    """Cuts a window of `height` x `width` pixels out of each image, every place equally likely."""
    def starts(size, window, seed):
        return tf.random.stateless_uniform([tf.shape(images)[0], 1], seed, 0, size - window + 1,
                                           tf.int32)

    row_seed, column_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    return _windows(images, starts(images.shape[1], height, row_seed),
                    starts(images.shape[2], width, column_seed), height, width)


def random_shift(images, max_shift, seed):
    """Moves each image by -max_shift..max_shift rows and columns, uniformly; edges fill with 0."""
    if max_shift == 0:
        return images
    batch, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    around = [max_shift, max_shift]
    padded = tf.pad(images, [[0, 0], around, around, [0, 0]])
    starts = tf.random.stateless_uniform([batch, 2], seed, 0, 2 * max_shift + 1, tf.int32)
    return _windows(padded, starts[:, :1], starts[:, 1:], height, width)


def _windows(images, rows, columns, height, width):
    """Cuts a window out of each image, from its own row and column on, int32 [batch, 1]."""
    cut = tf.gather(images, rows + tf.range(height), axis=1, batch_dims=1)
    return tf.gather(cut, columns + tf.range(width), axis=2, batch_dims=1)


def central_crop(images, height, width):
    """Cuts the middle window out of each image; of two middles, the upper left."""
    row, column = (images.shape[1] - height) // 2, (images.shape[2] - width) // 2
    return images[:, row:row + height, column:column + width]


def random_flip(images, seed):
    """Mirrors each image left to right, or not, with equal chances."""
    chance = tf.random.stateless_uniform([tf.shape(images)[0], 1, 1, 1], seed)
    return tf.where(chance < 0.5, images[:, :, ::-1], images)


def random_brightness(images, seed):
    """Adds one number to each float32 image, uniform over [-BRIGHTNESS, BRIGHTNESS)."""
    return images + tf.random.stateless_uniform([tf.shape(images)[0], 1, 1, 1], seed,
                                                 -BRIGHTNESS, BRIGHTNESS)


def random_contrast(images, seed):
    """Stretches each float32 image about each channel's mean by a factor within CONTRAST."""
    factor = tf.random.stateless_uniform([tf.shape(images)[0], 1, 1, 1], seed, *CONTRAST)
    mean = tf.reduce_mean(images, axis=[1, 2], keepdims=True)
    return mean + (images - mean) * factor


def shifted_batches(split, max_shift, shape):
    """Returns a Dataset's `prepare`: pixels scaled to [0, 1], training images shifted.

    Raises DataError if a shift may move an image of the shape out of sight.
    """
    check_shift(max_shift, shape)
    if split not in ("train", "valid_train"):
        return scaled_batch

    def prepare(stored, seed):
        images = random_shift(stored["images"], max_shift, seed)
        return scaled_batch({**stored, "images": images}, seed)

    return prepare


def central_batches(size):
    """Returns a Dataset's `prepare`: the middle of each image, size x size, standardized."""
    def prepare(stored, seed):
        images = central_crop(stored["images"], size, size)
        return standardized_batch(tf.cast(images, tf.float32), stored["targets"])

    return prepare


def standardized_batch(images, targets):
    """Returns the batch of float32 images, each brought to a mean of 0 and a variance of 1."""
    return single_target_batch(tf.image.per_image_standardization(images), targets)
