import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from capsules import oracle
from capsules.conftest import assert_finite, assert_golden, assert_near, central_differences
from capsules.ops import exponential_squash, leaky_softmax, max_min, norm, squash


def float_arrays(largest):
    return arrays.arrays(
        np.float32, arrays.array_shapes(min_dims=1, max_dims=4, max_side=6),
        elements=st.floats(-largest, largest, width=32).filter(lambda x: not 0 < abs(x) < 1e-4))


def gradient_of_sum(function, point):
    point = tf.convert_to_tensor(point)
    with tf.GradientTape() as tape:
        tape.watch(point)
        total = tf.reduce_sum(function(point))
    return tape.gradient(total, point).numpy()


def test_squash_agrees_with_the_reference(golden):
    assert_golden(squash(golden["squash/input"]), golden["squash/output"])


def test_leaky_softmax_agrees_with_the_reference(golden):
    assert_golden(leaky_softmax(golden["leaky_routing/logits"]), golden["leaky_routing/output"])


@given(float_arrays(100))
@settings(max_examples=25, deadline=None)
def test_squash_follows_equation_1(vectors):
    assert_near(squash(vectors), oracle.squash(vectors))


@given(float_arrays(100))
@settings(max_examples=25, deadline=None)
def test_exponential_squash_follows_its_equation(vectors):
    assert_near(exponential_squash(vectors), oracle.exponential_squash(vectors))


@given(float_arrays(20))
@settings(max_examples=25, deadline=None)
def test_max_min_spans_0_to_1(logits):
    assert_near(max_min(logits), oracle.max_min(logits))


@given(float_arrays(20))
@settings(max_examples=25, deadline=None)
def test_leaky_softmax_drops_the_leak(logits):
    assert_near(leaky_softmax(logits), oracle.leaky_softmax(logits))


@given(float_arrays(100))
@settings(max_examples=25, deadline=None)
def test_norm_is_the_euclidean_length(vectors):
    assert_near(norm(vectors), np.linalg.norm(vectors.astype(np.float64), axis=-1))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("function", [norm, squash])
def test_zero_has_value_and_gradient_zero(function, compiled):
    # XLA's square root has NaN where TensorFlow's kernel returns a gradient of 0 by itself.
    function = tf.function(function, jit_compile=compiled)
    zeros = np.zeros([30, 4], np.float32)
    np.testing.assert_array_equal(function(zeros), 0)
    np.testing.assert_array_equal(gradient_of_sum(function, zeros), 0)


@pytest.mark.parametrize("length", [1e-38, 1e-30, 1e-20, 1e-10, 1e10])
@pytest.mark.parametrize("function", [squash, exponential_squash, max_min])
def test_extreme_lengths_have_finite_gradients(function, length):
    point = np.array([[length, 0, -length]], np.float32)
    assert_finite([function(point), gradient_of_sum(function, point)])


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("length", [0, 1e-37, 1e-30, 1e-20, 1e-12, 1e-8])
def test_exponential_squash_leaves_short_vectors_as_they_are(length, compiled):
    function = tf.function(exponential_squash, jit_compile=compiled)
    point = np.array([[length, 0, -length]], np.float32)
    np.testing.assert_allclose(function(point), point, rtol=1e-6)
    np.testing.assert_allclose(gradient_of_sum(function, point), np.ones([1, 3]), rtol=1e-6)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("logit", [0.0, -3.0, 1e30])
def test_max_min_of_equal_logits_is_1_without_a_gradient(logit, compiled):
    function = tf.function(max_min, jit_compile=compiled)
    logits = np.full([2, 3], logit, np.float32)
    np.testing.assert_array_equal(function(logits), 1)
    np.testing.assert_array_equal(gradient_of_sum(function, logits), 0)


def test_max_min_shows_what_is_not_finite():
    assert np.isnan(max_min([[1.0, np.nan, 2.0]])).any()


@pytest.mark.parametrize("function, expected", [
    (squash, oracle.squash), (exponential_squash, oracle.exponential_squash),
    (leaky_softmax, oracle.leaky_softmax), (max_min, oracle.max_min)])
def test_gradient_equals_finite_differences(function, expected):
    point = np.random.default_rng(0).normal(size=[2, 5])
    weights = np.random.default_rng(1).normal(size=[2, 5])
    received = gradient_of_sum(lambda x: weights * function(x), point)
    [differences] = central_differences(lambda x: (weights * expected(x)).sum(), [point])
    np.testing.assert_allclose(received, differences, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("function", [norm, squash, exponential_squash, leaky_softmax, max_min])
@pytest.mark.parametrize("axis", [0, 1, -2])
def test_axis_says_where_the_components_are(function, axis):
    values = np.random.default_rng(0).normal(size=[3, 4, 5]).astype(np.float32)
    expected = function(np.moveaxis(values, axis, -1)).numpy()
    if function is not norm:
        expected = np.moveaxis(expected, -1, axis)
    assert_near(function(values, axis=axis), expected, 1e-6)


@pytest.mark.parametrize("logit", [-1e4, 0.0, 1e4])
def test_leaky_softmax_of_large_logits_is_finite(logit):
    logits = np.full([2, 3], logit, np.float32)
    assert_near(leaky_softmax(logits), oracle.leaky_softmax(logits))
    assert_finite([gradient_of_sum(leaky_softmax, logits)])


@pytest.mark.parametrize("dtype", [tf.bfloat16, tf.float16, tf.float32, tf.float64])
@pytest.mark.parametrize("function, expected", [
    (squash, oracle.squash), (exponential_squash, oracle.exponential_squash)])
def test_squashing_keeps_the_dtype(function, expected, dtype):
    vectors = tf.constant([[300.0, 400.0], [0.0, 0.0], [3.0, 4.0]], dtype)
    received = function(vectors)
    assert received.dtype == dtype
    # The square of 400 does not fit into float16: the computation must not be in it.
    assert_near(tf.cast(received, tf.float64), expected(vectors.numpy().astype(float)), 5e-3)


@pytest.mark.parametrize("function", [norm, squash, exponential_squash, leaky_softmax, max_min])
def test_eager_equals_graph(function):
    values = np.random.default_rng(0).normal(size=[3, 4]).astype(np.float32)
    assert_near(tf.function(function)(values), function(values), 1e-6)


@pytest.mark.parametrize("function", [squash, exponential_squash, leaky_softmax, max_min])
def test_a_model_with_it_as_activation_is_loaded(function, reloaded):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Activation(function)])
    assert reloaded(model).layers[0].activation is function
