"""Image classification datasets of the package tensorflow_datasets."""

import contextlib
import functools
import logging
import math
import multiprocessing
import os
import threading

import numpy as np
from PIL import Image
from tqdm import tqdm

from commands import quiet_tensorflow
from commands.child_processes import end_with_parent, interrupts_blocked
from input_data.dataset import DataError, Dataset, DatasetInfo, check_single_target, scaled_batch
from input_data.formats import image_files
from input_data.hold_out import FRACTION, held_out, part

MEMORY_BYTES = 2**31    # of images at most, where the files' format has no reading by number
RETRIES = 3             # of a download; the package's 10 take minutes without a connection
TIMEOUT = 60            # seconds without a byte


def load(data_dir, split, num_targets=1, *, name, image_size=None, validation_fraction=FRACTION,
         validation_seed=0):
    """Opens a split of a dataset, and downloads and prepares it if that was not done yet.

    Examples keep the files' order. Prepared in a format with random access (array_record), they
    are read by number; in others, such as the default one, they are kept in memory.

    Args:
      data_dir: str, the package's data folder; None for its own default.
      split: "train" or "test"; "valid_test" is the dataset's own split "validation", if there is
        one, else validation_fraction of train, and "valid_train" the rest of train.
      name: str, such as "emnist/letters": a dataset with one image and one class an example.
      image_size: (height, width) or (height, width, channels) to scale and convert images to; in
        the rest, all must be like the first of train.
      validation_fraction, validation_seed: how much of train is held out, and which.
      num_targets: int, 1.
    """
    check_single_target(f"tfds:{name}", num_targets)
    builder = _prepared(_package(), name, data_dir)
    image, label = _features(builder, name)
    source, whole = _source_split(builder, name, split)
    numbers = np.arange(builder.info.splits[source].num_examples)
    size = _size(builder, image, image_size or ())

    def fitted(number, example):
        where = f"tfds:{name}, image {number}"
        return _fitted(example[image], size, image_size, where), example[label]

    by_number = _by_number(builder, source)
    if by_number is None:
        _check_memory(name, len(numbers), size)
        stored = [fitted(number, example)
                  for number, example in enumerate(_in_order(builder, source))]
    if not whole:
        out = held_out(len(numbers), validation_fraction, validation_seed)
        numbers = part(out, split == "valid_test", validation_fraction)

    def read(places):
        examples = [stored[number] if by_number is None else fitted(number, by_number[int(number)])
                    for number in numbers[places]]
        images, labels = zip(*examples)
        return {"images": np.stack(images), "targets": np.array(labels, np.int32)[:, np.newaxis]}

    names = tuple(builder.info.features[label].names)
    info = DatasetInfo(f"tfds:{name}", *size, len(names), names, num_examples=len(numbers))
    return Dataset(info, f"{builder.info.full_name}, {split} split (of {source})", read,
                   scaled_batch)


def _package():
    try:
        import tensorflow_datasets
    except ImportError:
        raise DataError("tfds:NAME needs the package tensorflow_datasets, which is not installed; "
                        "pip install --constraint constraints.txt '.[tfds]' gets it.") from None
    return tensorflow_datasets


def _prepared(tfds, name, data_dir):
    """Returns the builder of a dataset whose files are there."""
    with _one_line_errors(name):
        builder = tfds.builder(name, data_dir=data_dir)
        if builder.data_path.exists():
            return builder
    print(f"tfds:{name} is not in {builder.data_path}: downloading it; Ctrl-C stops that.",
          flush=True)
    # The package's threads ignore Ctrl-C until a download ends; a process can be killed.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_download, args=(name, data_dir, theirs), daemon=True)
    with interrupts_blocked():
        process.start()
    theirs.close()
    try:
        if error := ours.recv():
            raise error
    except EOFError:
        raise DataError(f"tfds:{name}: the process that downloads it was killed.") from None
    finally:
        process.kill()
        process.join()
    return tfds.builder(name, data_dir=data_dir)


