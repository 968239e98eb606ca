import os

import numpy as np
import pytest
import tensorflow as tf

import input_data
import models
from capsules import norm
from input_data.pipeline import evaluation_batches
from models.hparams import HParams
from training import checkpoints, objective, optimization, reference_format

HPARAMS = HParams().override("num_prime_capsules=4")


def load(golden_dir, step, info):
    network = models.build("capsule", HPARAMS, info)
    optimizer = optimization.make_optimizer(network)
    stored = checkpoints.Stored(f"{golden_dir}/mnist_capsule_small/model.ckpt-{step}")
    stored.restore_network(network)
    stored.restore_optimizer(network, optimizer)
    return network, optimizer


@pytest.fixture(scope="module")
def expected(golden_dir):
    return np.load(os.path.join(golden_dir, "mnist_capsule_small", "expected.npz"))


def test_names():
    assert reference_format.key("recons/recons_1/kernel") == "recons/recons_1/weights"
    assert reference_format.key("conv1/bias", "velocity") == "conv1/biases/Adam_1"


def test_trained_checkpoint_gives_the_references_logits(golden_dir, whole_mnist_dir, expected):
    split = input_data.load("mnist", whole_mnist_dir, "test")
    network, optimizer = load(golden_dir, 200, split.info)
    assert int(optimizer.iterations) == 200
    batches = list(evaluation_batches(split, 100, 1000))
    inferred = [network(batch) for batch in batches]
    logits = np.concatenate([part.logits for part in inferred])
    np.testing.assert_allclose(logits, expected["logits"], atol=1e-4)
    np.testing.assert_allclose(inferred[0].remakes[:20, 0, ..., 0].numpy().reshape(20, 784),
                               expected["remake_1"], atol=1e-4)
    outcome = objective.judge("margin", batches[0], inferred[0])
    np.testing.assert_allclose(tf.reduce_mean(outcome.total_loss),
                               expected["first_batch_loss"], rtol=1e-4)


def test_five_training_steps_are_the_references(golden_dir, whole_mnist_dir, expected):
    train = input_data.load("mnist", whole_mnist_dir, "train")
    network, optimizer = load(golden_dir, 0, train.info)
    step = optimization.make_step(network, optimizer)
    paths = network.variable_paths()
    for k in range(5):
        stored = train.read(np.arange(32 * k, 32 * k + 32))
        images = tf.cast(stored["images"], tf.float32) / 255      # unshifted
        batch = {"images": images, "targets": tf.constant(stored["targets"]),
                 "target_images": images[:, tf.newaxis]}
        if k == 0:
            with tf.GradientTape() as tape:
                outcome = objective.judge("margin", batch, network(batch))
                loss = tf.reduce_mean(outcome.total_loss)
            for path, gradient in zip(paths, tape.gradient(loss, network.trainable_variables)):
                found = tf.reshape(gradient, [-1])
                name = reference_format.key(path)
                np.testing.assert_allclose(norm(found), expected[f"grad0_norm/{name}"][0],
                                           rtol=1e-4)
        outcome = step(batch, tf.constant(32.0))
        np.testing.assert_allclose(outcome.total_loss / 32, expected[f"loss_{k}"], rtol=1e-4)
        assert outcome.correct == expected[f"correct_{k}"]
        if k + 1 in (1, 5):
            for path, variable in paths.items():
                found = variable.numpy().ravel()
                wanted = expected[f"after_step_{k + 1}/{reference_format.key(path)}"]
                np.testing.assert_allclose(np.linalg.norm(found), wanted[0], rtol=1e-4)
                np.testing.assert_allclose([found[0], found[-1]], wanted[2:], atol=1e-4)


def save_as_reference(path, network, optimizer=None):
    """Writes a network as the reference's name-based format has it."""
    tensors = {}
    for name, variable in network.variable_paths().items():
        value = variable.numpy()
        if name == "conv_capsule1/bias":
            value = value[:, :, None, None]
        tensors[reference_format.key(name)] = value
        if optimizer is not None:
            tensors[reference_format.key(name, "momentum")] = value * 0 + 0.5
            tensors[reference_format.key(name, "velocity")] = value * 0 + 0.25
    tensors["global_step"] = np.float32(123)
    tf.raw_ops.SaveV2(prefix=path, tensor_names=list(tensors),
                      shape_and_slices=[""] * len(tensors), tensors=list(tensors.values()))


@pytest.mark.parametrize("model", models.NETWORKS)
@pytest.mark.parametrize("with_slots", [True, False])
def test_both_networks_are_read_by_name(tmp_path, model, with_slots):
    info = input_data.load("mnist", None, "test").info
    written, network = (models.build(model, HPARAMS, info) for _ in range(2))
    optimizer = optimization.make_optimizer(network)
    save_as_reference(str(tmp_path / "model.ckpt-123"), written, optimizer if with_slots else None)
    stored = checkpoints.Stored(str(tmp_path / "model.ckpt-123"))
    stored.restore_network(network)
    stored.restore_optimizer(network, optimizer)
    assert stored.step == int(optimizer.iterations) == 123
    for path, variable in written.variable_paths().items():
        np.testing.assert_array_equal(variable, network.variable_paths()[path])
    slots = {variable.path.rpartition("_")[2]: variable.numpy()
             for variable in optimizer.variables if "conv1_kernel" in variable.path}
    assert (slots["momentum"] == (0.5 if with_slots else 0)).all()
    assert (slots["velocity"] == (0.25 if with_slots else 0)).all()
