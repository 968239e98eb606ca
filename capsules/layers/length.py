"""The length of capsules."""

import keras

from capsules.ops import norm


@keras.saving.register_keras_serializable(package="capsules")
class Length(keras.layers.Layer):
    """The length of each capsule: the probability that its entity is present (paper, section 2).

    As the last layer of a model, it gives the classes' scores. At length 0 its gradient is 0.

    Input: float [..., atoms].
    Output: float [...].

    >>> Length()(tf.zeros([2, 10, 16])).shape
    TensorShape([2, 10])

    Args:
      **kwargs: arguments of keras.layers.Layer.
    """

    def call(self, inputs):
        return norm(inputs)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[:-1])
