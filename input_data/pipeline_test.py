import itertools

import numpy as np
import pytest
import tensorflow as tf

from input_data.dataset import DataError, Dataset, DatasetInfo
from input_data.pipeline import evaluation_batches, plain_data_errors, training_batches


def numbered_split(count, damaged=None):
    """A split whose images are their numbers, with noise from the seed as augmentation."""
    def read(numbers):
        numbers = np.asarray(numbers)
        if damaged is not None and damaged in numbers:
            raise DataError(f"file, record {damaged}: it's damaged.\nSecond line.")
        return {"images": np.tile(numbers.astype(np.uint8)[:, None, None, None], (1, 2, 2, 1)),
                "targets": numbers.astype(np.int32)[:, None]}

    def prepare(stored, seed):
        images = tf.cast(stored["images"], tf.float32)
        noise = tf.random.stateless_uniform(tf.shape(images), seed)
        return {"images": images + noise, "targets": stored["targets"],
                "target_images": images[:, None]}

    return Dataset(DatasetInfo("numbers", 2, 2, 1, count, (), num_examples=count), "numbers",
                   read, prepare)


def first(batches, count):
    return [{key: value.numpy() for key, value in batch.items()} for batch in batches.take(count)]


@pytest.mark.parametrize("count, batch_size", [(20, 5), (20, 6), (7, 16)])
def test_every_example_comes_once_an_epoch(count, batch_size):
    epochs = 6
    batches = first(training_batches(numbered_split(count), batch_size, seed=1),
                    -(-epochs * count // batch_size))
    targets = np.concatenate([batch["targets"][:, 0] for batch in batches])[:epochs * count]
    orders = targets.reshape(epochs, count)
    np.testing.assert_array_equal(np.sort(orders), np.tile(np.arange(count), (epochs, 1)))
    assert len({tuple(order) for order in orders}) == epochs


@pytest.mark.parametrize("bounds", [[0, 3, 7], [0, 2, 4, 7], [0, 1, 7]])
def test_parts_of_a_batch_are_what_they_are_in_the_whole(bounds):
    split = numbered_split(11)
    whole = first(training_batches(split, 7, seed=2, first_batch=1), 5)
    parts = [first(training_batches(split, 7, seed=2, first_batch=1, part=part), 5)
             for part in itertools.pairwise(bounds)]
    for number, batch in enumerate(whole):
        for key, values in batch.items():
            np.testing.assert_array_equal(
                np.concatenate([part[number][key] for part in parts]), values)


def test_a_part_of_a_batch_is_all_that_is_read():
    split, found = numbered_split(11), []

    def read(numbers):
        found.append(len(numbers))
        return split.read(numbers)

    first(training_batches(type(split)(split.info, "", read, split.prepare), 7, 0, part=(2, 5)), 4)
    assert found[0] == 1 and set(found[1:]) == {3}


def test_any_batch_can_be_the_first():
    split = numbered_split(11)
    whole = first(training_batches(split, 4, seed=3), 12)
    rest = first(training_batches(split, 4, seed=3, first_batch=7), 5)
    for expected, found in zip(whole[7:], rest):
        for key in expected:
            np.testing.assert_array_equal(expected[key], found[key])


def test_seeds_differ_in_order_and_augmentation():
    one, same, other = (first(training_batches(numbered_split(50), 50, seed), 1)[0]
                        for seed in (1, 1, 2))
    np.testing.assert_array_equal(one["images"], same["images"])
    assert (one["targets"] != other["targets"]).any()
    noise = [np.sort((batch["images"] % 1).ravel()) for batch in (one, other)]
    assert (noise[0] != noise[1]).any()


def test_batches_have_the_contracts_shapes():
    spec = training_batches(numbered_split(9), 4, seed=0).element_spec
    assert spec["images"] == tf.TensorSpec([4, 2, 2, 1], tf.float32)
    assert spec["targets"] == tf.TensorSpec([4, 1], tf.int32)
    assert spec["target_images"] == tf.TensorSpec([4, 1, 2, 2, 1], tf.float32)


@pytest.mark.parametrize("limit, expected", [(None, 10), (7, 7), (8, 8), (100, 10)])
def test_evaluation_counts_every_example_once_in_order(limit, expected):
    batches = evaluation_batches(numbered_split(10), 4, limit)
    targets = np.concatenate([batch["targets"][:, 0] for batch in batches])
    np.testing.assert_array_equal(targets, np.arange(expected))


def test_a_readers_error_arrives_as_it_was_raised():
    with pytest.raises(DataError, match=r"^file, record 5: it's damaged\.$"), plain_data_errors():
        for _ in evaluation_batches(numbered_split(10, damaged=5), 4):
            pass


def test_other_errors_pass():
    with pytest.raises(tf.errors.InvalidArgumentError), plain_data_errors():
        tf.reshape(tf.zeros(3), [2])


def test_a_split_without_examples_is_an_error():
    with pytest.raises(DataError, match="found none"):
        evaluation_batches(numbered_split(0), 4)
