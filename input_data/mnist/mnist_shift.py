"""Writes MNIST as TFRecords: every digit in every shift, or pairs of digits.

    python mnist_shift.py --data_dir=DIR --split=train --shift=2

reads the IDX files in DIR and writes DIR/train_2shifted_mnist.tfrecords. Each record holds
height, width, depth, label and image_raw. Digits come in the files' order, the shifts of a
digit together, rows outer.

    python mnist_shift.py --data_dir=DIR --split=test --shift=4 --pad=4 --multi_targets=true \
        --num_pairs=1000 --max_shard=100000

writes DIR/multitest_4shifted_mnist.tfrecords-00000-of-00100 and so on. Each record holds
height, width, depth, label_1, label_2, image_raw_1, image_raw_2 and merged_raw.
"""

import contextlib
import functools
import os
import sys

from absl import flags

if not __package__:     # run as a file: imports start from the project's folder
    sys.path[0] = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))

import numpy as np

from commands import command_line
from commands.errors import UsageError
from input_data.dataset import SPLITS, check_folder, check_shift
from input_data.formats import tfrecords
from input_data.mnist.pairs import Pairs
from input_data.mnist.shifts import Ground, every_shift
from input_data.mnist.workers import in_order

FLAGS = command_line.new_flags()
flags.DEFINE_string("data_dir", None, "Folder of the IDX files, and of the records made.",
                    flag_values=FLAGS)
flags.DEFINE_enum("split", "train", SPLITS, "Which digits.", flag_values=FLAGS)
flags.DEFINE_integer("shift", 2, "Largest shift each way, in pixels.", lower_bound=0,
                     upper_bound=100, flag_values=FLAGS)
flags.DEFINE_integer("pad", 0, "Pixels added on each side before shifting.", lower_bound=0,
                     upper_bound=100, flag_values=FLAGS)
flags.DEFINE_integer("max_shard", 0, "Most records in a file; 0 puts all into one.",
                     lower_bound=0, flag_values=FLAGS)
flags.DEFINE_boolean("multi_targets", False, "Write pairs of digits of different classes, one "
                     "over the other.", flag_values=FLAGS)
flags.DEFINE_integer("num_pairs", 0, "Pairs: partners of each digit.", lower_bound=0,
                     upper_bound=10**9, flag_values=FLAGS)
flags.DEFINE_integer("seed", 0, "Pairs: decides partners, shifts and order.", lower_bound=0,
                     upper_bound=2**32 - 1, flag_values=FLAGS)
flags.DEFINE_integer("workers", 1, "Pairs: processes that make them; the files do not depend on "
                     "it.", lower_bound=1, flag_values=FLAGS)


def generate(data_dir, split, shift, pad=0, max_shard=0):
    """Writes every shift of a split's digits; arguments are the flags of the same names.

    Returns:
      str, the records' name, and int, their number.

    Raises:
      DataError: if the digits are missing or damaged, or the records exist.
    """
    from input_data.formats.tf_examples import framed_examples

    images, labels = _digits(data_dir, split, shift, pad)
    shifts = every_shift(shift)
    ground = Ground(images, shift, pad)

    def make(numbers):
        digits, which = np.divmod(numbers, len(shifts))
        return framed_examples(ground.shape, label=labels[digits],
                               image_raw=ground.moved(digits, shifts[which]))

    name = os.path.join(data_dir, f"{split}_{shift}shifted_mnist.tfrecords")
    count = len(images) * len(shifts)
    tfrecords.write_blocks(name, map(make, tfrecords.chunks(count)), count, max_shard)
    return name, count


def generate_pairs(data_dir, split, shift, num_pairs, pad=0, max_shard=0, seed=0,
                   num_workers=1):
    """Writes pairs of a split's digits; num_workers is the flag --workers. See `generate`."""
    pairs = Pairs(*_digits(data_dir, split, shift, pad), num_pairs, shift, pad, seed)
    name = os.path.join(data_dir, f"multi{split}_{shift}shifted_mnist.tfrecords")
    blocks = in_order(functools.partial(_pair_records, pairs), tfrecords.chunks(len(pairs)),
                      num_workers)
    with contextlib.closing(blocks):        # ends the workers if the writing fails
        tfrecords.write_blocks(name, blocks, len(pairs), max_shard)
    return name, len(pairs)


def _digits(data_dir, split, shift, pad):
    """Returns a split's images and labels; checks that the padding leaves room for the shift."""
    from input_data.mnist.mnist_input import read_idx_split

    images, labels = read_idx_split(data_dir, split)
    check_shift(shift, [side + 2 * pad for side in images.shape[1:3]])
    return images, labels


def _pair_records(pairs, numbers):
    """Returns the framed records of the Pairs of some numbers, uint8 [n, length]."""
    from input_data.formats.tf_examples import framed_examples

    labels, images = pairs.make(numbers)
    return framed_examples(
        pairs.shape, label_1=labels[:, 0], label_2=labels[:, 1],
        image_raw_1=images[:, 0], image_raw_2=images[:, 1], merged_raw=images[:, 2])


def _settings(values):
    check_folder("--data_dir", values.data_dir)
    if values.multi_targets and not values.num_pairs:
        raise UsageError("--num_pairs: expected 1 or more with --multi_targets, found 0.")
    for name in ("num_pairs", "seed", "workers"):
        if values[name].present and not values.multi_targets:
            raise UsageError(f"--{name} is for pairs: expected --multi_targets=true with it.")
    return values


def _main(values):
    try:
        if values.multi_targets:
            name, count = generate_pairs(
                values.data_dir, values.split, values.shift, values.num_pairs, values.pad,
                values.max_shard, values.seed, values.workers)
        else:
            name, count = generate(values.data_dir, values.split, values.shift, values.pad,
                                   values.max_shard)
    except KeyboardInterrupt as interrupt:
        raise type(interrupt)("on the way; no records were written") from None
    print(f"Wrote {count} records: {name}")


main = command_line.command(FLAGS, _settings, _main, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
