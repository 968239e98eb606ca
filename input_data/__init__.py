"""Datasets: files -> batches, and the generators that write files."""

import importlib

# A reader is a module with `load(data_dir, split, num_targets)` that returns a `dataset.Split`.
READERS = {
    "mnist": "input_data.mnist.mnist_input",
    "cifar10": "input_data.cifar10.cifar10_input",
    "norb": "input_data.norb.norb_input",
    "affnist": "input_data.affnist.affnist_input",
}


def load(name, data_dir, split, num_targets=1):
    """Opens a split of a dataset.

    Args:
      name: a key of READERS.
      data_dir: str, as the reader says, or None for what comes with the project.
      split: "train", "test", "valid_train" or "valid_test".
      num_targets: classes in an image, as many as the dataset has images of.

    Returns:
      dataset.Split.

    Raises:
      dataset.DataError: if the data are missing or damaged.
    """
    return importlib.import_module(READERS[name]).load(data_dir, split, num_targets)
