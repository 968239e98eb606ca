import gc

import keras
import numpy as np
import pytest
import tensorflow as tf

import models
from input_data.dataset import DatasetInfo
from models.hparams import HParams
from training.config import Config
from training.distribution import devices
from training.distribution.replicas import ONE, shares
from training.evaluation.counts import Evaluation, gather
from training.evaluation.inference import Inference
from training.optimizer import make_optimizer, optimizer_slots
from training.step import make_train_step

SIZE = 18
NETWORKS = {"capsule": "num_prime_capsules=2,routing=2", "baseline": ""}


@pytest.fixture(autouse=True)
def memory():
    """Copies of networks on several devices are gone before the next test makes its own."""
    yield
    keras.utils.clear_session()
    gc.collect()


def cpus(count):
    return devices.replicas(Config(summary_dir="-", num_gpus=count, device_type="cpu"))


def batch(size, num_targets):
    rng = np.random.default_rng(0)
    return {
        "images": tf.constant(rng.random((size, SIZE, SIZE, 1)), tf.float32),
        "targets": tf.constant([rng.permutation(10)[:num_targets] for _ in range(size)], tf.int32),
        "target_images": tf.constant(rng.random((size, num_targets, SIZE, SIZE, 1)), tf.float32)}


def trained(replicas, name, num_targets, size, micro_batch=None):
    """Returns gradients of a first step, variables after five, and the Outcomes."""
    keras.utils.set_random_seed(0)
    info = DatasetInfo("noise", SIZE, SIZE, 1, 10, (), num_targets)
    with replicas.scope():
        network = models.build(name, HParams().override(NETWORKS[name]), info)
        optimizer = make_optimizer(network)
    step = make_train_step(network, optimizer, replicas, micro_batch)
    examples = replicas.spread(batch(size, num_targets), size)
    outcomes = []
    for number in range(5):
        outcomes.append([float(value) for value in step(examples, tf.constant(float(size)))])
        if number == 0:     # Adam's first moment is then a tenth of the gradient
            moments = optimizer_slots(network, optimizer)["momentum"]
            gradients = {path: moment.numpy() for path, moment in moments.items()}
    variables = {path: variable.numpy() for path, variable in network.variable_paths().items()}
    return gradients, variables, outcomes


def assert_near(found, expected, tolerance):
    assert found.keys() == expected.keys()
    for path, value in expected.items():
        difference = np.linalg.norm(found[path] - value)
        assert difference <= tolerance * np.linalg.norm(value), path


@pytest.mark.parametrize("size", [12, 7])       # what two, three and four divide, and do not
@pytest.mark.parametrize("num_targets", [1, 2])
@pytest.mark.parametrize("name", list(NETWORKS))
def test_several_devices_make_the_steps_of_one(name, num_targets, size):
    gradients, variables, outcomes = trained(ONE, name, num_targets, size)
    for count in (2, 3, 4):
        found = trained(cpus(count), name, num_targets, size)
        assert_near(found[0], gradients, 1e-5)
        assert_near(found[1], variables, 1e-4)
        np.testing.assert_allclose(found[2], outcomes, rtol=1e-4)


def test_shares_may_be_computed_in_parts():
    expected = trained(cpus(2), "capsule", 1, 10)
    found = trained(cpus(2), "capsule", 1, 10, micro_batch=2)
    assert_near(found[0], expected[0], 1e-5)


@pytest.mark.parametrize("size, count, expected", [
    (128, 1, [0, 128]), (128, 4, [0, 32, 64, 96, 128]), (128, 3, [0, 42, 85, 128]),
    (2, 4, [0, 0, 1, 1, 2])])
def test_shares_are_as_equal_as_can_be(size, count, expected):
    assert shares(size, count) == expected


@pytest.mark.parametrize("examples", [20, 21, 23, 27])      # batches of 10: a rest of 0, 1, 3, 7
def test_every_example_is_counted_once(mnist_dir, examples):
    import input_data

    data = input_data.load("mnist", str(mnist_dir), "train")

    def evaluated(replicas):
        keras.utils.set_random_seed(0)
        with replicas.scope():
            network = models.build("mlp", models.default_hparams("mlp"), data.info)
        answers = gather(Inference(network, 10, replicas).over(data, examples))
        found = Evaluation.of(answers, data.info.num_examples, seconds=1.0)
        return found, answers.targets, answers.logits

    expected, targets, logits = evaluated(ONE)
    for count in (2, 4):
        found, found_targets, found_logits = evaluated(cpus(count))
        assert found.examples == examples
        assert (found.correct, found.almost_correct) == (expected.correct,
                                                         expected.almost_correct)
        assert found.classification == pytest.approx(expected.classification, rel=1e-5)
        np.testing.assert_array_equal(found.confusion.matrix, expected.confusion.matrix)
        np.testing.assert_array_equal(found_targets, targets)
        np.testing.assert_allclose(found_logits, logits, rtol=1e-4, atol=1e-5)


def test_alone_there_is_nobody_to_ask():
    assert ONE.highest(15) == 15 and ONE.tell("words") == "words" and ONE.is_chief
