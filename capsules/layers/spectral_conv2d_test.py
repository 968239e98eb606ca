import keras
import numpy as np
import pytest
import tensorflow as tf

from capsules import SpectralConv2D


def images(shape=(2, 12, 13, 3), seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


@pytest.mark.parametrize("strides, padding", [(1, "valid"), (2, "same"), (3, "valid")])
def test_has_the_weights_and_results_of_kerass_layer(strides, padding):
    arguments = dict(strides=strides, padding=padding, activation="relu")
    spectral, direct = SpectralConv2D(5, 4, **arguments), keras.layers.Conv2D(5, 4, **arguments)
    direct.build(images().shape)
    spectral.build(images().shape)
    spectral.set_weights(direct.get_weights())
    outputs = spectral(images())
    assert outputs.shape == spectral.compute_output_shape(images().shape)
    np.testing.assert_allclose(outputs, direct(images()), atol=1e-5)
    np.testing.assert_allclose(tf.function(spectral)(images()), outputs, atol=1e-5)


def test_comes_back_from_a_keras_file(tmp_path):
    inputs = keras.Input((12, 13, 3))
    model = keras.Model(inputs, SpectralConv2D(5, 4, strides=2)(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(images()), loaded(images()))


def test_mixed_precision_is_near():
    mixed = SpectralConv2D(5, 4, dtype="mixed_bfloat16")
    mixed.build(images().shape)
    exact = SpectralConv2D(5, 4)
    exact.build(images().shape)
    exact.set_weights(mixed.get_weights())
    outputs = mixed(images())
    assert outputs.dtype == tf.bfloat16 and mixed.kernel.dtype == "float32"
    np.testing.assert_allclose(tf.cast(outputs, tf.float32), exact(images()), atol=0.1)


def test_gradient_at_zero_is_finite():
    layer = SpectralConv2D(5, 4)
    zeros = tf.zeros([2, 8, 8, 3])
    with tf.GradientTape() as tape:
        tape.watch(zeros)
        total = tf.reduce_sum(layer(zeros))
    for gradient in tape.gradient(total, [zeros, *layer.trainable_variables]):
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("arguments", [
    dict(strides=(1, 2)), dict(dilation_rate=2), dict(groups=5), dict(algorithm="fft"),
    dict(data_format="channels_first")])
def test_what_it_cannot_do_is_an_error(arguments):
    with pytest.raises(ValueError, match=r"Expected|Received"):
        SpectralConv2D(5, 4, **arguments).build((None, 12, 10, 5))


def test_images_of_another_size_than_the_first_are_an_error():
    layer = SpectralConv2D(3, 5)
    layer(tf.zeros([2, 20, 20, 1]))
    with pytest.raises(ValueError, match=r"expected shape=\(None, 20, 20, 1\)"):
        layer(tf.zeros([2, 24, 24, 1]))
