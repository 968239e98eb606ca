"""Image files in folders, one folder a class."""

import os
from typing import NamedTuple

import numpy as np

from input_data.dataset import DataError, listing, names_in
from input_data.formats import image_files

SPLITS = ("train", "test")      # folders of these names, in any case, hold the class folders
LIKE_SPLITS = (*SPLITS, "training", "trn", "testing", "tst", "val", "valid", "validation")


class ClassFolders(NamedTuple):
    """The images in a folder of class folders."""

    class_names: tuple      # of str
    paths: list             # of str, sorted, class by class
    labels: np.ndarray      # int32 [n]
    ignored: list           # of str, paths of files whose names are not those of images


def find(folder, class_names=None):
    """Returns the ClassFolders of a folder; images may lie in folders of their class's folder.

    Hidden files and folders, whose names start with a dot, are not images.

    Args:
      folder: str.
      class_names: the classes there may be; without them, the folders are the classes, two or
        more, and each has images; else a DataError is raised.
    """
    folders, ignored = _entries(folder)
    if not folders:
        raise DataError(f"{folder}: expected folders of images, one for each class, found none.")
    is_training = class_names is None
    if is_training:
        _check_classes(folder, folders)
        class_names = tuple(folders)
    for name in folders:
        if name not in class_names:
            raise DataError(f"{os.path.join(folder, name)}: expected the folder of a class to "
                            f"train on ({listing(class_names)}), found {name}.")
    paths, labels = [], []
    for label, name in enumerate(class_names):
        path = os.path.join(folder, name)
        images, others = _images(path, folder) if name in folders else ([], [])
        if not images and is_training:
            raise DataError(f"{path}: class {name} has no images "
                            f"({', '.join(image_files.SUFFIXES)}); add some, or remove its folder.")
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


def _entries(folder):
    """Returns the names of a folder's folders, sorted, and the paths of its files."""
    folders, files = [], []
    for name in names_in(folder):
        path = os.path.join(folder, name)
        if not os.path.isdir(path):
            files.append(path)
        elif not name.startswith("."):
            folders.append(name)
    return folders, files


def _images(folder, root):
    """Returns the paths of the images in a folder and below it, and those of other files.

    Links that lead back, to a folder that was seen or that holds the root, are passed over.
    """
    images, others, waiting, seen = [], [], [folder], set()
    root = os.path.realpath(root)
    while waiting:
        folder = waiting.pop()
        real = os.path.realpath(folder)
        if real not in seen and os.path.commonpath([real, root]) != real:
            seen.add(real)
            folders, files = _entries(folder)
            for path in files:
                shown = not os.path.basename(path).startswith(".")
                (images if shown and image_files.is_image(path) else others).append(path)
            waiting += [os.path.join(folder, name) for name in reversed(folders)]
    return images, others
