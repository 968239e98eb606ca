"""A plain loop that writes MultiMNIST records: what the project's generator is compared with."""

import numpy as np
import tensorflow as tf


def write(path, images, labels, count, shift, pad, seed=0):
    """Writes random pairs of digits of different classes, one after another.

    Args:
      path: str, the file to write.
      images: uint8 [n, height, width, 1].
      labels: int [n].
      count: int, number of pairs.
      shift: int, largest shift each way, in pixels.
      pad: int, pixels of ground added on each side before shifting.
      seed: int.
    """
    random = np.random.default_rng(seed)
    with tf.io.TFRecordWriter(path) as writer:
        for _ in range(count):
            first, second = random.integers(len(images), size=2)
            while labels[first] == labels[second]:
                second = random.integers(len(images))
            pair = [_moved(np.pad(images[number, ..., 0], pad),
                           *random.integers(-shift, shift + 1, size=2), shift)
                    for number in (first, second)]
            merged = np.minimum(np.add(*pair, dtype=np.int32), 255).astype(np.uint8)
            height, width = merged.shape
            example = tf.train.Example(features=tf.train.Features(feature={
                "height": _integer(height), "width": _integer(width), "depth": _integer(1),
                "label_1": _integer(labels[first]), "label_2": _integer(labels[second]),
                "image_raw_1": _bytes(pair[0]), "image_raw_2": _bytes(pair[1]),
                "merged_raw": _bytes(merged)}))
            writer.write(example.SerializeToString())


def _moved(image, rows, columns, reach):
    """Returns an image moved down and right; what leaves it is cut."""
    wide = np.roll(np.pad(image, reach), rows, axis=0)
    wide = np.roll(wide, columns, axis=1)
    height, width = image.shape
    return wide[reach:reach + height, reach:reach + width]


def _integer(value):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))


def _bytes(array):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[array.tobytes()]))
