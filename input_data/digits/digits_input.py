"""Digits as image files: `train.csv` (filename,label), `test.csv` (filename), and the images."""

import io

import numpy as np
import tensorflow as tf

from input_data.augmentation import shifted_batches
from input_data.dataset import DataError, Dataset, array_reader, check_single_target
from input_data.digits import tables
from input_data.digits.file_tree import FileTree
from input_data.formats import image_files
from input_data.hold_out import held_out, part
from input_data.mnist import describe

FRACTION = 0.3          # held out, unless the user says otherwise


def load(data_dir, split, num_targets=1, *, image_size=None, validation_fraction=FRACTION,
         validation_seed=None, shift=0):
    """Opens a split of the labelled digits.

    The test table has no labels, so every split comes from the training table.

    Args:
      data_dir: folder or .zip with the tables and images, in any arrangement of folders.
      split: "train" or "valid_train" for the part to train on, "test" or "valid_test" for the
        part held out.
      image_size: (height, width) or (height, width, channels) to scale and convert images to;
        without it they are grey, and all must have the first one's size.
      validation_fraction: float, how much is held out.
      validation_seed: int, decides which rows; None for the last.
      shift: pixels by which images to train on are moved at most, each way.
      num_targets: int, 1.
    """
    check_single_target("digits", num_targets)
    with _open(data_dir) as tree:
        table = tables.find(tree, "train")
        out = held_out(len(table.paths), validation_fraction, validation_seed)
        rows = part(out, split in ("test", "valid_test"), validation_fraction)
        images = _read(tree, [table.paths[row] for row in rows], image_size)
        how = (f"the last {out.sum()}" if validation_seed is None
               else f"{out.sum()}, drawn by seed {validation_seed}")
        source = (f"{tree.where(table.name)}, {split} split: {len(rows)} of {len(out)} rows; "
                  f"held out: {how}")
    labels = np.array(table.labels, np.int32)[rows]
    return Dataset(describe(images.shape[1:], len(images), name="digits"), source,
                   array_reader(images, labels),
                   shifted_batches(split, shift, images.shape[1:]),
                   never_trained=split in ("test", "valid_test"))


def load_unlabelled(data_dir, image_size=None):
    """Opens the digits of the test table, which has no labels, as a Dataset with names."""
    with _open(data_dir) as tree:
        table = tables.find(tree, "test")
        images = _read(tree, table.paths, image_size)
        source = tree.where(table.name)

    def prepare(stored, seed):
        return {"images": tf.cast(stored["images"], tf.float32) / 255}

    return Dataset(describe(images.shape[1:], len(images), name="digits"), source,
                   lambda numbers: {"images": images[numbers]}, prepare,
                   names=tuple(table.filenames))


def _open(data_dir):
    if data_dir is None:
        raise DataError("digits needs --data_dir: a folder or a .zip with train.csv, test.csv "
                        "and the images they name.")
    return FileTree(data_dir)


def _read(tree, paths, image_size):
    """Returns the images of some names, uint8 [n, height, width, channels]."""
    size = (*(image_size or (None, None)), 1)[:3]
    images = []
    for path in paths:
        where = tree.where(path)
        images.append(image_files.read(io.BytesIO(tree.read(path)), size, where))
        image_files.check_size(images[-1].shape, images[0].shape, image_size, where,
                               tree.where(paths[0]))
    return np.stack(images)
