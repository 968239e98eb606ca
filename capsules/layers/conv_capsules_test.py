import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from capsules import (
    ConvCapsules,
    DynamicRouting,
    MaxMinRouting,
    PrimaryCapsules,
    SelfAttentionRouting,
    oracle,
)
from capsules.conftest import (
    HALF_PRECISION,
    assert_finite,
    assert_near,
    randomize,
    value_and_gradients,
)
from capsules.routing.routing_test import Mean

# input shape, num_capsules, atoms, kernel_size, strides, padding, iterations, leaky
SIZES = [((2, 6, 7, 3, 4), 4, 5, 3, 1, "valid", 3, False),
         ((1, 5, 8, 2, 3), 3, 2, 3, 2, "same", 2, True),
         ((3, 2, 3, 4, 1), 1, 4, 2, 1, "VALID", 4, True),
         ((2, 7, 4, 1, 6), 5, 1, 4, 3, "SAME", 1, False),
         ((2, 3, 3, 5, 2), 2, 3, 1, 2, "valid", 3, True)]
all_sizes = pytest.mark.parametrize(
    "shape, num_capsules, atoms, kernel_size, strides, padding, iterations, leaky", SIZES)

GOLDEN_CASES = [
    "VALID_kernel3_stride1_routing3_leaky0", "SAME_kernel3_stride1_routing3_leaky1",
    "SAME_kernel5_stride2_routing2_leaky0", "VALID_kernel5_stride2_routing2_leaky1",
    "VALID_kernel9_stride2_routing1_leaky0", "SAME_kernel3_stride2_routing3_leaky1",
    "SAME_kernel5_stride1_routing1_leaky0", "VALID_kernel3_stride2_routing1_leaky1",
    "VALID_kernel3_stride1_routing2_leaky1", "VALID_kernel5_stride1_routing3_leaky0"]


def make(num_capsules=4, atoms=5, kernel_size=3, strides=1, padding="valid", iterations=3,
         leaky=False, **kwargs):
    return ConvCapsules(num_capsules, atoms, kernel_size, strides, padding,
                        routing=DynamicRouting(iterations, leaky=leaky), **kwargs)


def random_grid(shape=(2, 6, 7, 3, 4), seed=1):
    return np.random.default_rng(seed).normal(scale=0.5, size=shape).astype(np.float32)


@pytest.fixture(scope="module")
def reference(golden_dir):
    """The reference's numbers for convolutional capsules: {"case/name": float32 array}."""
    with np.load(pathlib.Path(golden_dir, "conv_capsules.npz")) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("case", GOLDEN_CASES)
def test_layer_agrees_with_the_reference(reference, case):
    golden = {key.partition("/")[2]: array for key, array in reference.items()
              if key.startswith(f"{case}/")}
    for name in ("input", "output", "y", "grad_input"):     # [batch, types, atoms, rows, columns]
        golden[name] = golden[name].transpose(0, 3, 4, 1, 2)
    for name in ("biases", "grad_biases"):
        golden[name] = golden[name][:, :, 0, 0]
    padding, numbers = case.split("_")[0], map(int, re.findall(r"\d+", case))
    kernel_size, strides, iterations, leaky = numbers
    layer = make(*golden["biases"].shape, kernel_size, strides, padding, iterations, bool(leaky))
    layer.build(golden["input"].shape)
    layer.set_weights([golden["weights"], golden["biases"]])
    inputs = tf.constant(golden["input"])
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        output = layer(inputs)
        total = tf.reduce_sum(output * golden["y"])
    gradients = tape.gradient(total, [inputs, layer.kernel.value, layer.bias.value])
    assert_near(output, golden["output"])
    np.testing.assert_allclose(output, golden["output"], rtol=1e-5, atol=1e-6)
    for gradient, name in zip(gradients, ("input", "weights", "biases")):
        assert_near(gradient, golden[f"grad_{name}"])
        np.testing.assert_allclose(gradient, golden[f"grad_{name}"], rtol=1e-5, atol=1e-5)


