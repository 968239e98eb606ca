import numpy as np
import pytest
import tensorflow as tf

from capsules.convolution.algorithm import ALGORITHMS, Convolution
from capsules.convolution.spectral_test import random_problem

LARGE = ((20, 20), (9, 9, 256, 256), 2, "valid")


def test_auto_is_spectral_for_large_kernels_between_many_channels():
    large = Convolution("auto", *LARGE)
    small = Convolution("auto", (28, 28), (9, 9, 1, 256), 1, "valid")
    assert (large.algorithm, small.algorithm) == ("spectral", "direct")
    assert "estimated cost 0." in large.reason


@pytest.mark.parametrize("dtype, algorithm", [
    ("float16", "direct"), ("bfloat16", "spectral"), ("float32", "spectral")])
def test_auto_is_direct_for_float16(dtype, algorithm):
    assert Convolution("auto", *LARGE, dtype).algorithm == algorithm


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_float16_is_near_float32_for_large_inputs(algorithm):
    images, kernel = random_problem((20, 20), (9, 9), 64, 4)
    images = 64 * tf.tanh(images)
    expected = tf.nn.conv2d(images, kernel, 2, "VALID")
    convolution = Convolution(algorithm, (20, 20), kernel.shape, 2, dtype="float16")
    half = [tf.cast(tensor, tf.float16) for tensor in (images, kernel)]
    found = convolution(*half)
    assert found.dtype == tf.float16
    assert tf.norm(tf.cast(found, tf.float32) - expected) < 2e-3 * tf.norm(expected)


def test_frozen_kernels_give_the_same_and_can_be_replaced():
    images, kernel = random_problem((20, 20), (9, 9), 4, 4)
    convolution = Convolution("spectral", (20, 20), kernel.shape, 2, "valid")
    for factor in (1.0, 2.0):
        convolution.freeze(factor * kernel)
        expected = tf.nn.conv2d(images, factor * kernel, 2, "VALID")
        # The kernel that is passed is not looked at.
        found = convolution(images, tf.zeros_like(kernel))
        np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_images_smaller_than_the_kernel_are_an_error(algorithm):
    with pytest.raises(ValueError, match="Expected images of 9 pixels or more"):
        Convolution(algorithm, (20, 8), (9, 9, 1, 1))
    assert Convolution(algorithm, (20, 8), (9, 9, 1, 1), padding="same").reason


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("shape", [(2, 21, 20, 4), (2, 20, 20, 3), (20, 20, 4)])
def test_images_of_another_shape_are_an_error(algorithm, shape):
    convolution = Convolution(algorithm, (20, 20), (9, 9, 4, 1))
    with pytest.raises(ValueError, match="height=20, width=20, channels=4"):
        convolution(tf.zeros(shape), tf.zeros([9, 9, 4, 1]))


def test_an_unknown_algorithm_is_an_error():
    with pytest.raises(ValueError, match="Expected an algorithm"):
        Convolution("fft", (20, 20), (9, 9, 1, 1))
