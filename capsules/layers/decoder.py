"""The decoder: reconstructs the input from one class capsule."""

import math

import keras
import tensorflow as tf

from capsules.layers.weighted_layer import (
    WeightedLayer,
    default_bias_initializer,
    default_kernel_initializer,
)
from capsules.ops import norm
from capsules.shapes import check_sizes


@keras.saving.register_keras_serializable(package="capsules")
class Decoder(WeightedLayer):
    """Dense layers from a single class capsule, the others masked, to pixels (paper, 4.1).

    The same weights reconstruct each target from its own capsule. Without targets the longest
    capsules take their place, so that the decoder also works where labels are unknown.

    Input: capsules, float [batch, num_capsules, atoms], and targets, int [batch, num_targets]
    or None. Output: float [batch, num_targets, height, width, depth] in [0, 1].

    >>> decoder = Decoder(image_shape=(28, 28, 1))
    >>> decoder(tf.zeros([2, 10, 16]), targets=tf.constant([[3], [5]])).shape
    TensorShape([2, 1, 28, 28, 1])

    Args:
      image_shape: height, width and depth of the reconstruction.
      num_targets: number of longest capsules to reconstruct when targets are not given.
      units: sizes of the hidden layers.
      **kwargs: initializers and regularizers of the dense layers, and arguments of
        keras.layers.Layer (see `WeightedLayer`).

    Raises:
      ValueError: for capsules or targets of another shape.
    """

    def __init__(self, image_shape: tuple[int, ...], num_targets: int = 1,
                 units: tuple[int, ...] = (512, 1024), **kwargs):
        super().__init__(**kwargs)
        self.image_shape = tuple(image_shape)
        self.num_targets = num_targets
        self.units = tuple(units)
        sizes = (*self.units, math.prod(self.image_shape))
        activations = ["relu"] * len(self.units) + ["sigmoid"]
        self.dense_layers = [
            keras.layers.Dense(
                size, activation=activation, name=f"recons_{number}", dtype=self.dtype_policy,
                kernel_initializer=_copy(self.kernel_initializer) or default_kernel_initializer(),
                bias_initializer=_copy(self.bias_initializer) or default_bias_initializer(),
                kernel_regularizer=self.kernel_regularizer,
                bias_regularizer=self.bias_regularizer)
            for number, (size, activation) in enumerate(zip(sizes, activations), 1)]

    def build(self, input_shape):
        num_capsules, atoms = check_sizes(input_shape, num_capsules=None, atoms=None)
        self.input_spec = keras.layers.InputSpec(shape=(None, num_capsules, atoms))
        width = num_capsules * atoms
        for layer in self.dense_layers:
            layer.build((None, width))
            width = layer.units

    def call(self, capsules, targets=None):
        num_capsules, atoms = check_sizes(capsules.shape, num_capsules=None, atoms=None)
        if targets is None:
            targets = tf.math.top_k(norm(capsules), k=self.num_targets).indices
        num_targets, = check_sizes(targets.shape, num_targets=None)
        mask = tf.one_hot(targets, num_capsules, dtype=capsules.dtype)
        masked = capsules[:, tf.newaxis] * mask[..., tf.newaxis]
        pixels = tf.reshape(masked, [-1, num_capsules * atoms])   # [batch * num_targets, width]
        for layer in self.dense_layers:
            pixels = layer(pixels)
        height, width, depth = self.image_shape
        images = tf.reshape(pixels, [-1, num_targets, depth, height, width])
        return tf.transpose(images, [0, 1, 3, 4, 2])

    def compute_output_shape(self, capsules_shape, targets_shape=None):
        num_targets = self.num_targets
        if targets_shape is not None:
            num_targets, = check_sizes(targets_shape, num_targets=None)
        return (capsules_shape[0], num_targets, *self.image_shape)

    def get_config(self):
        return {**super().get_config(), "image_shape": self.image_shape,
                "num_targets": self.num_targets, "units": self.units}


def _copy(initializer):
    """Returns the same initializer, but with another seed, unless it was given one."""
    return initializer.clone() if isinstance(initializer, keras.Initializer) else initializer