def _download(name, data_dir, connection):
    """Downloads and prepares a dataset in a process of its own; sends a DataError or None."""
    end_with_parent()
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    quiet_tensorflow.load()
    from tensorflow_datasets.core.download import downloader

    logging.disable(logging.WARNING)        # a line for each retry
    tqdm.set_lock(threading.RLock())        # its own would outlive a process that is killed
    downloader.MAX_RETRIES = RETRIES
    downloader._open_url = functools.partial(downloader._open_url, timeout=TIMEOUT)
    try:
        with _one_line_errors(name):
            _package().builder(name, data_dir=data_dir).download_and_prepare()
        connection.send(None)
    except DataError as error:
        connection.send(error)


@contextlib.contextmanager
def _one_line_errors(name):
    try:
        yield
    except Exception as error:              # the package and its datasets raise any kind
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise DataError(f"tfds:{name} cannot be loaded ({reason}).") from None


def _features(builder, name):
    """Returns the names of the features that are the image and its class."""
    features = builder.info.features
    image, label = builder.info.supervised_keys or ("image", "label")
    kinds = {key: type(features[key]).__name__ for key in features}
    if (kinds.get(image), kinds.get(label)) != ("Image", "ClassLabel"):
        found = ", ".join(f"{key}: {kind}" for key, kind in kinds.items())
        raise DataError(f"tfds:{name}: expected an Image and a ClassLabel in each example, found "
                        f"{found}.")
    if features[image].np_dtype != np.uint8:
        raise DataError(f"tfds:{name}: expected images of uint8, found "
                        f"{features[image].np_dtype.__name__}.")
    return image, label


def _source_split(builder, name, split):
    """Returns the dataset's split that one of ours comes from, and whether it is all of it."""
    there = list(builder.info.splits)
    has_own = not split.startswith("valid_") or "validation" in there
    source = split
    if split.startswith("valid_"):
        source = "validation" if has_own and split == "valid_test" else "train"
    if source not in there:
        advice = ("; --validate=true, for training and for evaluation, holds images out instead"
                  if source == "test" and "train" in there else "")
        raise DataError(f"tfds:{name}: expected a split {source}, found {', '.join(there)}"
                        f"{advice}.")
    return source, has_own


def _size(builder, image, given):
    """Returns height, width and channels of all images, the first of which may be given."""
    known = builder.info.features[image].shape
    if None in known[len(given):]:
        by_number = _by_number(builder, "train")
        first = by_number[0] if by_number else next(iter(_in_order(builder, "train")))
        known = first[image].shape
    return *given, *known[len(given):]


def _by_number(builder, source):
    """Returns a split's examples as a sequence, or None if their files' format has none."""
    try:
        return builder.as_data_source(split=source)
    except NotImplementedError:
        return None


def _in_order(builder, source):
    """Returns an iterable of a split's examples."""
    import tensorflow_datasets as tfds

    return tfds.as_numpy(builder.as_dataset(
        split=source, shuffle_files=False,
        read_config=tfds.ReadConfig(interleave_cycle_length=1)))


def _check_memory(name, count, size):
    if count * math.prod(size) > MEMORY_BYTES:
        raise DataError(
            f"tfds:{name}: {count} images of {'x'.join(map(str, size))} are more than the "
            f"{MEMORY_BYTES >> 20} MB that are kept in memory; make them smaller by --image_size, "
            f"or prepare them for reading by number: tfds build {name} "
            "--file_format=array_record.")


def _fitted(image, size, image_size, where):
    """Returns an image, uint8 [height, width, channels], scaled and converted if asked for."""
    if image.shape == size:
        return image
    image_files.check_size(image.shape, size, image_size, where, "the first")
    grey = image.shape[2] == 1
    return image_files.fitted(Image.fromarray(image[..., 0] if grey else image), size)
