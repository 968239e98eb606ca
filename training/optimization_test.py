import keras
import numpy as np
import pytest
import tensorflow as tf

import models
from input_data.dataset import DatasetInfo
from training import optimization

INFO = DatasetInfo("digits", 28, 28, 1, 10, ())


def batch(size):
    rng = np.random.default_rng(0)
    images = tf.constant(rng.random((size, 28, 28, 1)), tf.float32)
    return {"images": images, "targets": tf.constant(rng.integers(10, size=(size, 1)), tf.int32),
            "target_images": images[:, None]}


def first_steps(micro_batch, examples):
    keras.utils.set_random_seed(0)
    network = models.build("mlp", models.default_hparams("mlp"), INFO)
    step = optimization.make_step(network, optimization.make_optimizer(network),
                                  micro_batch=micro_batch)
    outcomes = [step(examples, tf.constant(float(len(examples["images"])))) for _ in range(2)]
    return network.variables, outcomes


@pytest.mark.parametrize("micro_batch", [5, 3])     # a multiple, and with a remainder
def test_parts_of_a_batch_make_the_same_update(micro_batch):
    examples = batch(10)
    expected, expected_outcomes = first_steps(None, examples)
    found, outcomes = first_steps(micro_batch, examples)
    for wanted, outcome in zip(expected_outcomes, outcomes):
        np.testing.assert_allclose(outcome, wanted, rtol=1e-4)
    for wanted, variable in zip(expected, found):
        # Adam's first steps are of the learning rate's size, whatever the gradient's.
        np.testing.assert_allclose(variable, wanted, atol=1e-4)
        assert np.mean(np.abs(variable.numpy() - wanted.numpy()) > 1e-5) < 1e-3


def test_a_batch_that_is_small_enough_is_one_part():
    examples = batch(4)
    for wanted, variable in zip(*(first_steps(size, examples)[0] for size in (None, 4))):
        np.testing.assert_array_equal(variable, wanted)
