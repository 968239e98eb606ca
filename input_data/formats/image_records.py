"""Records of images that are all of one shape, read by number."""

import numpy as np

from input_data.dataset import DataError
from input_data.formats import tfrecords
from input_data.formats.tf_examples import Features


class ImageRecords:
    """The records NAME or NAME@N, tf.train.Examples with height, width and depth.

    Args:
      name: str.
      parse: function of a record's Features and (height, width, depth) that returns a tuple of
        values; `read` stacks them.

    Attributes:
      shape: height, width and depth of every record.

    Raises:
      DataError: if there are no such records, or the first is damaged.
    """

    def __init__(self, name, parse):
        self._files = tfrecords.RecordFiles(tfrecords.shard_names(name))
        self._parse = parse
        self.shape = Features(self._files[0], self._files.where(0)).shape()
        self._parsed(0)     # a size that its bytes do not fill must not decide the network's

    def __len__(self):
        return len(self._files)

    def read(self, numbers):
        """Returns an array [n, ...] of each value that `parse` returns. Raises DataError."""
        return [np.stack(values) for values in zip(*map(self._parsed, numbers))]

    def read_labelled(self, numbers):
        """Returns what Datasets read, where `parse` returns an image and a label."""
        images, labels = self.read(numbers)
        return {"images": images, "targets": labels[:, np.newaxis].astype(np.int32)}

    def _parsed(self, number):
        features = Features(self._files[number], self._files.where(number))
        found = features.shape()
        if found != self.shape:
            raise DataError(f"{features.where}: expected height, width and depth of {self.shape} "
                            f"like the first, found {found}.")
        return self._parse(features, self.shape)
