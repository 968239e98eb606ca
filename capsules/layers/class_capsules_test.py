import keras
import numpy as np
import pytest
import tensorflow as tf

from capsules import ClassCapsules, DynamicRouting, PrimaryCapsules, oracle
from capsules.conftest import (
    HALF_PRECISION,
    assert_finite,
    assert_golden,
    assert_near,
    randomize,
    value_and_gradients,
)

# input shape, num_capsules, atoms, iterations, leaky
SIZES = [((2, 11, 8), 10, 16, 3, False), ((3, 4, 5), 2, 3, 1, True), ((1, 20, 1), 7, 1, 2, True),
         ((4, 1, 6), 1, 4, 5, False)]


def random_inputs(shape=(2, 11, 8), seed=1):
    return np.random.default_rng(seed).normal(scale=0.5, size=shape).astype(np.float32)


IMPLEMENTATIONS = pytest.mark.parametrize("implementation", ["fused", "products"])


@IMPLEMENTATIONS
@pytest.mark.parametrize("leaky", [False, True])
def test_layer_agrees_with_the_reference(golden, leaky, implementation):
    layer = ClassCapsules(10, routing=DynamicRouting(3, leaky, implementation=implementation))
    layer.build((None, 11, 8))
    layer.set_weights([golden["capsule/weights"], golden["capsule/biases"]])
    assert_golden(layer(golden["capsule/input"]), golden[f"capsule/output/leaky{leaky:d}"])


@IMPLEMENTATIONS
@pytest.mark.parametrize("shape, num_capsules, atoms, iterations, leaky", SIZES)
def test_layer_follows_the_equations(shape, num_capsules, atoms, iterations, leaky,
                                     implementation):
    layer = ClassCapsules(num_capsules, atoms,
                          DynamicRouting(iterations, leaky, implementation=implementation))
    layer.build(shape)
    randomize(layer)
    inputs = random_inputs(shape)
    output = layer(inputs)
    assert output.shape == layer.compute_output_shape(shape) == (shape[0], num_capsules, atoms)
    assert_near(output, oracle.class_capsules(inputs, *layer.get_weights(), iterations, leaky))


@pytest.mark.parametrize("shape, num_capsules, atoms, iterations, leaky", SIZES)
def test_zero_has_finite_value_and_gradients(shape, num_capsules, atoms, iterations, leaky):
    layer = ClassCapsules(num_capsules, atoms, DynamicRouting(iterations, leaky))
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
    layer = ClassCapsules(4, atoms=3, routing=DynamicRouting(leaky=True), dtype=policy)
    inputs = random_inputs()
    output = layer(inputs)
    steps = layer.routing_steps(inputs)
    assert steps.couplings.shape == (3, 2, 11, 4)
    assert steps.capsules.dtype == ("float64" if policy == "float64" else "float32")
    np.testing.assert_array_equal(tf.cast(steps.capsules[-1], output.dtype), output)


@pytest.mark.parametrize("grid", [(11,), (1, 11, 1)])
def test_the_votes_are_what_is_routed(grid):
    layer = ClassCapsules(4, atoms=3)
    inputs = random_inputs()
    output = layer(tf.reshape(inputs, [2, *grid, 8]))
    votes = layer.votes(tf.reshape(inputs, [2, *grid, 8]))
    assert_near(votes, oracle.votes(inputs, tf.reshape(layer.kernel, [11, 8, 4, 3])))
    assert_near(layer.routing(votes, layer.bias.value), output)


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


def small_layer(**kwargs):
    return ClassCapsules(
        6, atoms=5, routing=DynamicRouting(2, leaky=True), kernel_initializer="he_normal",
        bias_initializer=keras.initializers.Constant(0.2), kernel_regularizer="l2",
        bias_regularizer=keras.regularizers.L1(0.5), **kwargs)


@pytest.mark.parametrize("shape", [(11, 8), (2, 3, 4, 8)])
def test_model_of_it_survives_saving(reloaded, shape):
    symbolic = keras.Input(shape)
    layer = small_layer()
    model = keras.Model(symbolic, layer(symbolic))
    assert model.output_shape == (None, 6, 5)
    randomize(layer)
    inputs = random_inputs((2, *shape))
    np.testing.assert_array_equal(reloaded(model)(inputs), model(inputs))


def test_configuration_makes_the_same_layer():
    config = small_layer(name="digits").get_config()
    copy = ClassCapsules.from_config(config)
    assert copy.get_config() == config
    assert (copy.num_capsules, copy.atoms, copy.routing.iterations, copy.routing.leaky) == (
        6, 5, 2, True)
    assert isinstance(copy.kernel_initializer, keras.initializers.HeNormal)
    assert (copy.bias_initializer.value, copy.bias_regularizer.l1) == (0.2, 0.5)


def test_weights_are_initialized_and_regularized_as_asked():
    layer = small_layer()
    layer.build((None, 11, 8))
    kernel, bias = layer.get_weights()
    np.testing.assert_array_equal(bias, np.full([6, 5], 0.2, np.float32))
    expected = [0.01 * np.square(kernel).sum(), 0.5 * bias.sum()]
    np.testing.assert_allclose(layer.losses, expected, rtol=1e-5)


def test_a_grid_is_flattened_as_primary_capsules_are():
    keras.utils.set_random_seed(0)
    primary = PrimaryCapsules(4, atoms=8, kernel_size=3)
    features = random_inputs((2, 9, 7, 5))
    flat = primary(features)
    types, rows, columns = primary.grid_shape(features.shape)
    grid = tf.transpose(tf.reshape(flat, [2, types, rows, columns, 8]), [0, 2, 3, 1, 4])
    layer, grid_layer = ClassCapsules(3), ClassCapsules(3)
    expected = layer(flat)
    grid_layer.build(grid.shape)
    grid_layer.set_weights(layer.get_weights())
    np.testing.assert_array_equal(grid_layer(grid), expected)


def test_other_numbers_of_capsules_are_an_error():
    layer = ClassCapsules(4, atoms=3)
    layer(tf.zeros([2, 11, 8]))
    with pytest.raises(ValueError, match=r"expected shape=\(None, 11, 8\)"):
        layer(tf.zeros([2, 22, 4]))
