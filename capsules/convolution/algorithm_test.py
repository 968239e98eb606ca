import numpy as np
import pytest
import tensorflow as tf

from capsules.convolution.algorithm import ALGORITHMS, Convolution
from capsules.convolution.spectral_test import random_problem

LARGE = ((20, 20), (9, 9, 256, 256), 2, "valid")


@pytest.mark.parametrize("kernel_shape, algorithm", [
    ((9, 9, 256, 256), "spectral"), ((9, 9, 256, 64), "spectral"), ((9, 9, 256, 16), "direct"),
    ((9, 9, 1, 256), "direct"), ((3, 3, 128, 128), "direct"), ((5, 5, 512, 256), "spectral")])
def test_auto_is_spectral_for_large_kernels_between_many_channels(kernel_shape, algorithm):
    chosen = Convolution("auto", (20, 20), kernel_shape, 2)
    assert chosen.algorithm == algorithm and "kernel" in chosen.reason


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
    uncached = convolution(*half)
    with convolution.cache(kernel):
        for found in (uncached, convolution(*half)):
            assert found.dtype == tf.float16
            assert tf.norm(tf.cast(found, tf.float32) - expected) < 2e-3 * tf.norm(expected)


@pytest.mark.parametrize("decorate", [lambda function: function, tf.function])
def test_the_cache_is_used_within_its_with_alone(decorate):
    images, kernel = random_problem((20, 20), (9, 9), 4, 4)
    convolution = Convolution("spectral", (20, 20), kernel.shape, 2, "valid")
    convolve = decorate(convolution)

    def check(factor, given):
        np.testing.assert_allclose(
            convolve(images, given), tf.nn.conv2d(images, factor * kernel, 2, "VALID"), atol=1e-3)

    for factor in (1.0, 2.0):       # a function traced within, for both
        with convolution.cache(factor * kernel):
            check(factor, given=tf.zeros_like(kernel))
        check(3.0, given=3 * kernel)
    with pytest.raises(KeyboardInterrupt), convolution.cache(kernel):
        raise KeyboardInterrupt
    check(3.0, given=3 * kernel)


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
