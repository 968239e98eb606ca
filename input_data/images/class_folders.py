"""Image files in folders, one folder a class."""

import os
from typing import NamedTuple

import numpy as np

from input_data.dataset import DataError
from input_data.formats import image_files

SPLITS = ("train", "test")      # folders of these names, in any case, hold the class folders
LIKE_SPLITS = (*SPLITS, "training", "trn", "testing", "tst", "val", "valid", "validation")


class ClassFolders(NamedTuple):
    """What is in a folder of class folders.

    Attributes:
      class_names: tuple of str, the classes.
      paths: list of str, the images, sorted, class by class.
      labels: int32 [n], their classes.
      ignored: list of str, files that are not images by their names.
    """

    class_names: tuple
    paths: list
    labels: np.ndarray
    ignored: list


def find(folder, class_names=None):
    """Returns the ClassFolders of a folder; images may lie in folders of their class's folder.

    Hidden files and folders, whose names start with a dot, are not images.

    Args:
      folder: str.
      class_names: the classes there may be; without them, the folders are the classes.

    Raises:
      DataError: if there is no folder of a class, or one of another class or of no class, or a
        folder that cannot be read; without class_names, if there are less than two classes.
    """
    folders, ignored = _entries(folder)
    if not folders:
        raise DataError(f"{folder}: expected folders of images, one for each class, found none.")
    if class_names is None:
        _check_classes(folder, folders)
        class_names = tuple(folders)
    for name in folders:
        if name not in class_names:
            raise DataError(f"{os.path.join(folder, name)}: expected the folder of a class to "
                            f"train on ({listing(class_names)}), found {name}.")
    paths, labels = [], []
    for label, name in enumerate(class_names):
        images, others = _images(os.path.join(folder, name)) if name in folders else ([], [])
        paths += images
        labels += [label] * len(images)
        ignored += others
    return ClassFolders(class_names, paths, np.array(labels, np.int32), ignored)


def splits(folder):
    """Returns the folders for splits that a folder has: a dict of some of SPLITS to paths."""
    return {name.lower(): os.path.join(folder, name) for name in _entries(folder)[0]
            if name.lower() in SPLITS}      # of Train and train, the last: the plain one


def _check_classes(folder, names):
    like_splits = [name for name in names if name.lower() in LIKE_SPLITS]
    if like_splits:
        one = max(like_splits, key=lambda name: name.lower().startswith("tr"))
        raise DataError(f"{folder}: expected one folder for each class, found "
                        f"{listing(like_splits)}, called like splits; call the splits train and "
                        f"test, or name one: --data_dir={os.path.join(folder, one)}.")
    if len(names) < 2:
        raise DataError(f"{folder}: expected folders of 2 or more classes, found 1: {names[0]}.")


def listing(names, most=5):
    """Returns names in words, the first of them."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _entries(folder):
    """Returns the names of a folder's folders, sorted, and the paths of its files."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror}).") from None
    return ([entry.name for entry in entries
             if entry.is_dir() and not entry.name.startswith(".")],
            [entry.path for entry in entries if not entry.is_dir()])


def _images(folder):
    """Returns the paths of the images in a folder and below it, and those of other files."""
    folders, files = _entries(folder)
    images = [path for path in files if _is_shown_image(path)]
    others = [path for path in files if not _is_shown_image(path)]
    for name in folders:
        inner_images, inner_others = _images(os.path.join(folder, name))
        images += inner_images
        others += inner_others
    return images, others


def _is_shown_image(path):
    return not os.path.basename(path).startswith(".") and image_files.is_image(path)
