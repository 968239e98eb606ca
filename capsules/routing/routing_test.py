import keras
import numpy as np
import pytest
import tensorflow as tf

from capsules import ClassCapsules, DynamicRouting, Routing, RoutingSteps, oracle
from capsules.conftest import assert_near
from capsules.routing import get_routing
from capsules.routing.algorithms_test import random_problem


@keras.saving.register_keras_serializable(package="tests")
class Mean(Routing):
    """A routing whose biases have one number for each input capsule, and nothing is squashed."""

    def __init__(self, scale=1.0):
        self.scale = scale

    def bias_shape(self, in_caps, out_caps, atoms):
        return (in_caps,)

    def steps(self, votes, biases):
        couplings = self.scale + biases[:, tf.newaxis] + tf.zeros_like(votes[..., 0])
        sums = tf.einsum("bij,bija->bja", couplings, votes)
        return RoutingSteps(couplings[tf.newaxis], sums[tf.newaxis], sums[tf.newaxis])

    def get_config(self):
        return {"scale": self.scale}


def test_a_number_is_dynamic_routing():
    routing = get_routing(2)
    assert type(routing) is DynamicRouting
    assert routing.get_config() == DynamicRouting(iterations=2).get_config()


def test_a_routing_is_itself():
    routing = Mean()
    assert get_routing(routing) is routing


@pytest.mark.parametrize("routing", [DynamicRouting(4, leaky=True), Mean(0.5)])
def test_a_configuration_makes_the_same_routing(routing):
    copy = get_routing(keras.saving.serialize_keras_object(routing))
    assert type(copy) is type(routing) and copy.get_config() == routing.get_config()


@pytest.mark.parametrize("identifier", [
    None, "dynamic", 2.5, tf.nn.softmax, keras.saving.serialize_keras_object(keras.layers.ReLU())])
def test_anything_else_is_an_error(identifier):
    with pytest.raises(ValueError, match=r"Expected a Routing.* Received: routing="):
        get_routing(identifier)


def test_by_default_inputs_and_weights_are_routed_by_their_votes():
    inputs, weights, biases = random_problem(Mean())
    couplings = np.broadcast_to(0.5 + biases[:, np.newaxis], [3, 5, 3])
    expected = np.einsum("bij,bija->bja", couplings, oracle.votes(inputs, weights))
    assert_near(Mean(0.5).route(inputs, weights, biases), expected)
    steps = Mean(0.5).route_steps(inputs, weights, biases)
    np.testing.assert_allclose(steps.couplings[0], couplings)
    assert_near(steps.capsules[0], expected)


def test_a_layer_takes_any_routing_and_saves_it(reloaded):
    model = keras.Sequential([keras.Input((11, 8)), ClassCapsules(4, atoms=3, routing=Mean(0.5))])
    layer, = model.layers
    assert layer.bias.shape == (11,) and layer.supports_jit
    inputs = np.random.default_rng(0).normal(size=[2, 11, 8]).astype(np.float32)
    copy = reloaded(model)
    assert copy.layers[0].routing.scale == 0.5
    np.testing.assert_array_equal(copy(inputs), model(inputs))
