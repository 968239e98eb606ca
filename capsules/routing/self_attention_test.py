import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from capsules import ClassCapsules, SelfAttentionRouting
from capsules.ops import exponential_squash


@pytest.fixture(scope="session")
def efficient_capsnet(golden_dir):
    """Inputs, outputs and gradients of the authors' code: {key: float32 array}."""
    with np.load(os.path.join(golden_dir, "efficient_capsnet.npz")) as arrays:
        return dict(arrays)


def assert_authors(received, expected, tolerance=1e-5):
    np.testing.assert_allclose(received, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("case", [f"fc{number}" for number in range(1, 8)])
def test_layer_agrees_with_the_authors(case, efficient_capsnet):
    inputs, weights, biases, couplings, capsules, factors, *gradients = (
        efficient_capsnet[f"{case}_{name}"]
        for name in ("x", "W", "b", "c", "out", "y", "dx", "dW", "db"))
    out_caps, in_caps, in_atoms, atoms = weights.shape
    layer = ClassCapsules(out_caps, atoms, routing=SelfAttentionRouting())
    layer.build(inputs.shape)
    # Theirs are [out_caps, in_caps, in_atoms, atoms] and [out_caps, in_caps, 1].
    layer.set_weights([
        weights.transpose(1, 2, 0, 3).reshape(in_caps, in_atoms, -1), biases[..., 0].T])
    inputs = tf.constant(inputs)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        received = layer(inputs)
        total = tf.reduce_sum(factors * received)
    assert_authors(received, capsules)
    assert_authors(layer.routing_steps(inputs).couplings[0], couplings.transpose(0, 2, 1))
    by_inputs, by_weights, by_biases = tape.gradient(
        total, [inputs, layer.kernel.value, layer.bias.value])
    by_weights = tf.reshape(by_weights, [in_caps, in_atoms, out_caps, atoms])
    for found, expected in zip(
            (by_inputs, tf.transpose(by_weights, [2, 0, 1, 3]), tf.transpose(by_biases)[..., None]),
            gradients, strict=True):
        assert_authors(found, expected, 2e-5)


def test_squash_agrees_with_the_authors(efficient_capsnet):
    vectors = tf.constant(efficient_capsnet["squash_x"])
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        received = exponential_squash(vectors)
        total = tf.reduce_sum(efficient_capsnet["squash_y"] * received)
    assert_authors(received, efficient_capsnet["squash_out"])
    assert_authors(tape.gradient(total, vectors), efficient_capsnet["squash_dx"], 2e-5)
    assert_authors(exponential_squash(efficient_capsnet["squash_edge_x"]),
                   efficient_capsnet["squash_edge_out"])


def test_weights_can_start_as_the_authors_do():
    layer = ClassCapsules(10, routing=SelfAttentionRouting(), bias_initializer="zeros",
                          kernel_initializer=keras.initializers.VarianceScaling(2 / 10, seed=0))
    layer.build((None, 16, 8))
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(kernel.std(), (2 / (16 * 8 * 10))**0.5, rtol=0.02)
    np.testing.assert_array_equal(bias, np.zeros([16, 10]))
