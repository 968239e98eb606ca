"""Writes MNIST digits under random affine transformations: like affNIST, and not affNIST.

    python -m input_data.affnist.affine_digits --data_dir=DIR

reads MNIST's test digits in DIR and writes DIR/test_affine_mnist.tfrecords, images of 40x40 in
which each digit is rotated by up to 20 degrees, sheared by up to 0.2, scaled by 0.8 to 1.2 in
height and in width, and placed at random with nothing cut off. Those are the ranges that affNIST
publishes. The images differ from affNIST's, so results must not be reported as its results.
"""

import os
import sys

import numpy as np
from absl import flags

from commands import command_line
from commands.errors import UsageError
from input_data.dataset import SPLITS, check_folder
from input_data.formats import tfrecords

FLAGS = command_line.new_flags()
flags.DEFINE_string("data_dir", None, "Folder of MNIST's IDX files. Without it: the sample that "
                    "comes with the project.", flag_values=FLAGS)
flags.DEFINE_string("output_dir", None, "Folder of the records. Without it: --data_dir.",
                    flag_values=FLAGS)
flags.DEFINE_enum("split", "test", SPLITS, "Which digits.", flag_values=FLAGS)
flags.DEFINE_integer("versions", 1, "Transformations of each digit; affNIST has 32.",
                     lower_bound=1, upper_bound=10**6, flag_values=FLAGS)
flags.DEFINE_integer("seed", 0, "Decides the transformations.", lower_bound=0,
                     upper_bound=2**32 - 1, flag_values=FLAGS)


def generate(data_dir, output_dir, split="test", versions=1, seed=0):
    """Writes transformed digits: all of them once, then all of them again, versions times.

    Arguments are the flags of the same names.

    Returns:
      str, the records' name, and int, their number.

    Raises:
      DataError: if the digits are missing or damaged, or the records exist.
    """
    from input_data.affnist.affine import transformed
    from input_data.formats.tf_examples import framed_examples
    from input_data.mnist.mnist_input import read_idx_split

    images, labels = read_idx_split(data_dir, split)

    def make(numbers):
        digits = np.asarray(numbers) % len(images)
        found = transformed(images[digits], numbers, seed)
        return framed_examples(found.shape[1:], label=labels[digits], image_raw=found)

    name = os.path.join(output_dir, f"{split}_affine_mnist.tfrecords")
    count = versions * len(images)
    tfrecords.write_blocks(name, map(make, tfrecords.chunks(count)), count)
    return name, count


def _settings(values):
    if not (values.data_dir or values.output_dir):
        raise UsageError("--output_dir is missing: the folder to write to.")
    for name in ("data_dir", "output_dir"):
        if values[name].value is not None:
            check_folder(f"--{name}", values[name].value)
    return values


def _main(values):
    from input_data.mnist.mnist_input import SAMPLE

    name, count = generate(values.data_dir or SAMPLE, values.output_dir or values.data_dir,
                           values.split, values.versions, values.seed)
    print(f"Wrote {count} records, which are not affNIST: {name}")


main = command_line.command(FLAGS, _settings, _main, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
