"""Datasets: files -> batches, and the generators that write files."""

import importlib
import inspect

from input_data.dataset import DataError

# A reader is a module with `load(data_dir, split, num_targets)` that returns a `dataset.Split`;
# it may take further options by name. Where a dataset has images without labels, its reader has
# `load_unlabelled(data_dir)`, too.
READERS = {
    "mnist": "input_data.mnist.mnist_input",
    "cifar10": "input_data.cifar10.cifar10_input",
    "norb": "input_data.norb.norb_input",
    "digits": "input_data.digits.digits_input",
}


def load(name, data_dir, split, num_targets=1, **options):
    """Opens a split of a dataset.

    Args:
      name: a key of READERS.
      data_dir: str, as the reader says, or None for what comes with the project.
      split: "train", "test", "valid_train" or "valid_test".
      num_targets: classes in an image, as many as the dataset has images of.
      **options: further options of the reader; those that are None are left out.

    Returns:
      dataset.Split.

    Raises:
      dataset.DataError: if the data are missing or damaged, or the reader has no such option.
    """
    reader = importlib.import_module(READERS[name])
    given = {option: value for option, value in options.items() if value is not None}
    for option in given:
        if not has_option(name, option):
            raise DataError(f"The dataset {name} has no --{option}; leave it out.")
    return reader.load(data_dir, split, num_targets, **given)


def has_option(name, option):
    """Says whether a dataset's reader takes a further option by name."""
    reader = importlib.import_module(READERS[name])
    return option in inspect.signature(reader.load).parameters


def load_unlabelled(name, data_dir):
    """Opens the images of a dataset that have no labels.

    Args:
      name: a key of READERS.
      data_dir: str, as the reader says, or None for what comes with the project.

    Returns:
      dataset.Split with names; its batches hold images alone.

    Raises:
      dataset.DataError: if the dataset has no such images, or they are missing or damaged.
    """
    reader = importlib.import_module(READERS[name])
    if not hasattr(reader, "load_unlabelled"):
        raise DataError(f"The dataset {name} has no images without labels to predict; "
                        "leave --predictions out.")
    return reader.load_unlabelled(data_dir)
