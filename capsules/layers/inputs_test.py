"""What every layer does with inputs of all kinds of shapes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from capsules import ClassCapsules, ConvCapsules, Decoder, PrimaryCapsules, SpectralConv2D
from capsules.conftest import assert_finite, value_and_gradients

# A function that makes the layer, and the shape of an example.
LAYERS = [
    *((lambda algorithm=algorithm: PrimaryCapsules(2, algorithm=algorithm), (20, 21, 3))
      for algorithm in ("auto", "direct", "spectral")),
    *((lambda algorithm=algorithm: SpectralConv2D(4, 9, algorithm=algorithm), (20, 21, 3))
      for algorithm in ("auto", "direct", "spectral")),
    (lambda: PrimaryCapsules(2, flatten=False), (20, 21, 3)),
    (lambda: ConvCapsules(3, 4, kernel_size=3), (5, 6, 2, 3)),
    (lambda: ConvCapsules(3, 4, kernel_size=3, strides=2, padding="same"), (5, 6, 2, 3)),
    (lambda: ClassCapsules(3), (5, 4)),
    (lambda: ClassCapsules(3), (2, 3, 5, 4)),
    (lambda: Decoder((6, 5, 1), units=(7,)), (5, 4)),
]
all_layers = pytest.mark.parametrize("make, example", LAYERS)


@all_layers
def test_other_ranks_are_an_error(make, example):
    built = make()
    built.build((None, *example))
    for shape in ((2, *example[:-1]), (2, *example, 1)):
        with pytest.raises(ValueError, match="Expected"):
            make().build(shape)
        for layer in (make(), built):
            with pytest.raises(ValueError, match=r"[Ee]xpected .*[Rr]eceived|expected ndim"):
                layer(tf.zeros(shape))
        with pytest.raises(ValueError, match=r"[Ee]xpected"):
            keras.Sequential([make()]).build(shape)


@all_layers
def test_unknown_sizes_are_an_error(make, example):
    built = make()
    built.build((None, *example))
    for axis in range(len(example)):
        unknown = [None, *example]
        unknown[axis + 1] = None
        with pytest.raises(ValueError, match="Expected an input of shape"):
            make()(keras.Input(unknown[1:]))
        call = tf.function(built, input_signature=[tf.TensorSpec(unknown)])
        with pytest.raises(ValueError, match="Expected an input of shape"):
            call(tf.zeros([2, *example]))


@all_layers
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_batches_of_any_size_are_welcome(make, example, policy):
    keras.config.set_dtype_policy(policy)
    try:
        layer = make()
        model = keras.models.clone_model(keras.Sequential([keras.Input(example), layer]))
    finally:
        keras.config.set_dtype_policy("float32")
    call = tf.function(model, input_signature=[tf.TensorSpec([None, *example])])
    # Of no images, oneDNN's convolution returns a wrong shape, also in keras.layers.Conv2D.
    none = not isinstance(layer, SpectralConv2D) or layer.algorithm == "spectral"
    for batch in (0, 1, 3) if none else (1, 3):
        output, gradients = value_and_gradients(model, tf.ones([batch, *example]))
        assert output.shape == (batch, *model.output_shape[1:])
        assert_finite([output, *gradients])
        np.testing.assert_allclose(tf.cast(call(tf.ones([batch, *example])), tf.float32),
                                   tf.cast(output, tf.float32), rtol=1e-2, atol=1e-5)


@pytest.mark.parametrize("shape", [(2,), (2, 1, 1), (2, None)])
def test_targets_of_another_shape_are_an_error(shape):
    layer = Decoder((6, 5, 1))
    call = tf.function(lambda targets: layer(tf.zeros([2, 5, 4]), targets=targets),
                       input_signature=[tf.TensorSpec(shape, tf.int32)])
    with pytest.raises(ValueError, match=r"shape \[batch, num_targets\]"):
        call.get_concrete_function()
    with pytest.raises(ValueError, match=r"shape \[batch, num_targets\]"):
        layer(keras.Input([5, 4]), targets=keras.Input(shape[1:], dtype="int32"))
