"""Class capsules: fully connected capsules, reached by routing."""

import math

import keras
import tensorflow as tf

from capsules.routing import get_routing
from capsules.routing.routing import make_votes
from capsules.shapes import check_sizes


@keras.saving.register_keras_serializable(package="capsules")
class ClassCapsules(keras.layers.Layer):
    """Capsules for which every input capsule votes through a matrix of its own.

    Routing (paper, section 2) decides how much of each vote counts. The length of an output
    capsule is the probability that its entity is present.

    Input: float [batch, in_caps, in_atoms], or [batch, rows, columns, types, in_atoms] as
    convolutional capsules give it, of any size, which the first call decides. In the kernel, the
    types of a grid are outermost, then rows, then columns.
    Output: float [batch, num_capsules, atoms], each capsule shorter than 1.

    >>> layer = ClassCapsules(num_capsules=10, atoms=16, routing=3)
    >>> layer(tf.zeros([2, 1152, 8])).shape
    TensorShape([2, 10, 16])

    Args:
      num_capsules: number of output capsules; for digits, one a class.
      atoms: number of components of an output capsule.
      routing: a Routing, or the number of iterations of dynamic routing.
      kernel_initializer: Keras initializer, or None for TruncatedNormal(stddev=0.1).
      bias_initializer: Keras initializer, or None for Constant(0.1).
      kernel_regularizer, bias_regularizer: Keras regularizers, or None.

    Raises:
      ValueError: for another routing, and inputs of another shape.
    """

    def __init__(self, num_capsules, atoms=16, routing=3, kernel_initializer=None,
                 bias_initializer=None, kernel_regularizer=None, bias_regularizer=None, **kwargs):
        super().__init__(**kwargs)
        self.num_capsules = num_capsules
        self.atoms = atoms
        self.routing = get_routing(routing)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)

    def build(self, input_shape):
        names = ["in_caps"] if len(input_shape) != 5 else ["rows", "columns", "types"]
        self._sizes = dict.fromkeys([*names, "in_atoms"])
        *grid, in_atoms = check_sizes(input_shape, **self._sizes)
        self._sizes = dict(zip(self._sizes, [*grid, in_atoms]))
        self.input_spec = keras.layers.InputSpec(shape=(None, *grid, in_atoms))
        sizes = (math.prod(grid), self.num_capsules, self.atoms)
        # Votes are exact whatever the policy, so weights are not rounded for them.
        self.kernel = self.add_weight(
            name="kernel", shape=(math.prod(grid), in_atoms, self.num_capsules * self.atoms),
            initializer=self.kernel_initializer or keras.initializers.TruncatedNormal(stddev=0.1),
            regularizer=self.kernel_regularizer, autocast=False)
        self.bias = self.add_weight(
            name="bias", shape=self.routing.bias_shape(*sizes),
            initializer=self.bias_initializer or keras.initializers.Constant(0.1),
            regularizer=self.bias_regularizer, autocast=False)
        self.chosen_implementation = self.routing.chosen_implementation(self.compute_dtype, *sizes)
        self.supports_jit = self.chosen_implementation != "fused"

    def call(self, inputs):
        capsules = self.routing.route(*self._exact(inputs))
        return tf.cast(capsules, self.compute_dtype)

    def routing_steps(self, inputs):
        """Returns what every routing iteration computes for some inputs.

        Args:
          inputs: float, of the layer's input shape.

        Returns:
          routing.RoutingSteps, in float32 or, for a layer of it, float64.

        Raises:
          ValueError: for inputs of another shape.
        """
        return self.routing.route_steps(*self._exact(inputs))

    def votes(self, inputs):
        """Returns all votes, which `call` does not build: 1152 inputs to 10 capsules take 0.7 MB.

        Args:
          inputs: float, of the layer's input shape.

        Returns:
          float32 or, for a layer of it, float64 [batch, in_caps, num_capsules, atoms].

        Raises:
          ValueError: for inputs of another shape.
        """
        inputs, weights, _ = self._exact(inputs)
        return make_votes(inputs, weights)

    def _exact(self, inputs):
        """Returns what `Routing.route` takes."""
        # Half precision is not enough for what the iterations accumulate.
        dtype = keras.backend.result_type(self.compute_dtype, "float32")
        inputs = tf.cast(inputs, self.compute_dtype)
        check_sizes(inputs.shape, **self._sizes)
        in_caps, in_atoms, _ = self.kernel.shape
        if len(inputs.shape) == 5:
            inputs = tf.transpose(inputs, [0, 3, 1, 2, 4])
            inputs = tf.reshape(inputs, [-1, in_caps, in_atoms])
        weights = tf.reshape(self.kernel, [in_caps, in_atoms, self.num_capsules, self.atoms])
        return (tf.cast(tensor, dtype) for tensor in (inputs, weights, self.bias))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_capsules, self.atoms)

    def get_config(self):
        return {**super().get_config(), "num_capsules": self.num_capsules, "atoms": self.atoms,
                "routing": keras.saving.serialize_keras_object(self.routing),
                "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
                "bias_initializer": keras.initializers.serialize(self.bias_initializer),
                "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
                "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer)}
