"""smallNORB: toys seen by two cameras, from TFRecords of channel-first image pairs."""

import tensorflow as tf

from input_data import augmentation
from input_data.dataset import DataError, Dataset, DatasetInfo, check_single_target
from input_data.formats import tfrecords
from input_data.formats.image_records import ImageRecords

CLASS_NAMES = ("animal", "human", "plane", "truck", "car")
CAMERAS = 2
EVERY = 2       # every second pixel of a row, and every second row, is kept
CROP = 32


def load(data_dir, split, num_targets=1):
    """Opens a split of smallNORB.

    Args:
      data_dir: folder of {split}duo.tfrecords, or the name of a record file, with @N for N
        shards.
      split: "train" or "test".
      num_targets: int, 1.
    """
    check_single_target("norb", num_targets)
    if split.startswith("valid_"):
        raise DataError("norb has no validation split, found --validate=true; leave it out.")
    if data_dir is None:
        raise DataError("norb needs --data_dir, a folder of {train,test}duo.tfrecords; "
                        "python -m input_data.norb.norb_convert makes them.")
    name = tfrecords.in_data_dir(data_dir, split, [f"{split}duo.tfrecords"])
    if name is None:
        raise DataError(f"{data_dir}: expected {split}duo.tfrecords, found none; "
                        "python -m input_data.norb.norb_convert makes it.")
    found = ImageRecords(name, _parse)
    info = DatasetInfo("norb", CROP, CROP, CAMERAS, len(CLASS_NAMES), CLASS_NAMES,
                       num_examples=len(found))
    return Dataset(info, name, found.read_labelled,
                   _augment if split == "train" else augmentation.central_batches(CROP))


def _parse(features, shape):
    """Returns every second pixel of the image, [ceil(height / 2), ceil(width / 2), 2]; label."""
    height, width, depth = shape
    least = EVERY * CROP - 1
    if depth != CAMERAS or min(height, width) < least:
        raise DataError(f"{features.where}: expected height and width of {least} or more and a "
                        f"depth of {CAMERAS}, found {shape}.")
    image = features.image("image_raw", (CAMERAS, height, width))
    return (image[:, ::EVERY, ::EVERY].transpose(1, 2, 0),
            features.label("label", len(CLASS_NAMES)))


def _augment(stored, seed):
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
    images = tf.cast(stored["images"], tf.float32)
    images = augmentation.random_brightness(images, seeds[0])
    images = augmentation.random_contrast(images, seeds[1])
    images = augmentation.random_crop(images, CROP, CROP, seeds[2])
    return augmentation.standardized_batch(images, stored["targets"])
