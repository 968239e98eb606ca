"""Datasets: files -> batches, and the generators that write files."""

import importlib
import inspect

from input_data.dataset import DataError

# A reader is a module with `load(data_dir, split, num_targets)` that returns a `dataset.Split`.
# NAME in a key stands for any name, which `load` gets as the argument `name`.
# What can be chosen beyond that are keyword arguments of its `load`, named as in `load` below.
READERS = {
    "mnist": "input_data.mnist.mnist_input",
    "cifar10": "input_data.cifar10.cifar10_input",
    "norb": "input_data.norb.norb_input",
    "affnist": "input_data.affnist.affnist_input",
    "images": "input_data.images.images_input",
    "tfds:NAME": "input_data.tfds.tfds_input",
}


def is_dataset(name):
    """Whether there is a reader for a dataset's name."""
    return _parted(name)[0] in READERS


def load(name, data_dir, split, num_targets=1, **options):
    """Opens a split of a dataset.

    Args:
      name: a key of READERS, or, for "tfds:NAME", "tfds:" and the name.
      data_dir: str, as the reader says, or None for what comes with the project.
      split: "train", "test", "valid_train" or "valid_test".
      num_targets: classes in an image, as many as the dataset has images of.
      **options: what the reader lets one choose; None leaves it to the reader:
        image_size: (height, width) or (height, width, channels) of the images.
        validation_fraction: float, the share of examples that is held out.
        validation_seed: int, decides which are held out.
        skip_broken: bool, whether files that cannot be read are left out.

    Returns:
      dataset.Split.

    Raises:
      dataset.DataError: if the data are missing or damaged, or there is nothing to choose.
    """
    key, inner_name = _parted(name)
    reader = importlib.import_module(READERS[key])
    options["name"] = inner_name
    given = {option: value for option, value in options.items() if value is not None}
    taken = inspect.signature(reader.load).parameters
    for option in given:
        if option not in taken:
            raise DataError(f"--{option} is not for --dataset={name}; leave it out.")
    return reader.load(data_dir, split, num_targets, **given)


def _parted(name):
    """Returns a dataset's key in READERS, and what stands for NAME in it, or None."""
    kind, _, inner_name = name.partition(":")
    return (f"{kind}:NAME", inner_name) if inner_name else (name, None)
