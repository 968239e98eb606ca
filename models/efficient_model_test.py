"""The network of Efficient-CapsNet has its authors' numbers."""

import os

import numpy as np
import pytest
import tensorflow as tf

import models
from capsules import margin_loss
from models.hparams import HParams
from models.models_test import info, random_batch

DENSE = [(160, 512), (512,), (512, 1024), (1024,), (1024, 784), (784,)]
SCALES = [0.5, 0.2, 0.25, 0.2, 0.3, 0.5]
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(scope="module")
def golden(golden_dir):
    with np.load(os.path.join(golden_dir, "efficient_capsnet.npz")) as arrays:
        return {name.removeprefix("net_"): arrays[name] for name in arrays
                if name.startswith("net_")}


@pytest.fixture
def network(golden):
    network = models.build("efficient", HParams(), info())
    arrays = stored(golden)
    for path, variable in network.variable_paths().items():
        variable.assign(arrays[path])
    return network


def stored(golden, name="{}"):
    """The golden arrays under a name, in this project's layouts, by the variables' paths."""
    def array(key):
        return golden[name.format(key)]

    found = {}
    for number in range(1, 5):
        for part in ("kernel", "bias"):
            found[f"conv{number}/{part}"] = array(f"conv{number}_{part}")
        for part in ("gamma", "beta"):
            found[f"normalization{number}/{part}"] = array(f"bn{number}_{part}")
    found["primary/kernel"] = array("pcaps_kernel").transpose(0, 1, 3, 2)
    found["primary/bias"] = array("pcaps_bias")
    # [out_caps, in_caps, in_atoms, atoms], [out_caps, in_caps, 1]
    found["capsule2/kernel"] = array("fccaps_W").transpose(1, 2, 0, 3).reshape(16, 8, 160)
    found["capsule2/bias"] = array("fccaps_b")[..., 0].T
    if name == "{}":
        for number in range(1, 5):
            for part in ("mean", "variance"):
                found[f"normalization{number}/moving_{part}"] = array(f"bn{number}_moving_{part}")
        for number, (shape, scale) in enumerate(zip(DENSE, SCALES)):
            found[f"recons/recons_{number // 2 + 1}/{['kernel', 'bias'][number % 2]}"] = (
                hashed(shape, 1 + 10_000_000 * number, scale))
    return found


def hashed(shape, salt, scale):
    """Numbers that the golden decoder was made of, from an integer hash."""
    mask = np.uint64(0xFFFFFFFF)
    bits = np.arange(np.prod(shape), dtype=np.uint64) + np.uint64(salt)
    for factor, shift in ((2654435761, 15), (2246822519, 13), (3266489917, 16)):
        bits = (bits * np.uint64(factor)) & mask
        bits ^= bits >> np.uint64(shift)
    return ((bits / 2**32 - 0.5) * scale).reshape(shape)


def test_it_has_161_824_trainable_parameters_before_the_decoder():
    network = models.build("efficient", HParams(remake=False), info())
    assert sum(int(np.prod(variable.shape)) for variable in network.trainable_variables) == 161_824


def test_it_agrees_with_the_authors_network(network, golden):
    labels = golden["labels"].argmax(axis=-1)[:, None]
    inferred = network({"images": golden["images"], "targets": labels})
    np.testing.assert_allclose(network.encode(golden["images"]), golden["pcaps"], **TOLERANCE)
    np.testing.assert_allclose(inferred.capsules, golden["digitcaps"], **TOLERANCE)
    np.testing.assert_allclose(inferred.logits, golden["lengths"], **TOLERANCE)
    np.testing.assert_allclose(inferred.reconstructions[:, 0],
                               golden["reconstruction_by_label"], **TOLERANCE)
    inferred = network({"images": golden["images"]})
    np.testing.assert_allclose(inferred.reconstructions[:, 0],
                               golden["reconstruction_by_length"], **TOLERANCE)


def test_a_step_has_the_authors_gradients_and_updates_the_statistics_once(network, golden):
    batch = {"images": tf.constant(golden["images"])}
    expected = stored(golden, "grad_{}")
    with tf.GradientTape() as tape:
        lengths = network(batch, training=True).logits
        loss = tf.reduce_mean(2 * tf.reduce_sum(margin_loss(golden["labels"], lengths), axis=-1))
    paths = network.variable_paths()
    gradients = tape.gradient(loss, {path: paths[path] for path in expected})
    np.testing.assert_allclose(lengths, golden["train_lengths"], **TOLERANCE)
    for path, gradient in gradients.items():
        np.testing.assert_allclose(gradient, expected[path], rtol=1e-5, atol=2e-5, err_msg=path)
    for number in range(1, 5):
        for part in ("mean", "variance"):
            np.testing.assert_allclose(paths[f"normalization{number}/moving_{part}"],
                                       golden[f"after_bn{number}_moving_{part}"], **TOLERANCE)


def test_evaluating_leaves_the_statistics_alone():
    shapes = info(num_classes=4)
    network = models.build("efficient", HParams(), shapes)
    before = [variable.numpy() for variable in network.non_trainable_variables]
    network(random_batch(shapes))
    for variable, value in zip(network.non_trainable_variables, before):
        np.testing.assert_array_equal(variable, value)
