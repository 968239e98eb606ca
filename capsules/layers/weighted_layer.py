"""What the capsule layers have in common: how their weights start and are regularized."""

import keras


def default_kernel_initializer():
    """Returns a normal distribution, truncated at two standard deviations."""
    return keras.initializers.TruncatedNormal(stddev=0.1)


def default_bias_initializer(value=0.1):
    """Returns a constant."""
    return keras.initializers.Constant(value)


class WeightedLayer(keras.layers.Layer):
    """A layer of kernels and biases, whose initializers and regularizers are arguments.

    Args:
      kernel_initializer: Keras initializer, or None for TruncatedNormal(stddev=0.1).
      bias_initializer: Keras initializer, or None for Constant(0.1), of layers that route for the
        routing's `initial_bias`.
      kernel_regularizer, bias_regularizer: Keras regularizers, or None.
      **kwargs: arguments of keras.layers.Layer.
    """

    def __init__(self, kernel_initializer=None, bias_initializer=None, kernel_regularizer=None,
                 bias_regularizer=None, **kwargs):
        super().__init__(**kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)

    def add_kernel(self, shape, **kwargs):
        """Returns a new variable named kernel; kwargs are arguments of `add_weight`."""
        return self.add_weight(
            name="kernel", shape=shape, regularizer=self.kernel_regularizer,
            initializer=self.kernel_initializer or default_kernel_initializer(), **kwargs)

    def add_bias(self, shape, default=0.1, **kwargs):
        """Returns a new variable named bias, which starts at the default without an initializer.

        The kwargs are arguments of `add_weight`.
        """
        return self.add_weight(
            name="bias", shape=shape, regularizer=self.bias_regularizer,
            initializer=self.bias_initializer or default_bias_initializer(default), **kwargs)

    def get_config(self):
        return {**super().get_config(),
                "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
                "bias_initializer": keras.initializers.serialize(self.bias_initializer),
                "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
                "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer)}
