import concurrent.futures

import keras
import numba
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from capsules import ClassCapsules, DynamicRouting, oracle
from capsules.conftest import assert_finite, assert_near, distance
from capsules.routing import fused, loops, products
from capsules.routing.algorithms_test import random_problem

problems = st.fixed_dictionaries({
    "batch": st.integers(0, 9), "in_caps": st.integers(1, 400), "in_atoms": st.integers(1, 9),
    "out_caps": st.integers(1, 12), "atoms": st.integers(1, 17)})
SIZES = [dict(batch=128, in_caps=1152, in_atoms=8, out_caps=10, atoms=16),
         dict(batch=5, in_caps=193, in_atoms=7, out_caps=3, atoms=5)]


def scaled_problem(seed, **sizes):
    """Returns inputs, weights and biases whose votes do not grow with the number of atoms."""
    inputs, weights, biases = random_problem(DynamicRouting(), seed, **sizes)
    return [tf.constant(array) for array in (inputs / inputs.shape[-1]**0.5, weights, biases)]


def values_and_gradients(route, tensors, iterations, leaky):
    """The capsules, and the gradients of a sum that weighs each of their numbers differently."""
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        capsules = route(*tensors, iterations, leaky)
        weights = tf.reshape(tf.cos(tf.range(tf.size(capsules), dtype=tf.float32)), capsules.shape)
        total = tf.reduce_sum(tf.cast(weights, capsules.dtype) * capsules)
    return [capsules, *tape.gradient(total, tensors)]


@given(problems, st.integers(1, 4), st.booleans(), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_values_follow_procedure_1_and_gradients_those_of_products(
        sizes, iterations, leaky, seed):
    tensors = scaled_problem(seed, **sizes)
    found = values_and_gradients(fused.route, tensors, iterations, leaky)
    doubles = [tf.cast(tensor, tf.float64) for tensor in tensors]
    exact = values_and_gradients(products.route, doubles, iterations, leaky)
    if sizes["batch"]:
        assert_near(exact[0], oracle.class_capsules(*doubles, iterations, leaky), 1e-9)
    # Where terms cancel, products in float32 are no nearer.
    rough = values_and_gradients(products.route, tensors, iterations, leaky)
    for one, other, third in zip(found, exact, rough):
        assert_near(one, other, 1e-5 + (3 * distance(third, other) if np.any(other) else 0))


@pytest.mark.parametrize("leaky", [False, True])
@pytest.mark.parametrize("sizes", SIZES)
def test_it_agrees_with_products_to_1e_6(sizes, leaky):
    tensors = scaled_problem(1, **sizes)
    for found, expected in zip(values_and_gradients(fused.route, tensors, 3, leaky),
                               values_and_gradients(products.route, tensors, 3, leaky)):
        assert distance(found, expected) < 1e-6


def test_bfloat16_inputs_get_bfloat16_gradients():
    inputs, *others = scaled_problem(2)
    rounded = tf.cast(inputs, tf.bfloat16)
    found = values_and_gradients(fused.route, [rounded, *others], 3, False)
    expected = values_and_gradients(products.route, [tf.cast(rounded, tf.float32), *others], 3,
                                    False)
    assert [tensor.dtype for tensor in found] == [tf.float32, tf.bfloat16, tf.float32, tf.float32]
    for one, other in zip(found, expected):
        assert_near(one, other, 1e-2)


def test_bits_depend_neither_on_the_threads_nor_on_the_run(monkeypatch):
    tensors = scaled_problem(3, **SIZES[0])
    found = []
    for threads in ("1", "2", "2"):
        monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", threads)
        found.append(values_and_gradients(fused.route, tensors, 3, False))
    if numba.config.NUMBA_NUM_THREADS > 1:
        assert numba.get_num_threads() == 2
    for others in found[1:]:
        for one, other in zip(found[0], others):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("leaky", [False, True])
def test_what_is_not_finite_stays_visible(which, bad, leaky):
    tensors = [tensor.numpy() for tensor in scaled_problem(4, in_caps=300)]
    tensors[which].flat[-1] = bad
    assert not np.isfinite(tf.reduce_sum(fused.route(*map(tf.constant, tensors), 3, leaky)))


def test_zero_has_value_zero_and_finite_gradients():
    zeros = [tf.zeros_like(tensor) for tensor in scaled_problem(5)]
    capsules, *gradients = values_and_gradients(fused.route, zeros, 3, False)
    np.testing.assert_array_equal(capsules, 0)
    assert_finite(gradients)


def test_eager_equals_graph_also_for_an_unknown_batch():
    inputs, *others = scaled_problem(6, batch=3)
    graph = tf.function(lambda inputs: fused.route(inputs, *others, 3, False),
                        input_signature=[tf.TensorSpec([None, *inputs.shape[1:]])])
    np.testing.assert_array_equal(graph(inputs), fused.route(inputs, *others, 3, False))
    assert graph.get_concrete_function().output_shapes.as_list() == [None, 3, 2]
    assert graph(inputs[:0]).shape == (0, 3, 2)


def test_calls_from_several_threads_do_not_disturb_each_other():
    tensors = scaled_problem(7, **SIZES[1])
    expected = values_and_gradients(fused.route, tensors, 3, False)
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        for found in threads.map(
                lambda _: values_and_gradients(fused.route, tensors, 3, False), range(20)):
            for one, other in zip(found, expected):
                np.testing.assert_array_equal(one, other)


def test_without_a_folder_for_the_cache_it_compiles_nevertheless(monkeypatch):
    monkeypatch.setattr(numba.core.caching.FunctionCache._impl_class, "_locator_classes", [])
    double = loops.compiled(lambda number: 2 * number)
    assert double(4) == 8 and double.stats.cache_path is None
    with pytest.raises(RuntimeError, match="no locator available"):
        numba.njit(cache=True)(lambda number: number)


@pytest.fixture
def layer():
    keras.utils.set_random_seed(0)
    routing = DynamicRouting(implementation="fused")
    return keras.Sequential([keras.Input((300, 8)), ClassCapsules(10, routing=routing)])


def test_xla_and_exports_get_products_instead(layer, tmp_path):
    inputs = np.random.default_rng(0).random((7, 300, 8), np.float32)
    expected = layer(inputs)
    assert not layer.layers[0].supports_jit
    compiled = tf.function(lambda inputs: layer(inputs), jit_compile=True)
    assert_near(compiled(inputs), expected, 1e-6)
    layer.export(tmp_path / "exported", verbose=False)
    exported = keras.layers.TFSMLayer(tmp_path / "exported", call_endpoint="serve")
    assert_near(exported(inputs), expected, 1e-6)


def test_fit_trains_it_as_products(layer):
    inputs = np.random.default_rng(0).random((8, 300, 8), np.float32)
    targets = np.random.default_rng(1).random((8, 10, 16), np.float32)
    products_routing = DynamicRouting(implementation="products")
    slow = keras.Sequential([keras.Input((300, 8)), ClassCapsules(10, routing=products_routing)])
    slow.set_weights(layer.get_weights())
    for model in (layer, slow):
        model.compile("sgd", "mse")
        model.fit(inputs, targets, epochs=3, verbose=0)
    for one, other in zip(layer.get_weights(), slow.get_weights()):
        assert_near(one, other, 1e-6)
