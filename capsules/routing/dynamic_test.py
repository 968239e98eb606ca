import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from capsules import oracle
from capsules.conftest import assert_finite, assert_golden, assert_near, central_differences
from capsules.routing.dynamic import DynamicRouting

sizes = st.fixed_dictionaries({
    "batch": st.integers(1, 4), "in_caps": st.integers(1, 12), "in_atoms": st.integers(1, 6),
    "out_caps": st.integers(1, 7), "atoms": st.integers(1, 6)})
iterations_up_to_5 = st.integers(1, 5)
seeds = st.integers(0, 2**32 - 1)


def random_problem(seed, batch=3, in_caps=5, in_atoms=4, out_caps=3, atoms=2, dtype=np.float32):
    """Returns inputs, weights and biases whose votes are large enough to be worth routing."""
    random = np.random.default_rng(seed)
    return [random.normal(scale=scale, size=shape).astype(dtype) for scale, shape in (
        (0.5, [batch, in_caps, in_atoms]), (0.5, [in_caps, in_atoms, out_caps, atoms]),
        (0.1, [out_caps, atoms]))]


def by_votes(iterations=3, leaky=False):
    """Returns a function of votes and biases, the capsules."""
    return DynamicRouting(iterations, leaky)


def by_products(iterations=3, leaky=False):
    """Returns a function of inputs, weights and biases, the capsules."""
    return DynamicRouting(iterations, leaky, implementation="products").route


def random_votes(*args, **kwargs):
    inputs, weights, biases = random_problem(*args, **kwargs)
    return oracle.votes(inputs, weights).astype(inputs.dtype), biases


def test_routing_agrees_with_the_reference(golden):
    outputs = [key for key in golden if key.startswith("routing/output/")]
    expected = {f"routing/output/iterations{iterations}_leaky{leaky}"
                for iterations in (1, 2, 3, 5) for leaky in (0, 1)}
    assert set(outputs) == expected
    for key in outputs:
        iterations, leaky = key.removeprefix("routing/output/iterations").split("_leaky")
        routing = DynamicRouting(int(iterations), bool(int(leaky)))
        assert_golden(routing(golden["routing/votes"], golden["routing/biases"]), golden[key])


@given(sizes, iterations_up_to_5, st.booleans(), seeds)
@settings(max_examples=25, deadline=None)
def test_routing_of_votes_follows_procedure_1(sizes, iterations, leaky, seed):
    votes, biases = random_votes(seed, **sizes)
    assert_near(by_votes(iterations, leaky)(votes, biases),
                oracle.dynamic_routing(votes, biases, iterations, leaky))


@given(sizes, iterations_up_to_5, st.booleans(), seeds)
@settings(max_examples=25, deadline=None)
def test_routing_of_inputs_follows_procedure_1(sizes, iterations, leaky, seed):
    inputs, weights, biases = random_problem(seed, **sizes)
    assert_near(by_products(iterations, leaky)(inputs, weights, biases),
                oracle.class_capsules(inputs, weights, biases, iterations, leaky))


@pytest.mark.parametrize("leaky", [False, True])
@pytest.mark.parametrize("iterations", [1, 3])
@pytest.mark.parametrize("name, problem", [("steps", random_votes),
                                           ("route_steps", random_problem)])
def test_every_step_is_that_of_procedure_1(name, problem, iterations, leaky):
    tensors = [tf.constant(array) for array in problem(4)]
    steps = getattr(DynamicRouting(iterations, leaky), name)(*tensors)
    votes, biases = random_votes(4)
    expected = oracle.routing_steps(votes, biases, iterations, leaky)
    assert len(expected) == 3
    for found, values in zip(steps, expected):
        assert_near(found, values)


@pytest.mark.parametrize("leaky", [False, True])
@pytest.mark.parametrize("iterations", [1, 2, 3])
@pytest.mark.parametrize("make, expected, problem", [
    (by_votes, oracle.dynamic_routing, random_votes),
    (by_products, oracle.class_capsules, random_problem)])
def test_gradients_equal_finite_differences(make, expected, problem, iterations, leaky):
    arrays = problem(iterations, batch=2, dtype=np.float64)
    weights = np.random.default_rng(9).normal(size=[2, 3, 2])
    tensors = [tf.constant(array) for array in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        total = tf.reduce_sum(weights * make(iterations, leaky)(*tensors))
    gradients = tape.gradient(total, tensors)
    differences = central_differences(
        lambda *arrays: (weights * expected(*arrays, iterations, leaky)).sum(), arrays)
    for gradient, difference in zip(gradients, differences):
        np.testing.assert_allclose(gradient, difference, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("leaky", [False, True])
@pytest.mark.parametrize("make, problem", [(by_votes, random_votes),
                                           (by_products, random_problem)])
def test_zero_has_value_zero_and_finite_gradients(make, problem, leaky):
    zeros = [tf.zeros_like(array) for array in problem(0)]
    with tf.GradientTape() as tape:
        tape.watch(zeros)
        capsules = make(3, leaky)(*zeros)
        total = tf.reduce_sum(capsules)
    np.testing.assert_array_equal(capsules, 0)
    assert_finite(tape.gradient(total, zeros))


def test_capsules_are_shorter_than_1():
    inputs, weights, biases = random_problem(0, in_caps=50)
    lengths = np.linalg.norm(by_products()(20 * inputs, weights, biases), axis=-1)
    assert 0.9 < lengths.max() <= 1 + 1e-6


@pytest.mark.parametrize("make, problem", [(by_votes, random_votes),
                                           (by_products, random_problem)])
def test_eager_equals_graph_also_for_an_unknown_batch(make, problem):
    first, *rest = problem(0)
    graph = tf.function(lambda first: make()(first, *rest),
                        input_signature=[tf.TensorSpec([None, *first.shape[1:]])])
    assert_near(graph(first), make()(tf.constant(first), *rest), 1e-6)


@pytest.mark.parametrize("iterations", [0, -1])
def test_less_than_one_iteration_is_an_error(iterations):
    with pytest.raises(ValueError, match=f"1 or more routing iterations. Received: {iterations}"):
        DynamicRouting(iterations)
