"""One's own images: one folder of image files for each class."""

import os

import numpy as np

from input_data.dataset import (
    DataError,
    Dataset,
    DatasetInfo,
    check_single_target,
    listing,
    scaled_batch,
    shown,
)
from input_data.formats import image_files
from input_data.hold_out import FRACTION, held_out_by_class, part
from input_data.images import class_folders, decoding
from input_data.numbered_random import permuted

ORDER = 1               # separates the order's random numbers from others


def load(data_dir, split, num_targets=1, *, image_size=None, validation_fraction=FRACTION,
         validation_seed=0, skip_broken=False):
    """Opens a split of images in folders.

    Files are `train/CLASS/*.png` and `test/CLASS/*.png`, in any format of `image_files`. Without a
    folder `train`, they are `CLASS/*.png`, and `validation_fraction` of each class is the test
    split. The valid splits part the training images by the same fraction. Examples are numbered
    in a fixed order that mixes the classes, so that the first ones are a fair sample.

    Args:
      data_dir: str, the folder.
      split: "train", "test", "valid_train" or "valid_test".
      num_targets: int, 1.
      image_size: (height, width) or (height, width, channels) to scale and convert images to; in
        the rest, all must be like the first training image.
      validation_fraction, validation_seed: how much of each class is held out, and which.
      skip_broken: whether images that cannot be read are left out.
    """
    check_single_target("images", num_targets)
    if data_dir is None or not os.path.isdir(data_dir):
        raise DataError("images needs --data_dir, a folder with train/CLASS/*.png and "
                        f"test/CLASS/*.png, or CLASS/*.png; found {data_dir}.")
    folders = class_folders.splits(data_dir)
    has_train = "train" in folders
    found = training = class_folders.find(folders.get("train", data_dir))
    if has_train and split == "test":
        if "test" not in folders:
            raise DataError(f"{data_dir}/test: expected a folder of test images beside train/, "
                            "found none; --validate=true, for training and for evaluation, holds "
                            "images of train/ out instead.")
        found = class_folders.find(folders["test"], training.class_names)
    size, like = _size(training.paths, image_size, skip_broken)
    chosen = _part(found.labels, split, has_train, validation_fraction, validation_seed)
    chosen = chosen[np.argsort(permuted(np.arange(len(chosen)), len(chosen), ORDER))]
    paths, labels, broken = [], [], []
    for path, label in zip(np.array(found.paths, object)[chosen], found.labels[chosen]):
        if (shape := decoding.shape(path, skip_broken)) is None:
            broken.append(path)
        else:
            image_files.check_size(shape, size, image_size, path, like)
            paths.append(path)
            labels.append(label)
    images, labels = decoding.Images(paths, size), np.array(labels, np.int32)

    def read(numbers):
        return {"images": images.read(numbers), "targets": labels[numbers, np.newaxis]}

    info = DatasetInfo("images", *size, len(found.class_names),
                       tuple(map(shown, found.class_names)), num_examples=len(paths))
    return Dataset(info, f"{data_dir}, {split} split", read, scaled_batch,
                   _notes(found, labels, broken, split))


def _size(paths, image_size, skip_broken):
    """Returns height, width and channels of the images, and the file that decided, or None."""
    given = image_size or ()
    if len(given) == 3:
        return given, None
    for path in paths:
        found = decoding.shape(path, skip_broken)
        if found is not None:
            return (*given, *found[len(given):]), path
    raise DataError(f"{paths[0]} and all other images cannot be read.")


def _part(labels, split, has_train, fraction, seed):
    """Returns the numbers of a split's examples, among those of the folder it comes from."""
    numbers = np.arange(len(labels))
    if not has_train:
        test = held_out_by_class(labels, fraction, seed)
        numbers = part(test, split == "test", fraction)
    if split.startswith("valid_"):
        validation = held_out_by_class(labels[numbers], fraction, seed)
        numbers = numbers[part(validation, split == "valid_test", fraction)]
    return numbers


def _notes(found, labels, broken, split):
    """Returns a split's notes for the screen, and checks that there are images of each class."""
    notes = [f"Classes: {listing(found.class_names, most=20)}."]
    if found.ignored:
        notes.append("Ignored files that are not images: "
                     f"{len(found.ignored)}, such as {found.ignored[0]}.")
    if broken:
        notes.append(f"Left out images that cannot be read: {len(broken)}, such as {broken[0]}.")
    counts = np.bincount(labels, minlength=len(found.class_names))
    without = [name for name, count in zip(found.class_names, counts) if not count]
    if without and split in ("train", "valid_train"):
        raise DataError(f"Class {without[0]}: expected images to train on, found none that can be "
                        "read and are not held out.")
    if without:
        notes.append(f"No images of {listing(without)} in the {split} split.")
    return tuple(notes)
