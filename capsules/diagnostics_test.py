import math

import numpy as np
import pytest
import tensorflow as tf

from capsules import (
    ConvCapsules,
    DynamicRouting,
    RoutingSteps,
    coupling_entropy,
    dead_capsules,
    oracle,
    vote_agreement,
    winner_share,
)
from capsules.conftest import assert_near
from capsules.routing.algorithms_test import random_problem


def made_steps(couplings, lengths=((0.5, 0.1),)):
    """Steps of couplings [iterations, batch, in_caps, out_caps] and lengths [batch, out_caps]."""
    couplings = tf.constant(couplings, tf.float32)
    capsules = tf.constant(lengths, tf.float32)[tf.newaxis, ..., tf.newaxis]
    capsules = tf.repeat(capsules, len(couplings), axis=0)
    return RoutingSteps(couplings, capsules, capsules)


EVEN, ONE_HOT = [[0.5, 0.5], [0.5, 0.5]], [[1, 0], [0, 1]]
LEAKY = [[0.1, 0.3], [0.2, 0.2]]
SIGNED = [[3, -1], [0, 0]]          # neither positive nor of sum 1


@pytest.mark.parametrize("couplings, expected", [
    (EVEN, 1), (ONE_HOT, 0),
    # In bits, as there are two capsules; a quarter and three quarters have 2 - 3/4 log2(3).
    (LEAKY, (3 - 0.75 * math.log2(3)) / 2), (SIGNED, (3 - 0.75 * math.log2(3)) / 2)])
def test_entropy_is_relative_to_that_of_equal_shares(couplings, expected):
    found = coupling_entropy(made_steps([[couplings]]))
    np.testing.assert_allclose(found, [[expected]], atol=1e-6)


@pytest.mark.parametrize("couplings, to_first", [
    (EVEN, 1 / 2), (ONE_HOT, 1 / 2), ([[1, 0], [1, 0]], 1), (LEAKY, 3 / 8), (SIGNED, 5 / 8)])
def test_the_winners_share_is_that_of_the_longest_capsule(couplings, to_first):
    steps = made_steps([[couplings, couplings]], lengths=[[0.5, 0.1], [0.1, 0.5]])
    np.testing.assert_allclose(winner_share(steps), [[to_first, 1 - to_first]], atol=1e-6)


def test_the_winner_is_that_of_the_last_iteration():
    steps = made_steps([[[[1, 0]]], [[[0.25, 0.75]]]])
    lengths = tf.constant([0.9, 0.1, 0.2, 0.3], shape=[2, 1, 2, 1])
    np.testing.assert_allclose(winner_share(steps._replace(capsules=lengths)), [[0], [0.75]])


@pytest.mark.parametrize("couplings, expected", [
    # For the first capsule, votes (3, 0) and (0, 4); for the second (1, 0) and (-1, 0).
    (EVEN, 5 / 9), (ONE_HOT, 1), ([[1, 0], [1, 0]], 5 / 7), ([[0, 1], [0, 1]], 0),
    ([[0, 1], [0, -1]], 1), ([[0, 0], [0, 0]], 0), (LEAKY, (math.hypot(0.3, 0.8) + 0.1) / 1.6)])
def test_votes_agree_as_far_as_their_sum_is_long(couplings, expected):
    votes = tf.constant([[[[3, 0], [1, 0]], [[0, 4], [-1, 0]]]], tf.float32)
    found = vote_agreement(made_steps([[couplings]]), votes)
    np.testing.assert_allclose(found, [[expected]], atol=1e-6)


@pytest.mark.parametrize("leaky", [False, True])
def test_agreement_is_the_mean_cosine_of_votes_and_sums_without_bias(leaky):
    inputs, weights, biases = random_problem(DynamicRouting(), 0)
    votes = oracle.votes(inputs, weights)
    couplings, sums, _ = oracle.routing_steps(votes, biases, 3, leaky)
    lengths = np.linalg.norm(votes, axis=-1)
    sums = sums - biases
    cosines = np.einsum("bija,tbja->tbij", votes, sums) / (
        lengths[np.newaxis] * np.linalg.norm(sums, axis=-1)[:, :, np.newaxis])
    shares = couplings * lengths
    expected = (cosines * shares).sum(axis=(2, 3)) / shares.sum(axis=(2, 3))
    steps = DynamicRouting(3, leaky).route_steps(inputs, weights, biases)
    assert_near(vote_agreement(steps, tf.cast(votes, tf.float32)), expected)


def test_a_capsule_is_dead_if_it_is_short_in_every_example():
    lengths = [[0.009, 0.009, 0.5], [0.009, 0.011, 0.5]]
    steps = made_steps(np.zeros([1, 2, 4, 3]), lengths)
    assert dead_capsules(steps).numpy().tolist() == [True, False, False]
    assert dead_capsules(steps, length=0.1).numpy().tolist() == [True, True, False]


def test_convolutional_capsules_are_diagnosed_at_every_position():
    layer = ConvCapsules(3, 5, kernel_size=2)
    inputs = tf.random.stateless_normal([2, 4, 3, 6, 4], seed=[0, 0])
    layer.build(inputs.shape)
    steps, votes = layer.routing_steps(inputs), layer.votes(inputs)
    flat = RoutingSteps(*(tf.reshape(step, [3, -1, *step.shape[4:]]) for step in steps))
    for found, expected in ((coupling_entropy(steps), coupling_entropy(flat)),
                            (winner_share(steps), winner_share(flat)),
                            (vote_agreement(steps, votes),
                             vote_agreement(flat, tf.reshape(votes, [-1, 6, 3, 5])))):
        assert found.shape == (3, 2, 3, 2)
        assert_near(tf.reshape(found, [3, -1]), expected)
    assert dead_capsules(steps).shape == (3,)


def test_one_out_capsule_is_no_choice():
    steps = made_steps([[[[1], [1]]]], lengths=[[0.5]])
    assert coupling_entropy(steps).numpy() == [[0]] and winner_share(steps).numpy() == [[1]]


def test_an_empty_batch_has_no_values_and_no_live_capsule():
    inputs, weights, biases = random_problem(DynamicRouting(), 0, batch=0)
    steps = DynamicRouting(3).route_steps(inputs, weights, biases)
    votes = tf.zeros([0, 5, 3, 2])
    for values in (coupling_entropy(steps), winner_share(steps), vote_agreement(steps, votes)):
        assert values.shape == (3, 0)
    assert dead_capsules(steps).numpy().all()


def test_diagnostics_run_in_graphs_of_unknown_batch_and_keep_the_dtype():
    inputs, weights, biases = random_problem(DynamicRouting(), 0, dtype=np.float64)

    @tf.function(input_signature=[tf.TensorSpec([None, 5, 4], tf.float64)])
    def diagnose(inputs):
        steps = DynamicRouting(2).route_steps(inputs, weights, biases)
        votes = tf.einsum("bik,ikja->bija", inputs, weights)
        return coupling_entropy(steps), winner_share(steps), vote_agreement(steps, votes)

    for values in diagnose(inputs):
        assert values.dtype == tf.float64 and values.shape == (2, 3)
        assert ((values.numpy() > 0) & (values.numpy() < 1 + 1e-9)).all()
