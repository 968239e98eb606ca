"""Datasets: files -> batches, and the generators that write files."""

import importlib
import inspect
import re

from input_data.dataset import DataError

# A reader is a module with `load(data_dir, split, num_targets)` that returns a `Dataset`; its
# arguments, options and errors are those of `load` below. NAME in a key is the argument `name`.
# Where a dataset has images without labels, its reader has `load_unlabelled(data_dir, image_size)`.
READERS = {
    "mnist": "input_data.mnist.mnist_input",
    "cifar10": "input_data.cifar10.cifar10_input",
    "norb": "input_data.norb.norb_input",
    "affnist": "input_data.affnist.affnist_input",
    "digits": "input_data.digits.digits_input",
    "images": "input_data.images.images_input",
    "tfds:NAME": "input_data.tfds.tfds_input",
}

SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})(?:x([134]))?")


def name_problem(name):
    """Returns what is wrong with a dataset's name, or None."""
    if _parted(name)[0] not in READERS:
        return f"expected one of {', '.join(READERS)}, found {name!r}"
    return None


def size_problem(text):
    """Returns what is wrong with an --image_size, or None."""
    if not SIZE.fullmatch(text):
        return ("expected HxW or HxWxC in pixels and 1, 3 or 4 channels, such as 32x32x3, "
                f"found {text!r}")
    return None


def parse_size(text):
    """Returns the numbers of an --image_size, "HxW" or "HxWxC"; None for None."""
    return text and tuple(int(number) for number in SIZE.fullmatch(text).groups() if number)


def load(name, data_dir, split, num_targets=1, **options):
    """Opens a split of a dataset.

    Args:
      name: a key of READERS, or, for "tfds:NAME", "tfds:" and the name.
      data_dir: str, as the reader says, or None for the data that come with the project.
      split: "train", "test", "valid_train" or "valid_test".
      num_targets: classes in an image.
      **options: options of the reader; None leaves one to the reader:
        image_size: (height, width) or (height, width, channels) of the images.
        shift: int, pixels by which images to train on are moved at most, each way.
        validation_fraction: float, the share of examples that is held out.
        validation_seed: int, decides which are held out.
        skip_broken: bool, whether files that cannot be read are left out.

    Returns:
      dataset.Dataset.

    Raises:
      dataset.DataError: if data are missing or damaged, or the reader lacks an option.
    """
    given = {option: value for option, value in options.items() if value is not None}
    for option in given:
        if not has_option(name, option):
            raise DataError(f"--{option} is not for --dataset={name}; leave it out.")
    reader, inner_name = _reader(name)
    if inner_name is not None:
        given["name"] = inner_name
    return reader.load(data_dir, split, num_targets, **given)


def has_option(name, option):
    """Whether a dataset's reader has an option of `load`."""
    return option in inspect.signature(_reader(name)[0].load).parameters


def load_unlabelled(name, data_dir, image_size=None):
    """Opens the images of a dataset that have no labels; arguments and errors are `load`'s.

    Returns:
      dataset.Dataset with names; its batches hold images alone.
    """
    reader, _ = _reader(name)
    if not hasattr(reader, "load_unlabelled"):
        raise DataError(f"The dataset {name} has no images without labels to predict; "
                        "leave --predictions out.")
    return reader.load_unlabelled(data_dir, image_size)


def _reader(name):
    """Returns a dataset's reader, and the inner NAME or None."""
    key, inner_name = _parted(name)
    return importlib.import_module(READERS[key]), inner_name


def _parted(name):
    """Returns a dataset's key in READERS, and the inner NAME or None."""
    kind, _, inner_name = name.partition(":")
    return (f"{kind}:NAME", inner_name) if inner_name else (name, None)
