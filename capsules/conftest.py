"""What the layers' tests share."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

GOLDEN = pathlib.Path(__file__).parent.parent / "testdata" / "layers.npz"

# Policies in half precision and the distance from float32 that their rounding explains.
HALF_PRECISION = [("mixed_bfloat16", 3e-2), ("mixed_float16", 4e-3)]


@pytest.fixture(scope="session")
def golden():
    """The reference's inputs and outputs: {key: float32 array}."""
    with np.load(GOLDEN) as arrays:
        return dict(arrays)


@pytest.fixture
def reloaded(tmp_path):
    """Returns a function (model) that saves the model, loads it and returns what it loaded."""
    def save_and_load(model):
        path = tmp_path / "model.keras"
        model.save(path)
        return keras.models.load_model(path)
    return save_and_load


def distance(received, expected):
    """Returns the norm of the difference over the norm of `expected`."""
    expected = np.asarray(expected, np.float64)
    return np.linalg.norm(np.asarray(received, np.float64) - expected) / np.linalg.norm(expected)


def assert_near(received, expected, tolerance=1e-5):
    """Asserts equal shapes, finite values and a relative distance below the tolerance."""
    assert tuple(received.shape) == np.shape(expected)
    assert np.isfinite(np.asarray(received, np.float64)).all()
    if np.any(expected):
        assert distance(received, expected) < tolerance
    else:
        np.testing.assert_array_equal(received, expected)


def assert_golden(received, expected):
    """Asserts agreement with the reference: 1e-5 relative, as a whole and for each number.

    Numbers near 0 may be off by 1e-6: processors differ in the order of float32 sums.
    """
    assert_near(received, expected)
    np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-6)


def assert_finite(tensors):
    """Asserts that every tensor is there and finite."""
    for tensor in tensors:
        assert tensor is not None
        assert np.isfinite(np.asarray(tensor, np.float64)).all()


def randomize(layer, seed=0, scale=0.3):
    """Gives a built layer's weights random values, so that none is left at a special one."""
    random = np.random.default_rng(seed)
    layer.set_weights([random.normal(scale=scale, size=weight.shape)
                       for weight in layer.weights])


def value_and_gradients(layer, *inputs):
    """Returns the layer's output and the gradients of its sum, for inputs[0] and all weights."""
    watched = tf.convert_to_tensor(inputs[0])
    with tf.GradientTape() as tape:
        tape.watch(watched)
        output = layer(watched, *inputs[1:])
        total = tf.reduce_sum(tf.cast(output, tf.float32))
    return output, tape.gradient(
        total, [watched, *(weight.value for weight in layer.trainable_weights)])


def central_differences(function, arrays, step=1e-6):
    """Returns the gradients of a float64 function of arrays, by moving one number at a time."""
    gradients = []
    for array in arrays:
        gradient = np.zeros_like(array)
        for index in np.ndindex(array.shape):
            value = array[index]
            array[index] = value + step
            above = function(*arrays)
            array[index] = value - step
            below = function(*arrays)
            array[index] = value
            gradient[index] = (above - below) / (2 * step)
        gradients.append(gradient)
    return gradients
