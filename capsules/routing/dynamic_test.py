import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from capsules import DynamicRouting, oracle
from capsules.conftest import assert_golden, assert_near, central_differences
from capsules.routing.algorithms_test import random_problem
from capsules.routing.routing import make_votes

sizes = st.fixed_dictionaries({
    "batch": st.integers(1, 4), "in_caps": st.integers(1, 12), "in_atoms": st.integers(1, 6),
    "out_caps": st.integers(1, 7), "atoms": st.integers(1, 6)})


def test_routing_agrees_with_the_reference(golden):
    outputs = [key for key in golden if key.startswith("routing/output/")]
    expected = {f"routing/output/iterations{iterations}_leaky{leaky}"
                for iterations in (1, 2, 3, 5) for leaky in (0, 1)}
    assert set(outputs) == expected
    for key in outputs:
        iterations, leaky = key.removeprefix("routing/output/iterations").split("_leaky")
        routing = DynamicRouting(int(iterations), bool(int(leaky)))
        assert_golden(routing(golden["routing/votes"], golden["routing/biases"]), golden[key])


@given(sizes, st.integers(1, 5), st.booleans(), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_routing_follows_procedure_1(sizes, iterations, leaky, seed):
    routing = DynamicRouting(iterations, leaky, implementation="products")
    inputs, weights, biases = map(tf.constant, random_problem(routing, seed, **sizes))
    expected = oracle.class_capsules(inputs, weights, biases, iterations, leaky)
    assert_near(routing(make_votes(inputs, weights), biases), expected)
    assert_near(routing.route(inputs, weights, biases), expected)


def test_capsules_are_shorter_than_1():
    routing = DynamicRouting()
    inputs, weights, biases = random_problem(routing, in_caps=50)
    lengths = np.linalg.norm(routing.route(20 * inputs, weights, biases), axis=-1)
    assert 0.9 < lengths.max() <= 1 + 1e-6


@pytest.mark.parametrize("leaky", [False, True])
@pytest.mark.parametrize("iterations", [1, 2, 3])
def test_gradients_of_the_last_iteration_take_couplings_for_constants(iterations, leaky):
    routing = DynamicRouting(iterations, leaky, gradients="last")
    arrays = random_problem(routing, batch=2, dtype=np.float64)
    random = np.random.default_rng(9).normal(size=[2, 3, 2])
    inputs, weights, biases = arrays
    couplings = oracle.routing_steps(
        oracle.votes(inputs, weights), biases, iterations, leaky)[0][-1]

    def total_of_last(inputs, weights, biases):
        sums = np.einsum("bij,bija->bja", couplings, oracle.votes(inputs, weights)) + biases
        return (random * oracle.squash(sums)).sum()

    differences = central_differences(total_of_last, arrays)
    tensors = [tf.constant(array) for array in arrays]
    for route in (lambda inputs, weights, biases: routing(make_votes(inputs, weights), biases),
                  lambda *arrays: routing.route_steps(*arrays).capsules[-1], routing.route):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            total = tf.reduce_sum(random * route(*tensors))
        for gradient, expected in zip(tape.gradient(total, tensors), differences):
            np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-8)


def test_gradients_of_the_last_iteration_are_those_of_products():
    routing = DynamicRouting(gradients="last")
    assert routing.chosen_implementation("float32", 1152, 10, 16) == "products"
    with pytest.raises(ValueError, match="Received: gradients='last'"):
        DynamicRouting(gradients="last", implementation="fused")


def test_other_gradients_are_an_error():
    with pytest.raises(ValueError, match="Expected gradients 'all' or 'last'"):
        DynamicRouting(gradients="first")


@pytest.mark.parametrize("implementation", ["quick", "Fused"])
def test_other_implementations_are_an_error(implementation):
    with pytest.raises(ValueError, match=f"Expected an implementation of .*{implementation}"):
        DynamicRouting(implementation=implementation)
