"""MNIST and MultiMNIST: readers and generators, and what they have in common."""

import os

from input_data.dataset import DatasetInfo

NUM_CLASSES = 10


def describe(shape, num_examples, num_targets=1):
    """Returns the DatasetInfo of images of a shape (height, width, depth)."""
    height, width, depth = shape
    return DatasetInfo("mnist", height, width, depth, NUM_CLASSES,
                       tuple(map(str, range(NUM_CLASSES))), num_targets, num_examples)


def listing(folder, most=5):
    """Returns a folder's first names in words, for errors."""
    names = sorted(os.listdir(folder))
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "nothing") + more
