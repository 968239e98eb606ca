"""Batches as tf.data: batch k depends on the seed and on k alone, so that any can be next."""

import contextlib
import re

import tensorflow as tf

from input_data.dataset import DataError

# Separates the seed's uses, so that order and augmentation are independent.
AUGMENTATION = 1


def training_batches(data, batch_size, seed, first_batch=0, part=None):
    """Returns an endless tf.data.Dataset of shuffled, augmented batches.

    Every example comes once an epoch, and each epoch has its own order. Batches continue across
    epochs, so all are full.

    Args:
      data: Dataset.
      batch_size: examples in a batch.
      seed: int, decides order and augmentation.
      first_batch: number of the first batch, the step of a resumed training.
      part: (start, end) of the examples of each batch to read and return; None for all.
    """
    count = _count(data)
    stored = _reader(data)
    start, end = part or (0, batch_size)

    def shuffled(batch):
        position = batch * batch_size + tf.range(start, end, dtype=tf.int64)
        epoch = position // count
        seeds = tf.stack([tf.fill([end - start], tf.constant(seed, tf.int64)), epoch,
                          tf.zeros_like(epoch)], axis=1)
        return tf.raw_ops.RandomIndexShuffle(
            index=position % count, seed=seeds, max_index=tf.constant(count - 1, tf.int64))

    def prepared(examples, augmentation_seed):
        # An example's random numbers are those of its place in the whole batch.
        around = [start, batch_size - end]
        whole = {key: tf.pad(values, [around] + [[0, 0]] * (values.shape.rank - 1))
                 for key, values in examples.items()}
        return {key: values[start:end]
                for key, values in data.prepare(whole, augmentation_seed).items()}

    def make(batch):
        augmentation_seed = tf.random.experimental.stateless_fold_in(
            tf.constant([seed, AUGMENTATION], tf.int64), batch)
        examples = stored(shuffled(batch))
        prepare = data.prepare if end - start == batch_size else prepared
        return prepare(examples, augmentation_seed)

    batches = tf.data.Dataset.counter(first_batch).map(make, num_parallel_calls=1)
    return batches.prefetch(2)


def evaluation_batches(data, batch_size, limit=None):
    """Returns a tf.data.Dataset of every example once, in the files' order.

    The last batch may be smaller; `limit`, if given, is the number of examples to stop at.
    """
    count = _count(data) if limit is None else min(limit, _count(data))
    stored = _reader(data)

    def make(start):
        index = tf.range(start, tf.minimum(start + batch_size, count))
        return data.prepare(stored(index), tf.zeros([2], tf.int64))

    starts = tf.data.Dataset.range(0, count, batch_size)
    return starts.map(make, num_parallel_calls=1).prefetch(2)


@contextlib.contextmanager
def plain_data_errors():
    """Raises a reader's DataError again, which TensorFlow wraps into its own errors."""
    try:
        yield
    except tf.errors.OpError as error:
        found = re.search(r"DataError: (.*)", error.message or "")
        if not found:
            raise
        raise DataError(found.group(1)) from None


def _count(data):
    if not data.info.num_examples:
        raise DataError(f"{data.source}: expected at least one example, found none.")
    return data.info.num_examples


def _reader(data):
    """Returns a function that reads examples by number in tf.data, shaped like the first one."""
    first = data.read([0])
    keys = sorted(first)

    def read(numbers):
        arrays = data.read(numbers)
        return [arrays[key] for key in keys]

    def stored(index):
        arrays = tf.numpy_function(read, [index], [first[key].dtype for key in keys])
        for key, array in zip(keys, arrays):
            array.set_shape([index.shape[0], *first[key].shape[1:]])
        return dict(zip(keys, arrays))

    return stored
