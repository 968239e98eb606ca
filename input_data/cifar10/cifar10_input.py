"""CIFAR10: the binary version, records of a label and a channel-first image, 3073 bytes each."""

import os

import numpy as np
import tensorflow as tf

from input_data import augmentation
from input_data.dataset import (
    DataError,
    DatasetInfo,
    Split,
    check_single_target,
    single_target_batch,
)

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer",
               "dog", "frog", "horse", "ship", "truck")
FOLDER = "cifar-10-batches-bin"
TRAINING_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILES = ("test_batch.bin",)
STORED = (3, 32, 32)        # channels, rows, columns
RECORD = 1 + 3 * 32 * 32
CROP = 24
VALIDATION_SHARE = 5        # of one training file, its last 1/5 validates


def load(data_dir, split, num_targets=1):
    """Opens a split of CIFAR10.

    Args:
      data_dir: folder of the binary version's files, or the folder above it.
      split: "train", "test", "valid_train" or "valid_test". The valid splits part the training
        files: the last one validates, or the last fifth of the only one.
      num_targets: 1.

    Returns:
      Split.

    Raises:
      DataError: if there is no such data, or it is damaged.
    """
    check_single_target("cifar10", num_targets)
    if data_dir is None:
        raise DataError("cifar10 needs --data_dir; python -m input_data.download "
                        "--dataset=cifar10 --data_dir=DIR gets the data.")
    folder, names = _find(data_dir, TEST_FILES if split == "test" else TRAINING_FILES)
    files = [_RecordFile(os.path.join(folder, name)) for name in names]
    parts, what = _parts(files, names, split)
    return _split(parts, f"{folder}, {split} split ({what})", split in ("train", "valid_train"))


def _find(data_dir, names):
    """Returns the folder of a split's files, and which of their names are there."""
    for folder in (os.path.join(data_dir, FOLDER), data_dir):
        there = [name for name in names if os.path.isfile(os.path.join(folder, name))]
        if len(there) in (1, len(names)):
            return folder, there
        if there:
            missing = ", ".join(name for name in names if name not in there)
            raise DataError(f"{folder}: expected {len(names)} training files, or one, found "
                            f"{len(there)}; missing: {missing}.")
    wanted = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
    raise DataError(f"{data_dir}: expected {wanted} in it or in {FOLDER} in it, found none; "
                    "python -m input_data.download --dataset=cifar10 --data_dir=DIR gets them.")


def _parts(files, names, split):
    """Returns the (file, start, end) that make a split, and what they are, in words."""
    whole = [(file, 0, len(file)) for file in files]
    if not split.startswith("valid_"):
        return whole, ", ".join(names)
    if len(files) > 1:
        chosen = slice(-1, None) if split == "valid_test" else slice(-1)
        return whole[chosen], f"{', '.join(names[chosen])}; held out: {names[-1]}"
    end = len(files[0]) - len(files[0]) // VALIDATION_SHARE
    start, end = (end, len(files[0])) if split == "valid_test" else (0, end)
    return ([(files[0], start, end)],
            f"records {start} to {end - 1} of {names[0]}; held out: its last fifth")


class _RecordFile:
    """The records of one file, read when they are asked for.

    Raises:
      DataError: if the file cannot be read or does not hold whole records; so does `read`, for
        a label that is none.
    """

    def __init__(self, path):
        self.path = path
        try:
            size = os.path.getsize(path)
            if size == 0 or size % RECORD:
                raise DataError(f"{path}: expected records of {RECORD} bytes, found {size} bytes: "
                                "the file is empty or cut short; fetch it again.")
            self._count = size // RECORD
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}).") from None

    def __len__(self):
        return self._count

    def read(self, positions):
        """Returns images, uint8 [n, 32, 32, 3], and labels, uint8 [n]."""
        records = np.stack([np.frombuffer(record, np.uint8) for record in self._bytes(positions)])
        labels = records[:, 0]
        wrong = np.flatnonzero(labels >= len(CLASS_NAMES))
        if len(wrong):
            raise DataError(f"{self.path}, record {positions[wrong[0]]}: expected a label from 0 "
                            f"to {len(CLASS_NAMES) - 1}, found {labels[wrong[0]]}; "
                            "fetch the file again.")
        return records[:, 1:].reshape(-1, *STORED).transpose(0, 2, 3, 1), labels

    def _bytes(self, positions):
        # Not mapped into memory: a file that is cut short meanwhile would end the process.
        try:
            with open(self.path, "rb", buffering=0) as file:
                for position in positions:
                    file.seek(int(position) * RECORD)
                    record = file.read(RECORD)
                    if len(record) != RECORD:
                        raise DataError(f"{self.path}: cut short at record {position} while it "
                                        "was read; fetch it again.")
                    yield record
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read ({error.strerror}).") from None


def _split(parts, source, augmented):
    lengths = [end - start for _, start, end in parts]
    ends = np.cumsum(lengths)

    def read(numbers):
        numbers = np.asarray(numbers)
        images = np.empty((len(numbers), *STORED[1:], STORED[0]), np.uint8)
        targets = np.empty((len(numbers), 1), np.int32)
        which = np.searchsorted(ends, numbers, side="right")
        for part in np.unique(which):
            file, start, _ = parts[part]
            here = which == part
            positions = numbers[here] - (ends[part] - lengths[part]) + start
            images[here], targets[here, 0] = file.read(positions)
        return {"images": images, "targets": targets}

    info = DatasetInfo("cifar10", CROP, CROP, STORED[0], len(CLASS_NAMES), CLASS_NAMES,
                       num_examples=int(ends[-1]))
    return Split(info, source, read, _augment if augmented else _plain)


def _augment(stored, seed):
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 4))
    images = augmentation.random_crop(stored["images"], CROP, CROP, seeds[0])
    images = tf.cast(augmentation.random_flip(images, seeds[1]), tf.float32)
    images = augmentation.random_brightness(images, seeds[2])
    return _batch(augmentation.random_contrast(images, seeds[3]), stored["targets"])


def _plain(stored, seed):
    images = augmentation.central_crop(stored["images"], CROP, CROP)
    return _batch(tf.cast(images, tf.float32), stored["targets"])


def _batch(images, targets):
    return single_target_batch(tf.image.per_image_standardization(images), targets)
