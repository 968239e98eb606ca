"""Writes smallNORB as TFRecords, from the matrices in which it is published.

    python norb_convert.py --data_dir=DIR --split=train

reads smallnorb-5x46789x9x18x6x2x96x96-training-{dat,cat,info}.mat in DIR and writes
DIR/trainduo.tfrecords. Each record holds height, width, depth (the two cameras), label,
meta (instance, elevation, azimuth, lighting) and image_raw, channel-first. Pairs come in the
files' order.
"""

import os
import sys

from absl import flags

if not __package__:     # run as a file: imports start from the project's folder
    sys.path[0] = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))

import numpy as np

from commands import command_line
from input_data.dataset import DataError, check_folder
from input_data.formats import tfrecords
from input_data.formats.norb_matrix import Matrix

PREFIXES = {
    "train": "smallnorb-5x46789x9x18x6x2x96x96-training",
    "test": "smallnorb-5x01235x9x18x6x2x96x96-testing",
}
NUM_CLASSES = 5
CAMERAS, HEIGHT, WIDTH = 2, 96, 96
META = 4

FLAGS = command_line.new_flags()
flags.DEFINE_string("data_dir", None, "Folder of the matrices, and of the records made.",
                    flag_values=FLAGS)
flags.DEFINE_enum("split", "train", list(PREFIXES), "Which pairs.", flag_values=FLAGS)


def generate(data_dir, split):
    """Writes the records of "train" or "test" into the folder of its matrices.

    Returns:
      str, the records' name, and int, their number.

    Raises:
      DataError: if the matrices are missing or damaged, or the records exist.
    """
    paths = {kind: os.path.join(data_dir, f"{PREFIXES[split]}-{kind}.mat")
             for kind in ("dat", "cat", "info")}
    images = Matrix(paths["dat"], np.uint8, (CAMERAS, HEIGHT, WIDTH))
    labels = Matrix(paths["cat"], np.int32, ())
    metas = Matrix(paths["info"], np.int32, (META,))
    if not len(images) == len(labels) == len(metas):
        raise DataError(f"{paths['dat']} holds {len(images)} pairs, its cat file {len(labels)} "
                        f"labels, its info file {len(metas)} rows: expected as many of each.")
    name = os.path.join(data_dir, f"{split}duo.tfrecords")
    rows = zip(images.rows(), labels.rows(), metas.rows())
    tfrecords.write(name, _serialized(rows, paths["cat"]), len(images))
    return name, len(images)


def _serialized(rows, labels_path):
    from input_data.formats.tf_examples import serialize

    for number, (image, label, meta) in enumerate(rows):
        if not 0 <= label < NUM_CLASSES:
            raise DataError(f"{labels_path}: expected labels from 0 to {NUM_CLASSES - 1}, found "
                            f"{label} for pair {number}.")
        yield serialize(height=HEIGHT, width=WIDTH, depth=CAMERAS, label=int(label),
                        meta=meta.tolist(), image_raw=image.tobytes())


def _settings(values):
    check_folder("--data_dir", values.data_dir)
    return values


def _main(values):
    name, count = generate(values.data_dir, values.split)
    print(f"Wrote {count} records: {name}")


main = command_line.command(FLAGS, _settings, _main, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
