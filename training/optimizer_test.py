import keras
import numpy as np
import pytest
import tensorflow as tf

import models
from input_data.dataset import DatasetInfo
from models.hparams import HParams
from training.config import Config
from training.distribution import devices
from training.optimizer import LearningRate, make_optimizer, optimizer_slots, warn_of_early_end
from training.step import make_train_step

INFO = DatasetInfo("digits", 28, 28, 1, 10, ())


def batch(size):
    rng = np.random.default_rng(0)
    images = tf.constant(rng.random((size, 28, 28, 1)), tf.float32)
    return {"images": images, "targets": tf.constant(rng.integers(10, size=(size, 1)), tf.int32),
            "target_images": images[:, None]}


def first_steps(micro_batch, examples):
    keras.utils.set_random_seed(0)
    network = models.build("mlp", models.default_hparams("mlp"), INFO)
    step = make_train_step(network, make_optimizer(network),
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


def rates(steps, **options):
    rate = LearningRate(HParams(**options))
    return [float(rate(step)) for step in steps]


def test_moments_that_begin_later_are_corrected_like_those_of_a_first_step():
    keras.utils.set_random_seed(0)
    network = models.build("mlp", models.default_hparams("mlp"), INFO)
    optimizer = make_optimizer(network)
    optimizer.iterations.assign(1000)
    optimizer.moments_from.assign(1000)
    before = network.variables[0].numpy()
    make_train_step(network, optimizer)(batch(4), tf.constant(4.0))
    rate = float(LearningRate(network.hparams)(1000))
    # Adam's first step is the rate, up or down, wherever there is a gradient.
    moved = np.abs(network.variables[0].numpy() - before)
    np.testing.assert_allclose(moved.max(), rate, rtol=1e-3)


@pytest.mark.parametrize("hparams, warned", [
    ("schedule=cosine,decay_steps=500", True), ("schedule=cosine,decay_steps=1000", False),
    ("decay_steps=500", False)])
def test_a_cosine_that_ends_early_is_told(capsys, hparams, warned):
    warn_of_early_end(HParams().override(hparams), 1000)
    assert ("ends at decay_steps=500" in capsys.readouterr().err) == warned


def test_learning_rates_follow_their_schedules():
    steps = [0, 50, 100, 200, 10**7]
    np.testing.assert_allclose(
        rates(steps, learning_rate=0.01, decay_rate=0.25, decay_steps=100),
        [0.01, 0.005, 0.0025, 0.000625, 1e-6], rtol=1e-5)
    np.testing.assert_allclose(
        rates(steps, learning_rate=0.01, schedule="cosine", decay_steps=100),
        [0.01, 0.005, 1e-6, 1e-6, 1e-6], rtol=1e-5)


def test_a_warm_up_rises_to_the_schedule():
    np.testing.assert_allclose(
        rates([0, 4, 9, 10, 50], learning_rate=0.01, schedule="cosine", decay_steps=100,
              warmup_steps=10)[:3] / np.array(rates([0, 4, 9], learning_rate=0.01,
                                                    schedule="cosine", decay_steps=100)),
        [0.1, 0.5, 1], rtol=1e-5)
    assert rates([10, 50], warmup_steps=10) == rates([10, 50])


def test_lamb_follows_its_equations():
    keras.utils.set_random_seed(0)
    network = models.build("mlp", HParams(optimizer="lamb", learning_rate=0.02), INFO)
    optimizer = make_optimizer(network)
    variables = network.trainable_variables
    expected = [variable.numpy().astype(float) for variable in variables]
    assert any(not values.any() for values in expected)     # biases, which nothing scales at first
    moments = [(0, 0)] * len(expected)
    random = np.random.default_rng(0)
    for step in range(1, 6):
        gradients = [random.normal(size=values.shape).astype(np.float32) for values in expected]
        rate = float(LearningRate(network.hparams)(step - 1))
        for number, gradient in enumerate(gradients):
            first, second = moments[number]
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient.astype(float)**2
            moments[number] = first, second
            update = (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
            length = np.linalg.norm(expected[number])
            scale = length / np.linalg.norm(update) if length else 1
            expected[number] = expected[number] - rate * scale * update
        optimizer.apply(list(map(tf.constant, gradients)), variables)
        for variable, values in zip(variables, expected):
            np.testing.assert_allclose(variable, values, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2])
def test_the_moving_average_follows_the_weights(count):
    replicas = devices.replicas(Config(summary_dir="-", num_gpus=count, device_type="cpu"))
    keras.utils.set_random_seed(0)
    with replicas.scope():
        network = models.build("mlp", HParams(ema_decay=0.75), INFO)
        optimizer = make_optimizer(network)
    step = make_train_step(network, optimizer, replicas)
    kept = optimizer_slots(network, optimizer)["average"]
    assert kept.keys() == network.variable_paths().keys()
    expected = {}
    for number in range(4):
        step(replicas.spread(batch(6), 6), tf.constant(6.0))
        for path, variable in network.variable_paths().items():
            new = variable.numpy().astype(float)
            expected[path] = 0.75 * expected[path] + 0.25 * new if number else new
    for path, average in kept.items():
        np.testing.assert_allclose(average.numpy(), expected[path], rtol=1e-5, atol=1e-7)