@all_sizes
def test_layer_follows_the_equations(shape, num_capsules, atoms, kernel_size, strides, padding,
                                     iterations, leaky):
    layer = make(num_capsules, atoms, kernel_size, strides, padding, iterations, leaky)
    layer.build(shape)
    randomize(layer)
    inputs = random_grid(shape)
    output = layer(inputs)
    assert output.shape == layer.compute_output_shape(shape)
    assert_near(output, oracle.conv_capsules(inputs, *layer.get_weights(), strides,
                                             padding.lower(), iterations, leaky))


@all_sizes
def test_zero_has_finite_value_and_gradients(shape, num_capsules, atoms, kernel_size, strides,
                                             padding, iterations, leaky):
    layer = make(num_capsules, atoms, kernel_size, strides, padding, iterations, leaky)
    layer.build(shape)
    assert_finite(value_and_gradients(layer, tf.zeros(shape))[1])
    randomize(layer, scale=0)
    for inputs in (tf.zeros(shape), random_grid(shape)):
        output, gradients = value_and_gradients(layer, inputs)
        np.testing.assert_array_equal(output, 0)
        assert_finite(gradients)


def test_one_type_routed_once_is_primary_capsules():
    images = random_grid((2, 9, 8, 1, 6))
    primary = PrimaryCapsules(4, atoms=5, kernel_size=3, flatten=False)
    expected = primary(images[:, :, :, 0])
    layer = make(strides=2, iterations=1)
    layer.build(images.shape)
    layer.set_weights(primary.get_weights())
    assert_near(layer(images), expected)


@pytest.mark.parametrize("make_example", [tf.zeros, random_grid])
def test_five_layers_have_finite_gradients(make_example):
    network = keras.Sequential([ConvCapsules(3, 4, 3, padding="same") for _ in range(5)])
    output, gradients = value_and_gradients(network, make_example((2, 4, 4, 3, 4)))
    assert len(gradients) == 11
    assert_finite([output, *gradients])


def test_new_weights_are_as_in_the_reference():
    layer = ConvCapsules(8, 8, 3)
    layer.build((None, 6, 6, 32, 16))
    kernel, bias = layer.get_weights()
    # Truncation at two deviations leaves 0.88 of the nominal standard deviation of 0.1.
    assert kernel.shape == (3, 3, 16, 64) and 0.085 < kernel.std() < 0.09
    np.testing.assert_array_equal(bias, np.full([8, 8], 0.1, np.float32))


@pytest.mark.parametrize("policy", ["float32", "float64", "mixed_float16", "mixed_bfloat16"])
def test_the_last_routing_step_is_the_output(policy):
    layer = make(leaky=True, dtype=policy)
    inputs = random_grid()
    output = layer(inputs)
    steps = layer.routing_steps(inputs)
    assert steps.couplings.shape == (3, 2, 4, 5, 3, 4)
    assert steps.sums.shape == (3, *output.shape)
    assert steps.capsules.dtype == ("float64" if policy == "float64" else "float32")
    np.testing.assert_array_equal(tf.cast(steps.capsules[-1], output.dtype), output)


def test_float64_follows_the_equations_to_its_precision():
    layer = make(dtype="float64")
    inputs = random_grid().astype(np.float64)
    output = layer(inputs)
    assert output.dtype == tf.float64
    assert_near(output, oracle.conv_capsules(inputs, *layer.get_weights(), 1, "valid", 3, False),
                1e-13)


def test_eager_equals_graph():
    layer = make()
    inputs = random_grid()
    assert_near(tf.function(layer)(inputs), layer(inputs), 1e-6)
    for step, expected in zip(tf.function(layer.routing_steps)(inputs),
                              layer.routing_steps(inputs), strict=True):
        assert_near(step, expected, 1e-6)


