"""MNIST and MultiMNIST: readers and generators."""

from input_data.dataset import DatasetInfo

NUM_CLASSES = 10


def describe(shape, num_examples, num_targets=1, name="mnist"):
    """Returns the DatasetInfo of digits in images of a shape (height, width, depth)."""
    return DatasetInfo(name, *shape, NUM_CLASSES, tuple(map(str, range(NUM_CLASSES))),
                       num_targets, num_examples)
