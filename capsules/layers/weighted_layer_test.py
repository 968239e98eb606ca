import keras
import numpy as np
import pytest
import tensorflow as tf

from capsules import ConvCapsules, Decoder, PrimaryCapsules, SpectralConv2D

# A function that makes the layer, and the shape of an example.
LAYERS = [(lambda **kwargs: PrimaryCapsules(2, atoms=3, kernel_size=5, **kwargs), (9, 9, 2)),
          (lambda **kwargs: ConvCapsules(2, 3, kernel_size=3, **kwargs), (4, 3, 2, 5)),
          (lambda **kwargs: SpectralConv2D(4, 5, **kwargs), (9, 9, 2)),
          (lambda **kwargs: Decoder((3, 2, 1), units=(5, 5), **kwargs), (4, 2))]
all_layers = pytest.mark.parametrize("make, example", LAYERS)


@all_layers
def test_weights_start_and_are_regularized_as_asked_also_after_loading(make, example, reloaded):
    layer = make(kernel_initializer=keras.initializers.Constant(0.25), bias_initializer="ones",
                 kernel_regularizer=keras.regularizers.L2(0.5), bias_regularizer="l1")
    model = keras.Sequential([keras.Input(example), layer])
    for weight in model.weights:
        np.testing.assert_array_equal(weight, 0.25 if weight.name == "kernel" else 1)
    numbers = {name: sum(np.size(weight) for weight in model.weights if weight.name == name)
               for name in ("kernel", "bias")}
    expected = 0.5 * 0.25**2 * numbers["kernel"] + 0.01 * numbers["bias"]
    loaded = reloaded(model)
    for found in (model, loaded):
        assert float(sum(found.losses)) == pytest.approx(expected)
    assert loaded.layers[0].get_config() == layer.get_config()
    # Not the loaded values alone: a layer from the configuration starts with them.
    fresh = type(layer).from_config(loaded.layers[0].get_config())
    fresh.build((None, *example))
    for weight, loaded_weight in zip(fresh.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(weight, loaded_weight)


@all_layers
def test_layers_start_differently_without_a_seed_and_alike_with_one(make, example):
    def kernels(**kwargs):
        layers = [make(**kwargs) for _ in range(2)]
        for layer in layers:
            layer.build((None, *example))
        return [layer.weights[0].numpy() for layer in layers]

    first, second = kernels()
    assert not np.array_equal(first, second)
    seeded = keras.initializers.TruncatedNormal(seed=3)
    np.testing.assert_array_equal(*kernels(kernel_initializer=seeded))


def test_layers_of_a_decoder_start_differently():
    decoder = Decoder((1, 1, 5), units=(5,))
    decoder.build((None, 1, 5))
    first, second = (layer.kernel for layer in decoder.dense_layers)
    assert first.shape == second.shape and not np.array_equal(first, second)


def test_functions_are_initializers_too():
    decoder = Decoder((2, 1, 1), units=(3,), bias_initializer=lambda shape, dtype:
                      tf.range(float(shape[0])))
    decoder.build((None, 2, 2))
    np.testing.assert_array_equal(decoder.dense_layers[0].bias, [0, 1, 2])