@pytest.mark.parametrize("policy, tolerance", HALF_PRECISION)
def test_half_precision_is_near_float32(policy, tolerance):
    exact, mixed = make(), make(dtype=policy)
    inputs = random_grid()
    expected = exact(inputs)
    mixed.build(inputs.shape)
    mixed.set_weights(exact.get_weights())
    received, gradients = value_and_gradients(mixed, inputs)
    assert received.dtype == mixed.compute_dtype
    assert mixed.kernel.dtype == "float32"
    assert_near(tf.cast(received, tf.float32), expected, tolerance)
    assert_finite(gradients)
    assert_finite(value_and_gradients(mixed, tf.zeros_like(inputs))[1])


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_model_of_it_survives_saving(reloaded, padding):
    symbolic = keras.Input([6, 7, 3, 4])
    layer = make(strides=2, padding=padding, iterations=2, leaky=True)
    model = keras.Model(symbolic, layer(symbolic))
    inputs = random_grid()
    randomize(layer)
    assert model.output_shape[1:] == model(inputs).shape[1:]
    np.testing.assert_array_equal(reloaded(model)(inputs), model(inputs))


def test_configuration_makes_the_same_layer():
    config = make(6, 5, 1, 2, "SAME", 2, True, name="middle").get_config()
    copy = ConvCapsules.from_config(config)
    assert copy.get_config() == config
    assert (copy.num_capsules, copy.atoms, copy.kernel_size, copy.strides,
            copy.padding) == (6, 5, 1, 2, "same")


def test_routing_may_be_a_number_of_iterations():
    inputs = random_grid()
    short, long = ConvCapsules(4, 5, 3, routing=2), make(iterations=2)
    expected = long(inputs)
    short.build(inputs.shape)
    short.set_weights(long.get_weights())
    np.testing.assert_array_equal(short(inputs), expected)


def test_a_routing_decides_the_shape_of_its_biases():
    layer = ConvCapsules(4, 5, 3, padding="same", routing=Mean(0.5))
    inputs = random_grid()
    layer.build(inputs.shape)
    randomize(layer)
    kernel, bias = layer.get_weights()
    assert bias.shape == (3,)
    # Without squashing, the layer is a convolution of the types' weighted sum.
    weighted = np.einsum("bhwia,i->bhwa", inputs, 0.5 + bias)
    expected = oracle.convolution(weighted, kernel, 1, "same").reshape(2, 6, 7, 4, 5)
    assert_near(layer(inputs), expected)


@pytest.mark.parametrize("routing", [DynamicRouting(2, gradients="last"), MaxMinRouting(2),
                                     SelfAttentionRouting()])
def test_any_routing_sees_one_position_at_a_time(routing):
    whole, window = (ConvCapsules(4, 5, 3, routing=routing) for _ in range(2))
    inputs = random_grid()
    whole.build(inputs.shape)
    randomize(whole)
    part = inputs[:, 1:4, 2:5]
    window.build(part.shape)
    window.set_weights(whole.get_weights())
    output, gradients = value_and_gradients(whole, inputs)
    assert_near(window(part), output[:, 1:2, 2:3])
    assert_finite([*gradients, *value_and_gradients(whole, tf.zeros_like(inputs))[1]])


def test_unknown_padding_is_an_error():
    with pytest.raises(ValueError, match="Expected padding 'valid' or 'same'"):
        ConvCapsules(4, 5, 3, padding="full")


def test_grids_smaller_than_an_unpadded_kernel_are_an_error():
    with pytest.raises(ValueError, match="Expected images of 3 pixels or more"):
        ConvCapsules(4, 5, 3)(tf.zeros([2, 6, 2, 3, 4]))
    assert ConvCapsules(4, 5, 3, padding="same")(tf.zeros([2, 6, 2, 3, 4])).shape == (2, 6, 2, 4, 5)


def test_types_and_atoms_are_not_confused():
    layer = make()
    layer(tf.zeros([2, 6, 7, 3, 4]))
    with pytest.raises(ValueError, match=r"expected shape=\(None, 6, 7, 3, 4\)"):
        layer(tf.zeros([2, 6, 7, 4, 3]))
