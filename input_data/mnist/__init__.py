"""MNIST and MultiMNIST: readers and generators, and what they have in common."""

from input_data.dataset import DatasetInfo

NUM_CLASSES = 10


def describe(shape, num_examples, num_targets=1):
    """Returns the DatasetInfo of images of a shape (height, width, depth)."""
    height, width, depth = shape
    return DatasetInfo("mnist", height, width, depth, NUM_CLASSES,
                       tuple(map(str, range(NUM_CLASSES))), num_targets, num_examples)
