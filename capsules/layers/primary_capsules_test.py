import keras
import numpy as np
import pytest
import tensorflow as tf

from capsules import PrimaryCapsules, oracle
from capsules.conftest import (
    HALF_PRECISION,
    assert_finite,
    assert_golden,
    assert_near,
    randomize,
    value_and_gradients,
)

# input shape, num_capsules, atoms, kernel_size, strides, padding, leaky
SIZES = [((2, 13, 13, 6), 4, 8, 9, 2, "valid", False), ((1, 7, 10, 3), 2, 5, 3, 2, "same", True),
         ((3, 6, 5, 1), 1, 4, 5, 1, "valid", True), ((2, 8, 9, 2), 3, 1, 4, 3, "SAME", False),
         ((2, 9, 7, 2), 5, 2, 1, 3, "VALID", True)]


def random_images(shape=(2, 13, 13, 6), seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("leaky", [False, True])
@pytest.mark.parametrize("padding", ["VALID", "SAME"])
def test_layer_agrees_with_the_reference(golden, padding, leaky):
    images = np.moveaxis(golden["conv_slim_capsule/input_nchw"][:, 0], 1, -1)
    expected = golden[f"conv_slim_capsule/output/{padding}_leaky{leaky:d}"]
    layer = PrimaryCapsules(4, atoms=8, kernel_size=9, strides=2, padding=padding, leaky=leaky)
    layer.build(images.shape)
    layer.set_weights([golden["conv_slim_capsule/kernel"],
                       golden["conv_slim_capsule/biases"].reshape(4, 8)])
    # [batch, capsules, atoms, rows, columns] -> [batch, capsules * rows * columns, atoms]
    assert_golden(layer(images), np.moveaxis(expected, 2, -1).reshape(len(images), -1, 8))


@pytest.mark.parametrize("shape, num_capsules, atoms, kernel_size, strides, padding, leaky", SIZES)
def test_layer_follows_the_equations(shape, num_capsules, atoms, kernel_size, strides, padding,
                                     leaky):
    layer = PrimaryCapsules(num_capsules, atoms, kernel_size, strides, padding, leaky)
    layer.build(shape)
    randomize(layer)
    images = random_images(shape)
    output = layer(images)
    assert output.shape == layer.compute_output_shape(shape)
    assert_near(output, oracle.primary_capsules(images, *layer.get_weights(), strides,
                                                padding.lower(), leaky))


@pytest.mark.parametrize("shape, num_capsules, atoms, kernel_size, strides, padding, leaky", SIZES)
def test_zero_has_finite_value_and_gradients(shape, num_capsules, atoms, kernel_size, strides,
                                             padding, leaky):
    layer = PrimaryCapsules(num_capsules, atoms, kernel_size, strides, padding, leaky)
    layer.build(shape)
    assert_finite(value_and_gradients(layer, tf.zeros(shape))[1])
    randomize(layer, scale=0)
    output, gradients = value_and_gradients(layer, tf.zeros(shape))
    np.testing.assert_array_equal(output, 0)
    assert_finite(gradients)


def test_new_weights_are_as_in_the_paper():
    layer = PrimaryCapsules(32)
    layer.build((None, 20, 20, 16))
    kernel, bias = layer.get_weights()
    # Truncation at two deviations leaves 0.88 of the nominal standard deviation of 0.1.
    assert kernel.shape == (9, 9, 16, 256) and 0.085 < kernel.std() < 0.09
    np.testing.assert_array_equal(bias, np.full([32, 8], 0.1, np.float32))


def test_grid_of_capsules_is_the_flat_output_in_another_order():
    flat = PrimaryCapsules(3, atoms=4, kernel_size=5, leaky=True)
    grid = PrimaryCapsules(3, atoms=4, kernel_size=5, leaky=True, flatten=False)
    images = random_images((2, 13, 11, 6))
    # [batch, types, rows, columns, atoms]
    expected = flat(images).numpy().reshape(2, 3, 5, 4, 4)
    grid.build(images.shape)
    grid.set_weights(flat.get_weights())
    assert grid.compute_output_shape(images.shape) == (2, 5, 4, 3, 4)
    np.testing.assert_array_equal(grid(images), np.moveaxis(expected, 1, 3))


def test_grid_shape_counts_types_rows_and_columns():
    assert PrimaryCapsules(32).grid_shape((None, 20, 24, 256)) == (32, 6, 8)
    assert PrimaryCapsules(2, padding="same").grid_shape((None, 7, 10, 3)) == (2, 4, 5)


def test_eager_equals_graph():
    layer = PrimaryCapsules(3, atoms=4, kernel_size=5)
    images = random_images()
    assert_near(tf.function(layer)(images), layer(images), 1e-6)


@pytest.mark.parametrize("policy, tolerance", HALF_PRECISION)
def test_half_precision_is_near_float32(policy, tolerance):
    exact = PrimaryCapsules(3, atoms=4, kernel_size=5)
    mixed = PrimaryCapsules(3, atoms=4, kernel_size=5, dtype=policy)
    images = random_images()
    expected = exact(images)
    mixed.build(images.shape)
    mixed.set_weights(exact.get_weights())
    received, gradients = value_and_gradients(mixed, images)
    assert received.dtype == mixed.compute_dtype
    assert mixed.kernel.dtype == "float32"
    assert_near(tf.cast(received, tf.float32), expected, tolerance)
    assert_finite(gradients)
    assert_finite(value_and_gradients(mixed, tf.zeros_like(images))[1])


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_model_of_it_survives_saving(reloaded, padding):
    symbolic = keras.Input([13, 13, 6])
    layer = PrimaryCapsules(3, atoms=4, kernel_size=5, strides=3, padding=padding, leaky=True)
    model = keras.Model(symbolic, layer(symbolic))
    images = random_images()
    randomize(layer)
    assert model.output_shape[1:] == model(images).shape[1:]
    np.testing.assert_array_equal(reloaded(model)(images), model(images))


def test_configuration_makes_the_same_layer():
    config = PrimaryCapsules(3, atoms=4, kernel_size=5, strides=1, padding="SAME", leaky=True,
                             flatten=False, name="primary").get_config()
    copy = PrimaryCapsules.from_config(config)
    assert copy.get_config() == config
    assert (copy.num_capsules, copy.atoms, copy.kernel_size, copy.strides, copy.padding,
            copy.leaky, copy.flatten) == (3, 4, 5, 1, "same", True, False)


def test_unknown_padding_is_an_error():
    with pytest.raises(ValueError, match="Expected padding 'valid' or 'same'"):
        PrimaryCapsules(4, padding="full")


@pytest.mark.parametrize("shape", [(None, 5, 9, 3), (None, None, 9, 3)])
def test_images_that_do_not_fit_are_an_error(shape):
    with pytest.raises(ValueError, match=r"Expected (images|an input) of"):
        PrimaryCapsules(2).build(shape)


def test_images_of_another_size_than_the_first_are_an_error():
    layer = PrimaryCapsules(2, algorithm="spectral")
    layer(tf.zeros([2, 20, 20, 1]))
    with pytest.raises(ValueError, match=r"expected shape=\(None, 20, 20, 1\)"):
        layer(tf.zeros([2, 24, 24, 1]))
