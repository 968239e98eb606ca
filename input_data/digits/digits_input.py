"""Digits as image files: `train.csv` (filename,label), `test.csv` (filename), and the images."""

import numpy as np
import tensorflow as tf

from input_data import augmentation, held_out
from input_data.dataset import DataError, DatasetInfo, Split, single_target_batch
from input_data.digits import NUM_CLASSES, tables
from input_data.file_tree import FileTree
from input_data.pictures import grey

VALIDATION_FRACTION = 0.3


def load(data_dir, split, num_targets=1, validation_fraction=None, validation_seed=None,
         shift=None):
    """Opens a split of the labelled digits.

    The test table has no labels, so that every split is of the training table: of its rows, the
    last 3/10 are held out, or as many as asked for, drawn by a seed.

    Args:
      data_dir: str, folder or .zip with the tables and images, in any arrangement of folders.
      split: "train" or "valid_train" for the part to train on, "test" or "valid_test" for the
        part held out.
      num_targets: 1.
      validation_fraction: share that is held out, drawn by a seed; None for the last 3/10.
      validation_seed: int, the seed; None for 0.
      shift: pixels by which images to train on are moved at most, each way; None for 0.

    Returns:
      Split.

    Raises:
      DataError: if there are no such data, or they are damaged.
    """
    if num_targets != 1:
        raise DataError(f"digits has 1 target an image, found --num_targets={num_targets}.")
    with _open(data_dir) as tree:
        table = tables.find(tree, "train")
        if validation_fraction is None:
            rows = held_out.rows(split, len(table), VALIDATION_FRACTION)
            part = "the first" if split.endswith("train") else "the last"
        else:
            seed = validation_seed or 0
            rows = held_out.rows(split, len(table), validation_fraction, seed)
            part = f"{'not ' if split.endswith('train') else ''}held out by seed {seed}:"
        images = _read(tree, table, rows)
        source = f"{tree.where(table.name)}, {part} {len(rows)} of {len(table)} rows"
    targets = np.array(table.labels, np.int32)[rows, np.newaxis]
    shift = (shift or 0) if split.endswith("train") else 0

    def read(numbers):
        return {"images": images[numbers], "targets": targets[numbers]}

    def prepare(stored, seed):
        moved = augmentation.random_shift(stored["images"], shift, seed)
        return single_target_batch(_scaled(moved), stored["targets"])

    return Split(_describe(images), source, read, prepare)


def load_unlabelled(data_dir):
    """Opens the digits of the test table, which has no labels.

    Args and Raises: as for `load`.

    Returns:
      Split with names; its batches hold images alone.
    """
    with _open(data_dir) as tree:
        table = tables.find(tree, "test")
        images = _read(tree, table, range(len(table)))
        source = tree.where(table.name)

    def read(numbers):
        return {"images": images[numbers]}

    def prepare(stored, seed):
        return {"images": _scaled(stored["images"])}

    return Split(_describe(images), source, read, prepare, tuple(table.filenames))


def _open(data_dir):
    if data_dir is None:
        raise DataError("digits needs --data_dir: a folder or a .zip with train.csv, test.csv "
                        "and the images they name.")
    return FileTree(data_dir)


def _read(tree, table, rows):
    """Returns the images of a table's rows, uint8 [n, height, width, 1], all of one size."""
    images = None
    for number, path in enumerate(table.paths(rows)):
        image = grey(tree.read(path), tree.where(path), images.shape[1:3] if number else None)
        if images is None:
            images = np.empty((len(rows), *image.shape, 1), np.uint8)
        images[number, ..., 0] = image
    return images


def _scaled(images):
    return tf.cast(images, tf.float32) / 255


def _describe(images):
    return DatasetInfo("digits", *images.shape[1:], NUM_CLASSES,
                       tuple(map(str, range(NUM_CLASSES))), num_examples=len(images))
