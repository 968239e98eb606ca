"""A dataset: a description of its examples, and a way to read them by number.

A reader returns a `Dataset`. `pipeline` makes batches of it, the dicts that networks take:

    images         float32 [batch, height, width, depth]
    targets        int32   [batch, num_targets]            class ids, no order implied
    target_images  float32 [batch, num_targets, height, width, depth]
                   what each target alone looks like (the reconstruction's aim)
"""

import contextlib
import dataclasses
import os
import re
from collections.abc import Callable

import numpy as np

from commands.errors import UsageError, UserError, check_path

SPLITS = ("train", "test", "valid_train", "valid_test")


class DataError(UserError):
    """Missing, damaged or unexpected data; the text says what to do."""

    def __init__(self, text):
        super().__init__(shown(text))       # TensorFlow loses errors that are not UTF-8


def shown(text):
    """Returns text for the screen, with bytes of file names that are not UTF-8 escaped."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


@contextlib.contextmanager
def readable(path):
    """Turns an OSError in the block into a DataError that names the file or folder."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from None


def names_in(folder):
    """Returns the names of a folder's files and folders, sorted. Raises DataError."""
    with readable(folder):
        return sorted(os.listdir(folder))


def listing(names, most=5):
    """Returns the first names as text, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "nothing") + more


@dataclasses.dataclass(frozen=True)
class DatasetInfo:
    """The shapes and names that networks and reports need."""

    name: str
    height: int                 # of the batches' images, in pixels
    width: int
    depth: int                  # channels
    num_classes: int
    class_names: tuple
    num_targets: int = 1        # of an image
    num_examples: int | None = None


def check_single_target(name, num_targets):
    """Raises DataError unless one target an image is asked for."""
    if num_targets != 1:
        raise DataError(f"{name} has 1 target an image, found --num_targets={num_targets}.")


def check_split_of_file(name, split):
    """Raises DataError if the name of a file or folder says that it is not for a split."""
    if split == "test" and split_in_name(name) in ("train", "valid_train"):
        raise DataError(f"{name}: these are training records; an evaluation needs test records, "
                        "or the folder that holds both, as --data_dir.")
    if split.startswith("valid_") and split_in_name(name) != split:
        raise DataError(f"{name}: --validate needs records of {split}, in a file whose name says "
                        "so; leave --validate out, or name the folder of the digits.")


def check_shift(shift, shape):
    """Raises DataError if a shift in pixels may move images of a shape out of sight."""
    height, width = shape[:2]
    if shift >= min(height, width):
        raise DataError(f"--shift={shift}: expected fewer pixels than the images have, "
                        f"{height}x{width}.")


def split_in_name(name):
    """Returns the split in a file's name, such as "train" for multitrain_4shifted, or None."""
    base = os.path.basename(name.rstrip(os.sep)).lower()
    words = re.findall("[a-z]+", base.removeprefix("multi"))
    told = next((kind for word in words for kind in ("train", "test") if word.startswith(kind)),
                None)
    return f"valid_{told}" if told and "valid" in words else told


def check_folder(flag, path):
    """Raises UsageError if the path that a flag names, or None, is not a folder."""
    check_path(flag, path)
    if path is None or not os.path.isdir(path):
        raise UsageError(f"{flag}: expected a folder, found {path}.")


def single_target_batch(images, targets):
    """Returns the batch of images, float32, that each show one target, int32 [batch, 1]."""
    return {"images": images, "targets": targets, "target_images": images[:, None]}


def array_reader(images, labels):
    """Returns a `read` of a Dataset for images in memory and their labels, int32 [n]."""
    def read(numbers):
        return {"images": images[numbers], "targets": labels[numbers, np.newaxis]}

    return read


def scaled_batch(stored, seed):
    """Returns the batch of uint8 images, scaled to [0, 1]; a Dataset's `prepare`."""
    import tensorflow as tf  # here, as commands read this module before they check their flags

    return single_target_batch(tf.cast(stored["images"], tf.float32) / 255, stored["targets"])


@dataclasses.dataclass(frozen=True)
class Dataset:
    """One split of a dataset: examples that can be read in any order.

    Attributes:
      info: DatasetInfo.
      source: str, describes where the examples come from.
      read: function of example numbers, int64 [n], that returns a dict of NumPy arrays
        [n, ...]: what is stored of those examples. Raises DataError.
      prepare: function of that dict as tensors and of a seed, int64 [2], that returns the
        batch; all its randomness comes from the seed.
      notes: lines for the screen.
      names: the examples' file names, where a prediction needs them.
      kind: str, the kind of files that hold the examples, where there are several.
      never_trained: whether no training split of the dataset holds these examples.
    """

    info: DatasetInfo
    source: str
    read: Callable
    prepare: Callable
    notes: tuple = ()
    names: tuple = ()
    kind: str = ""
    never_trained: bool = False

    def __post_init__(self):
        object.__setattr__(self, "source", shown(self.source))
        object.__setattr__(self, "notes", tuple(map(shown, self.notes)))
