import keras
import numpy as np
import pytest
import tensorflow as tf

from capsules import ClassCapsules, Length
from capsules.conftest import assert_finite, assert_near, value_and_gradients


@pytest.mark.parametrize("shape", [(2, 10, 16), (3, 4, 5, 6, 8), (0, 3, 1)])
def test_it_is_the_euclidean_length(shape):
    capsules = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    layer = Length()
    assert layer.compute_output_shape(shape) == shape[:-1]
    assert_near(layer(capsules), np.linalg.norm(capsules.astype(np.float64), axis=-1))


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_zero_has_length_and_gradient_zero(policy):
    output, [gradient] = value_and_gradients(Length(dtype=policy), tf.zeros([2, 3, 4]))
    np.testing.assert_array_equal(tf.cast(output, tf.float32), 0)
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_is_near_float32(policy):
    capsules = np.random.default_rng(0).normal(scale=0.2, size=[4, 10, 16]).astype(np.float32)
    received, gradients = value_and_gradients(Length(dtype=policy), capsules)
    assert_near(tf.cast(received, tf.float32), Length()(capsules), 1e-2)
    assert_finite(gradients)


def test_a_model_of_it_survives_saving(reloaded):
    model = keras.Sequential([keras.Input((11, 8)), ClassCapsules(4, atoms=3), Length()])
    assert model.output_shape == (None, 4)
    inputs = np.random.default_rng(0).normal(size=[2, 11, 8]).astype(np.float32)
    np.testing.assert_array_equal(reloaded(model)(inputs), model(inputs))
