"""CIFAR10: the binary version, records of a label and a channel-first image, 3073 bytes each."""

import os

import numpy as np
import tensorflow as tf

from input_data import augmentation
from input_data.dataset import DataError, Dataset, DatasetInfo, check_single_target, readable

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
    """Opens a split of CIFAR10; the last training file validates, or the last fifth of one.

    Args:
      data_dir: folder of the binary version's files, or the folder above it.
      split: "train", "test", "valid_train" or "valid_test".
      num_targets: int, 1.
    """
    check_single_target("cifar10", num_targets)
    if data_dir is None:
        raise DataError("cifar10 needs --data_dir; python -m input_data.download "
                        "--dataset=cifar10 --data_dir=DIR gets the data.")
    folder, names = _find(data_dir, TEST_FILES if split == "test" else TRAINING_FILES)
    counts = {os.path.join(folder, name): _count(os.path.join(folder, name)) for name in names}
    records = [(path, position) for path, count in counts.items() for position in range(count)]
    what = ", ".join(names)
    if split.startswith("valid_"):
        *_, last = counts.values()
        held_out = last if len(names) > 1 else last // VALIDATION_SHARE
        what += f"; held out: the last {held_out} of {len(records)} records"
        start = len(records) - held_out
        records = records[start:] if split == "valid_test" else records[:start]

    def read(numbers):
        labels, images = zip(*[_read_record(*records[number]) for number in numbers])
        return {"images": np.stack(images), "targets": np.array(labels, np.int32)[:, np.newaxis]}

    info = DatasetInfo("cifar10", CROP, CROP, STORED[0], len(CLASS_NAMES), CLASS_NAMES,
                       num_examples=len(records))
    return Dataset(info, f"{folder}, {split} split ({what})", read,
                   _augment if split in ("train", "valid_train") else
                   augmentation.central_batches(CROP))


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


def _count(path):
    """Returns the number of a file's records. Raises DataError."""
    with readable(path):
        size = os.path.getsize(path)
    if size == 0 or size % RECORD:
        raise DataError(f"{path}: expected records of {RECORD} bytes, found {size} bytes: the "
                        "file is empty or cut short; fetch it again.")
    return size // RECORD


def _read_record(path, position):
    """Returns a label and an image, uint8 [32, 32, 3]. Raises DataError."""
    # Not mapped into memory: a file that is cut short meanwhile would end the process.
    with readable(path):
        record = np.fromfile(path, np.uint8, RECORD, offset=position * RECORD)
    if len(record) != RECORD:
        raise DataError(f"{path}: cut short at record {position} while it was read; fetch it "
                        "again.")
    if record[0] >= len(CLASS_NAMES):
        raise DataError(f"{path}, record {position}: expected a label from 0 to "
                        f"{len(CLASS_NAMES) - 1}, found {record[0]}; fetch the file again.")
    return record[0], record[1:].reshape(STORED).transpose(1, 2, 0)


def _augment(stored, seed):
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 4))
    images = augmentation.random_crop(stored["images"], CROP, CROP, seeds[0])
    images = tf.cast(augmentation.random_flip(images, seeds[1]), tf.float32)
    images = augmentation.random_brightness(images, seeds[2])
    images = augmentation.random_contrast(images, seeds[3])
    return augmentation.standardized_batch(images, stored["targets"])
