"""What all routing algorithms have in common."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from capsules import (
    ClassCapsules,
    DynamicRouting,
    MaxMinRouting,
    SelfAttentionRouting,
    oracle,
)
from capsules.conftest import (
    assert_finite,
    assert_near,
    central_differences,
    randomize,
    value_and_gradients,
)
from capsules.routing.routing import make_votes

# A routing, and the function of votes and biases that gives its steps in float64.
CASES = [
    *((DynamicRouting(iterations, leaky),
       lambda votes, biases, iterations=iterations, leaky=leaky:
           oracle.routing_steps(votes, biases, iterations, leaky))
      for iterations in (1, 2, 3) for leaky in (False, True)),
    *((MaxMinRouting(iterations),
       lambda votes, biases, iterations=iterations:
           oracle.max_min_routing_steps(votes, biases, iterations))
      for iterations in (1, 2, 3)),
    (SelfAttentionRouting(), oracle.self_attention_routing_steps),
]
NAMES = [f"{type(routing).__name__}{list(routing.get_config().values())[:2]}"
         for routing, _ in CASES]
all_cases = pytest.mark.parametrize("routing, expected_steps", CASES, ids=NAMES)
all_routings = pytest.mark.parametrize(
    "routing", [DynamicRouting(leaky=True), DynamicRouting(gradients="last"), MaxMinRouting(),
                SelfAttentionRouting()],
    ids=lambda routing: f"{type(routing).__name__}-{getattr(routing, 'gradients', 'all')}")


def random_problem(routing, seed=0, batch=3, in_caps=5, in_atoms=4, out_caps=3, atoms=2,
                   dtype=np.float32):
    """Returns inputs, weights and biases whose votes are large enough to be worth routing."""
    random = np.random.default_rng(seed)
    return [random.normal(scale=scale, size=shape).astype(dtype) for scale, shape in (
        (0.5, [batch, in_caps, in_atoms]), (0.5, [in_caps, in_atoms, out_caps, atoms]),
        (0.1, routing.bias_shape(in_caps, out_caps, atoms)))]


@all_cases
@pytest.mark.parametrize("sizes", [{}, {"in_caps": 1, "in_atoms": 1}, {"out_caps": 1},
                                   {"atoms": 1, "batch": 1},
                                   {"in_caps": 100, "out_caps": 10, "atoms": 16}])
def test_every_step_follows_the_equations(routing, expected_steps, sizes):
    inputs, weights, biases = map(tf.constant, random_problem(routing, **sizes))
    expected = expected_steps(oracle.votes(inputs, weights), biases)
    votes = make_votes(inputs, weights)
    for steps in (routing.steps(votes, biases), routing.route_steps(inputs, weights, biases)):
        for found, values in zip(steps, expected, strict=True):
            assert_near(found, values)
    for capsules in (routing(votes, biases), routing.route(inputs, weights, biases)):
        assert_near(capsules, expected[-1][-1])


@all_cases
def test_gradients_equal_finite_differences(routing, expected_steps):
    arrays = random_problem(routing, batch=2, dtype=np.float64)
    random = np.random.default_rng(9).normal(size=[2, 3, 2])
    differences = central_differences(
        lambda inputs, weights, biases: (
            random * expected_steps(oracle.votes(inputs, weights), biases)[-1][-1]).sum(), arrays)
    tensors = [tf.constant(array) for array in arrays]
    for route in (lambda inputs, weights, biases: routing(make_votes(inputs, weights), biases),
                  routing.route):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            total = tf.reduce_sum(random * route(*tensors))
        for gradient, expected in zip(tape.gradient(total, tensors), differences):
            np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-8)


@all_routings
def test_zero_has_value_zero_and_finite_gradients(routing):
    zeros = [tf.zeros_like(array) for array in random_problem(routing)]
    for route in (lambda inputs, weights, biases: routing(make_votes(inputs, weights), biases),
                  routing.route):
        with tf.GradientTape() as tape:
            tape.watch(zeros)
            capsules = route(*zeros)
        np.testing.assert_array_equal(capsules, 0)
        assert_finite(tape.gradient(capsules, zeros))


@all_routings
def test_eager_equals_graph_for_batches_of_any_size(routing):
    inputs, weights, biases = map(tf.constant, random_problem(routing))

    def gradients(function, inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            capsules = function(inputs)
        return capsules, tape.gradient(capsules, inputs)

    def by_votes(inputs):
        return routing(make_votes(inputs, weights), biases)

    def by_inputs(inputs):
        return routing.route(inputs, weights, biases)

    for function in (by_votes, by_inputs):
        graph = tf.function(function, input_signature=[tf.TensorSpec([None, 5, 4])])
        for batch in (0, 1, 3):
            for found, expected in zip(gradients(graph, inputs[:batch]),
                                       gradients(function, inputs[:batch])):
                assert_near(found, expected, 1e-6)


@all_routings
def test_half_precision_is_near_float32(routing):
    exact, mixed = (ClassCapsules(5, atoms=4, routing=routing, dtype=policy)
                    for policy in ("float32", "mixed_bfloat16"))
    inputs = np.random.default_rng(1).normal(scale=0.5, size=[8, 11, 8]).astype(np.float32)
    expected = exact(inputs)
    mixed.build(inputs.shape)
    mixed.set_weights(exact.get_weights())
    capsules, gradients = value_and_gradients(mixed, inputs)
    assert capsules.dtype == "bfloat16"
    assert_near(tf.cast(capsules, tf.float32), expected, 1e-2)
    assert_finite(gradients)


@all_routings
def test_a_model_is_saved_and_loaded_with_it(routing, reloaded):
    layer = ClassCapsules(6, atoms=5, routing=routing)
    model = keras.Sequential([keras.Input((11, 8)), layer])
    randomize(layer)
    inputs = np.random.default_rng(0).normal(size=[2, 11, 8]).astype(np.float32)
    copy = reloaded(model)
    assert copy.layers[0].routing.get_config() == routing.get_config()
    np.testing.assert_array_equal(copy(inputs), model(inputs))


@pytest.mark.parametrize("iterations", [0, -1])
@pytest.mark.parametrize("make", [DynamicRouting, MaxMinRouting])
def test_less_than_one_iteration_is_an_error(make, iterations):
    with pytest.raises(ValueError, match=f"1 or more routing iterations. Received: {iterations}"):
        make(iterations)
