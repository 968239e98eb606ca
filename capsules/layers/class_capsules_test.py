import keras
import numpy as np
import pytest
import tensorflow as tf

from capsules import ClassCapsules, oracle
from capsules.conftest import (
    HALF_PRECISION,
    assert_finite,
    assert_golden,
    assert_near,
    randomize,
    value_and_gradients,
)

# input shape, num_capsules, atoms, routing, leaky
SIZES = [((2, 11, 8), 10, 16, 3, False), ((3, 4, 5), 2, 3, 1, True), ((1, 20, 1), 7, 1, 2, True),
         ((4, 1, 6), 1, 4, 5, False)]


def random_inputs(shape=(2, 11, 8), seed=1):
    return np.random.default_rng(seed).normal(scale=0.5, size=shape).astype(np.float32)


IMPLEMENTATIONS = pytest.mark.parametrize("implementation", ["fused", "products"])


@IMPLEMENTATIONS
@pytest.mark.parametrize("leaky", [False, True])
def test_layer_agrees_with_the_reference(golden, leaky, implementation):
    layer = ClassCapsules(10, atoms=16, routing=3, leaky=leaky, implementation=implementation)
    layer.build((None, 11, 8))
    layer.set_weights([golden["capsule/weights"], golden["capsule/biases"]])
    assert_golden(layer(golden["capsule/input"]), golden[f"capsule/output/leaky{leaky:d}"])


@IMPLEMENTATIONS
@pytest.mark.parametrize("shape, num_capsules, atoms, routing, leaky", SIZES)
def test_layer_follows_the_equations(shape, num_capsules, atoms, routing, leaky, implementation):
    layer = ClassCapsules(num_capsules, atoms, routing, leaky, implementation)
    layer.build(shape)
    randomize(layer)
    inputs = random_inputs(shape)
    output = layer(inputs)
    assert output.shape == layer.compute_output_shape(shape) == (shape[0], num_capsules, atoms)
    assert_near(output, oracle.class_capsules(inputs, *layer.get_weights(), routing, leaky))


@pytest.mark.parametrize("shape, num_capsules, atoms, routing, leaky", SIZES)
def test_zero_has_finite_value_and_gradients(shape, num_capsules, atoms, routing, leaky):
    layer = ClassCapsules(num_capsules, atoms, routing, leaky)
    layer.build(shape)
    assert_finite(value_and_gradients(layer, tf.zeros(shape))[1])
    randomize(layer, scale=0)
    output, gradients = value_and_gradients(layer, tf.zeros(shape))
    np.testing.assert_array_equal(output, 0)
    assert_finite(gradients)


def test_new_weights_are_as_in_the_paper():
    layer = ClassCapsules(10)
    layer.build((None, 50, 8))
    kernel, bias = layer.get_weights()
    # Truncation at two deviations leaves 0.88 of the nominal standard deviation of 0.1.
    assert kernel.shape == (50, 8, 160) and 0.085 < kernel.std() < 0.09
    np.testing.assert_array_equal(bias, np.full([10, 16], 0.1, np.float32))


@pytest.mark.parametrize("policy", ["float32", "float64", "mixed_float16", "mixed_bfloat16"])
def test_the_last_routing_step_is_the_output(policy):
    layer = ClassCapsules(4, atoms=3, leaky=True, dtype=policy)
    inputs = random_inputs()
    output = layer(inputs)
    steps = layer.routing_steps(inputs)
    assert steps.couplings.shape == (3, 2, 11, 4)
    assert steps.capsules.dtype == ("float64" if policy == "float64" else "float32")
    np.testing.assert_array_equal(tf.cast(steps.capsules[-1], output.dtype), output)


def test_eager_equals_graph():
    layer = ClassCapsules(4, atoms=3)
    inputs = random_inputs()
    assert_near(tf.function(layer)(inputs), layer(inputs), 1e-6)


@pytest.mark.parametrize("policy, tolerance", HALF_PRECISION)
def test_half_precision_is_near_float32(policy, tolerance):
    exact, mixed = ClassCapsules(5, atoms=4), ClassCapsules(5, atoms=4, dtype=policy)
    inputs = random_inputs()
    expected = exact(inputs)
    mixed.build(inputs.shape)
    mixed.set_weights(exact.get_weights())
    received, gradients = value_and_gradients(mixed, inputs)
    assert received.dtype == mixed.compute_dtype
    assert mixed.kernel.dtype == "float32"
    assert_near(tf.cast(received, tf.float32), expected, tolerance)
    assert_finite(gradients)
    assert_finite(value_and_gradients(mixed, tf.zeros_like(inputs))[1])


def test_model_of_it_survives_saving(reloaded):
    symbolic = keras.Input([11, 8])
    layer = ClassCapsules(6, atoms=5, routing=2, leaky=True)
    model = keras.Model(symbolic, layer(symbolic))
    assert model.output_shape == (None, 6, 5)
    randomize(layer)
    inputs = random_inputs()
    np.testing.assert_array_equal(reloaded(model)(inputs), model(inputs))


def test_configuration_makes_the_same_layer():
    config = ClassCapsules(6, atoms=5, routing=2, leaky=True, name="digits").get_config()
    copy = ClassCapsules.from_config(config)
    assert copy.get_config() == config
    assert (copy.num_capsules, copy.atoms, copy.routing, copy.leaky) == (6, 5, 2, True)


def test_other_numbers_of_capsules_are_an_error():
    layer = ClassCapsules(4, atoms=3)
    layer(tf.zeros([2, 11, 8]))
    with pytest.raises(ValueError, match=r"expected shape=\(None, 11, 8\)"):
        layer(tf.zeros([2, 22, 4]))


def test_zero_routing_iterations_are_an_error():
    with pytest.raises(ValueError, match="1 or more routing iterations"):
        ClassCapsules(10, routing=0)
