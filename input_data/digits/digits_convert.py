"""Writes MNIST as image files in the layout of "Identify the Digits", in a .zip.

    python -m input_data.digits.digits_convert --data_dir=MNIST --output=digits.zip

Of MNIST's 70,000 digits, 7 of 10 get labels. They keep MNIST's order, the test digits last.
"""

import io
import os
import sys
import zipfile

import numpy as np
from absl import flags

from commands import command_line
from commands.errors import UsageError, check_path
from commands.whole_files import whole_file
from input_data.dataset import DataError, check_folder

LABELLED = 0.7

FLAGS = command_line.new_flags()
flags.DEFINE_string("data_dir", None, "Folder of MNIST's IDX files. Without it: the sample that "
                    "comes with the project.", flag_values=FLAGS)
flags.DEFINE_string("output", None, "The .zip to write.", flag_values=FLAGS)


def convert(data_dir, path):
    """Writes the digits of a folder, or of the sample for None, into the archive `path`.

    Returns:
      Numbers of images with and without labels.

    Raises:
      DataError: if the digits are missing or damaged, or the archive exists.
    """
    from input_data.mnist import mnist_input

    parts = [mnist_input.read_idx_split(data_dir or mnist_input.SAMPLE, split)
             for split in ("train", "test")]
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts))
    count = round(LABELLED * len(images))
    names = [f"{number}.png" for number in range(len(images))]
    tables = {
        "train.csv": ["filename,label", *map("{},{}".format, names[:count], labels)],
        "test.csv": ["filename", *names[count:]]}
    try:
        with whole_file(path) as aside, zipfile.ZipFile(aside, "w") as archive:
            def add(name, data):    # with a fixed date: equal images make equal bytes
                archive.writestr(zipfile.ZipInfo(name), data)

            for name, lines in tables.items():
                add(name, "\n".join(lines) + "\n")
            for number, (name, image) in enumerate(zip(names, images[..., 0])):
                add(f"{'train' if number < count else 'test'}/{name}", _png(image))
    except OSError as error:
        raise DataError(f"--output: {path} cannot be written ({error}).") from None
    return count, len(images) - count


def _png(image):
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def _settings(values):
    check_path("--output", values.output)
    if not values.output or not os.path.isdir(os.path.dirname(values.output) or "."):
        raise UsageError(f"--output: there is no folder for {values.output}.")
    if os.path.lexists(values.output):
        raise UsageError(f"--output: {values.output} is there already.")
    if values.data_dir is not None:
        check_folder("--data_dir", values.data_dir)
    return values


def _main(values):
    labelled, others = convert(values.data_dir, values.output)
    print(f"Wrote {values.output}: {labelled} images with labels, {others} without.")


main = command_line.command(FLAGS, _settings, _main, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
