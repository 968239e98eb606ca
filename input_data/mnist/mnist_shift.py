"""Writes MNIST as TFRecords, every digit in every shift.

    python mnist_shift.py --data_dir=DIR --split=train --shift=2

reads the IDX files in DIR and writes DIR/train_2shifted_mnist.tfrecords. Each record holds
height, width, depth, label and image_raw. Digits come in the files' order, the shifts of a
digit together, rows outer.
"""

import os
import sys

from absl import flags

if not __package__:     # run as a file: imports start from the project's folder
    sys.path[0] = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))

import numpy as np

from input_data import command, records
from input_data.dataset import SPLITS

FLAGS = command.new_flags()
flags.DEFINE_string("data_dir", None, "Folder of the IDX files, and of the records made.",
                    flag_values=FLAGS)
flags.DEFINE_enum("split", "train", SPLITS, "Which digits.", flag_values=FLAGS)
flags.DEFINE_integer("shift", 2, "Largest shift each way, in pixels.", lower_bound=0,
                     flag_values=FLAGS)
flags.DEFINE_integer("pad", 0, "Pixels added on each side before shifting.", lower_bound=0,
                     flag_values=FLAGS)
flags.DEFINE_integer("max_shard", 0, "Most records in a file; 0 puts all into one.",
                     lower_bound=0, flag_values=FLAGS)


def shifted(image, rows, columns, pad=0):
    """Returns an image on a wider ground, moved down and right; what leaves it is cut.

    Args:
      image: uint8 [height, width, depth].
      rows, columns: pixels, negative for up and left.
      pad: pixels of ground added on each side.

    Returns:
      uint8 [height + 2 * pad, width + 2 * pad, depth].
    """
    height, width, _ = image.shape
    margin = max(abs(rows), abs(columns))
    around = (pad + margin, pad + margin)
    wide = np.pad(image, (around, around, (0, 0)))
    return wide[margin - rows:margin - rows + height + 2 * pad,
                margin - columns:margin - columns + width + 2 * pad]


def all_shifts(images, labels, shift, pad):
    """Yields (image, label) for every digit in every shift, (2 * shift + 1)^2 of each."""
    reach = range(-shift, shift + 1)
    for image, label in zip(images, labels):
        for rows in reach:
            for columns in reach:
                yield shifted(image, rows, columns, pad), int(label)


def generate(data_dir, split, shift, pad=0, max_shard=0):
    """Writes the records of a split into the folder of its IDX files.

    Args:
      data_dir: str.
      split, shift, pad, max_shard: as the flags of the same names.

    Returns:
      str, the records' name, and int, their number.

    Raises:
      DataError: if the digits are missing or damaged, or the records are there already.
    """
    from input_data.examples import serialize
    from input_data.mnist.mnist_input import read_idx_split

    images, labels = read_idx_split(data_dir, split)
    serialized = (
        serialize(height=image.shape[0], width=image.shape[1], depth=image.shape[2],
                  label=label, image_raw=image.tobytes())
        for image, label in all_shifts(images, labels, shift, pad))
    name = os.path.join(data_dir, f"{split}_{shift}shifted_mnist.tfrecords")
    count = len(images) * (2 * shift + 1) ** 2
    records.write(name, serialized, count, max_shard)
    return name, count


def _settings(values):
    if values.data_dir is None or not os.path.isdir(values.data_dir):
        raise command.UsageError(f"--data_dir: expected a folder, found {values.data_dir}.")
    return values


def _main(values):
    name, count = generate(values.data_dir, values.split, values.shift, values.pad,
                           values.max_shard)
    print(f"Wrote {count} records: {name}")


def main(argv):
    """Runs the command line, and returns its exit status."""
    return command.run(argv, FLAGS, _settings, _main, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
