"""Class capsules: fully connected capsules, reached by routing."""

import math

import keras
import tensorflow as tf

from capsules.layers.weighted_layer import WeightedLayer
from capsules.routing import get_routing
from capsules.routing.routing import Routing, RoutingSteps, make_votes
from capsules.shapes import check_sizes


@keras.saving.register_keras_serializable(package="capsules")
class ClassCapsules(WeightedLayer):
    """Capsules for which every input capsule votes through a matrix of its own.

    Routing (paper, section 2) decides how much of each vote counts. The length of an output
    capsule is the probability that its entity is present.

    Input: float [batch, in_caps, in_atoms], or a grid of convolutional capsules,
    [batch, rows, columns, types, in_atoms], of any size, which the first call decides. A grid is
    flattened as `PrimaryCapsules` does it: types outermost, then rows, then columns.
    Output: float [batch, num_capsules, atoms], each capsule shorter than 1.

    >>> layer = ClassCapsules(num_capsules=10, atoms=16, routing=3)
    >>> layer(tf.zeros([2, 1152, 8])).shape
    TensorShape([2, 10, 16])

    Args:
      num_capsules: number of output capsules; for digits, one a class.
      atoms: number of components of an output capsule.
      routing: a Routing, or the number of iterations of dynamic routing.
      **kwargs: initializers and regularizers, and arguments of keras.layers.Layer (see
        `WeightedLayer`).

    Raises:
      ValueError: for another routing, and inputs of another shape.
    """

    def __init__(self, num_capsules: int, atoms: int = 16, routing: int | Routing = 3, **kwargs):
        super().__init__(**kwargs)
        self.num_capsules = num_capsules
        self.atoms = atoms
        self.routing = get_routing(routing)

    def build(self, input_shape):
        axes = ("rows", "columns", "types") if len(input_shape) == 5 else ("in_caps",)
        *grid, in_atoms = check_sizes(input_shape, **dict.fromkeys((*axes, "in_atoms")))
        self._input_sizes = dict(zip(axes, grid), in_atoms=in_atoms)
        self.input_spec = keras.layers.InputSpec(shape=(None, *grid, in_atoms))
        in_caps = math.prod(grid)
        sizes = (in_caps, self.num_capsules, self.atoms)
        # Votes are exact whatever the policy, so weights are not rounded for them.
        self.kernel = self.add_kernel(
            (in_caps, in_atoms, self.num_capsules * self.atoms), autocast=False)
        self.bias = self.add_bias(self.routing.bias_shape(*sizes),
                                  default=self.routing.initial_bias, autocast=False)
        self.chosen_implementation = self.routing.chosen_implementation(self.compute_dtype, *sizes)
        self.supports_jit = self.chosen_implementation != "fused"

    def call(self, inputs):
        capsules = self.routing.route(*self._exact(inputs))
        return tf.cast(capsules, self.compute_dtype)

    def routing_steps(self, inputs: tf.Tensor) -> RoutingSteps:
        """Returns what every routing iteration computes for some inputs.

        Args:
          inputs: float, of the layer's input shape.

        Returns:
          routing.RoutingSteps, in float32 or, for a layer of it, float64.

        Raises:
          ValueError: for inputs of another shape.
        """
        return self.routing.route_steps(*self._exact(inputs))

    def votes(self, inputs: tf.Tensor) -> tf.Tensor:
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
        check_sizes(inputs.shape, **self._input_sizes)
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
                "routing": keras.saving.serialize_keras_object(self.routing)}
