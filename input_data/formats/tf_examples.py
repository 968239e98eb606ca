"""tf.train.Examples with images: features to arrays and back."""

import numpy as np
import tensorflow as tf

from input_data.dataset import DataError
from input_data.formats import tfrecords


class Features:
    """The features of a serialized tf.train.Example; all methods raise DataError.

    Args:
      serialized: bytes.
      where: str, file and position, for errors; also an attribute.
    """

    def __init__(self, serialized, where):
        self.where = where
        try:
            self._features = tf.train.Example.FromString(serialized).features.feature
        except Exception:
            raise DataError(f"{where}: not a tf.train.Example.") from None

    def integer(self, name):
        """Returns an int64 feature of one value."""
        values = self._feature(name).int64_list.value
        if len(values) != 1:
            raise DataError(f"{self.where}: expected feature {name} with 1 integer, "
                            f"found {len(values)}.")
        return values[0]

    def label(self, name, num_classes):
        """Returns a class id, below num_classes."""
        label = self.integer(name)
        if not 0 <= label < num_classes:
            raise DataError(f"{self.where}: expected {name} from 0 to {num_classes - 1}, "
                            f"found {label}.")
        return label

    def shape(self):
        """Returns the features height, width and depth."""
        shape = tuple(self.integer(name) for name in ("height", "width", "depth"))
        if min(shape) < 1:
            raise DataError(f"{self.where}: expected height, width and depth of 1 or more, "
                            f"found {shape}.")
        return shape

    def image(self, name, shape):
        """Returns a uint8 image of a shape from its raw bytes."""
        values = self._feature(name).bytes_list.value
        found = len(values[0]) if len(values) == 1 else 0
        height, width, depth = shape
        if found != height * width * depth:
            raise DataError(f"{self.where}: expected {height * width * depth} bytes of {name} "
                            f"({height}x{width}x{depth}), found {found}.")
        return np.frombuffer(values[0], np.uint8).reshape(shape)

    def _feature(self, name):
        if name not in self._features:
            raise DataError(f"{self.where}: feature {name} is missing; "
                            f"there: {', '.join(sorted(self._features))}.")
        return self._features[name]


def serialize(**features):
    """Serializes bytes, ints and lists of ints as a tf.train.Example, always to the same bytes."""
    example = tf.train.Example()
    stored = example.features.feature       # filled in place: three times as fast as copies
    for name, value in features.items():
        if isinstance(value, bytes):
            stored[name].bytes_list.value.append(value)
        else:
            stored[name].int64_list.value.extend(value if isinstance(value, list) else [value])
    return example.SerializeToString(deterministic=True)


def serialize_all(**features):
    """Returns many tf.train.Examples at once, each serialized as by `serialize`.

    Args:
      **features: uint8 [n, ...], bytes of each example; int [n] from 0 to 127, an integer of each;
        or one int that all have.

    Returns:
      uint8 [n, length].

    Raises:
      ValueError: if an integer is out of range: examples would differ in length.
    """
    varying = {name: value for name, value in features.items() if isinstance(value, np.ndarray)}
    for name, values in varying.items():
        if values.ndim == 1 and not 0 <= values.min(initial=0) <= values.max(initial=0) <= 127:
            raise ValueError(f"{name}: expected integers from 0 to 127.")

    def example(filled=None):
        """Serializes an example of zeros, but for one feature that is full of ones."""
        values = {name: bytes([name == filled]) * array[0].size if array.ndim > 1
                  else int(name == filled) for name, array in varying.items()}
        return np.frombuffer(serialize(**{**features, **values}), np.uint8)

    count = len(next(iter(varying.values())))
    zeros = example()
    rows = np.tile(zeros, (count, 1))
    for name, values in varying.items():
        start, *_ = place = np.flatnonzero(example(name) != zeros)
        rows[:, start:start + len(place)] = values.reshape(count, -1)
    return rows


def framed_examples(shape, **features):
    """Returns framed records of examples with images of a shape; features: see `serialize_all`."""
    height, width, depth = shape
    return tfrecords.framed(serialize_all(height=height, width=width, depth=depth, **features))
