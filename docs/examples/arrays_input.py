"""Images and labels in train.npz and test.npz."""

import os

import numpy as np

from input_data.dataset import DataError, Dataset, DatasetInfo, scaled_batch


def load(data_dir, split, num_targets=1):
    """Opens a split; the arrays are uint8 [n, height, width, depth] and int [n]."""
    path = os.path.join(data_dir or ".", f"{split}.npz")
    if not os.path.exists(path):
        raise DataError(f"{path}: expected arrays of images and labels, found no such file.")
    with np.load(path) as arrays:
        images, labels = arrays["images"], arrays["labels"].astype(np.int32)
    num_classes = int(labels.max()) + 1
    names = tuple(map(str, range(num_classes)))

    def read(numbers):
        return {"images": images[numbers], "targets": labels[numbers, np.newaxis]}

    info = DatasetInfo("arrays", *images.shape[1:], num_classes, names, num_examples=len(images))
    return Dataset(info, path, read, scaled_batch)
