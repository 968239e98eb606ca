import functools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from capsules.convolution.spectral import Spectral


def values_and_gradients(convolve, images, kernel):
    """The convolution, and the gradients of a sum that weighs each output differently."""
    with tf.GradientTape() as tape:
        tape.watch([images, kernel])
        outputs = convolve(images, kernel)
        weights = tf.reshape(tf.cos(tf.range(tf.size(outputs), dtype=tf.float32)), outputs.shape)
        total = tf.reduce_sum(outputs * tf.cast(weights, outputs.dtype))
    return [outputs, *tape.gradient(total, [images, kernel])]


def convolve(plan, images, kernel):
    return plan.convolve_transformed(images, plan.transform_kernel(kernel))


def random_problem(size, kernel, channels, filters, batch=2, seed=0):
    rng = np.random.default_rng(seed)
    return (tf.constant(rng.normal(size=(batch, *size, channels)), tf.float32),
            tf.constant(rng.normal(size=(*kernel, channels, filters)), tf.float32))


def check(size, kernel, channels, filters, strides, padding, largest_tile):
    images, weights = random_problem(size, kernel, channels, filters)
    plan = Spectral(size, kernel, strides, padding, largest_tile)
    expected = values_and_gradients(
        lambda x, w: tf.nn.conv2d(x, w, strides, padding.upper()), images, weights)
    found = values_and_gradients(functools.partial(convolve, plan), images, weights)
    for one, other in zip(expected, found):
        assert one.shape == other.shape
        assert tf.norm(one - other) <= 1e-5 * tf.norm(one) + 1e-6


SIZES = st.integers(5, 40)
KERNELS = st.integers(1, 11)


@settings(max_examples=40, deadline=None)
@given(height=SIZES, width=SIZES, rows=KERNELS, columns=KERNELS, channels=st.integers(1, 8),
       filters=st.integers(1, 8), strides=st.integers(1, 3),
       padding=st.sampled_from(["valid", "same"]),
       largest_tile=st.integers(2, 40))
def test_equals_the_direct_convolution(height, width, rows, columns, channels, filters, strides,
                                       padding, largest_tile):
    size = (max(height, rows), max(width, columns))
    check(size, (rows, columns), channels, filters, strides, padding, largest_tile)


@pytest.mark.parametrize("size, strides, padding, products", [
    (20, 2, "valid", 148),          # MNIST's second convolution
    (28, 2, "valid", 292),          # MultiMNIST's
    (24, 2, "same", 148),           # CIFAR10's, in four tiles
])
def test_the_papers_convolutions(size, strides, padding, products):
    assert Spectral((size, size), (9, 9), strides, padding).products == products
    check((size, size), (9, 9), 16, 8, strides, padding, 20)
    check((size, size), (9, 9), 16, 8, strides, padding, 5)


def test_matrices_have_as_many_rows_as_planned():
    for size in range(3, 9):
        plan = Spectral((size, size + 1), (3, 2))
        for matrix, other in zip(plan._matrices, ("input", "kernel", "output")):
            assert plan.products in matrix.shape, other


def test_half_precision_is_near():
    images, kernel = random_problem((20, 20), (9, 9), 32, 32)
    plan = Spectral((20, 20), (9, 9), 2)
    exact = convolve(plan, images, kernel)
    rounded = convolve(plan, tf.cast(images, tf.bfloat16), tf.cast(kernel, tf.bfloat16))
    assert rounded.dtype == tf.bfloat16
    assert tf.norm(tf.cast(rounded, tf.float32) - exact) < 0.03 * tf.norm(exact)


def test_images_smaller_than_the_kernel_are_an_error():
    with pytest.raises(ValueError, match="9 pixels or more"):
        Spectral((8, 20), (9, 9))
