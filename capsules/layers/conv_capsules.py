"""Convolutional capsules: capsules of a grid, reached by routing at every position."""

import keras
import tensorflow as tf

from capsules.convolution.spectral import count_outputs
from capsules.layers.weighted_layer import WeightedLayer
from capsules.routing import get_routing
from capsules.routing.routing import Routing, RoutingSteps
from capsules.shapes import check_padding, check_sizes


@keras.saving.register_keras_serializable(package="capsules")
class ConvCapsules(WeightedLayer):
    """Capsules for which the input capsules of a window vote together, type by type.

    A convolution turns the capsules of each input type into votes, one for each output type and
    position; all input types share its kernel. At each position, routing decides how much the
    vote of each input type counts (paper, section 2; the layer is the `conv_slim_capsule` that
    its first author published).

    Input: float [batch, height, width, in_caps, in_atoms], of any size, which the first call
    decides; `PrimaryCapsules(flatten=False)` returns it.
    Output: float [batch, out_height, out_width, num_capsules, atoms], each capsule shorter than 1.

    >>> layer = ConvCapsules(num_capsules=8, atoms=16, kernel_size=3)
    >>> layer(tf.zeros([2, 6, 6, 32, 8])).shape
    TensorShape([2, 4, 4, 8, 16])

    Args:
      num_capsules: number of output capsule types.
      atoms: number of components of an output capsule.
      kernel_size: height and width of the convolution's kernel.
      strides: the convolution's step, the same for rows and columns.
      padding: "valid" or "same".
      routing: a Routing, or the number of iterations of dynamic routing.
      **kwargs: initializers and regularizers, and arguments of keras.layers.Layer (see
        `WeightedLayer`).

    Raises:
      ValueError: for another padding, inputs of another shape, or grids smaller than an unpadded
        kernel.
    """

    def __init__(self, num_capsules: int, atoms: int, kernel_size: int, strides: int = 1,
                 padding: str = "valid", routing: int | Routing = 3, **kwargs):
        super().__init__(**kwargs)
        self.num_capsules = num_capsules
        self.atoms = atoms
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = check_padding(padding)
        self.routing = get_routing(routing)

    def build(self, input_shape):
        self._output_grid(input_shape)      # or it is an error
        _, height, width, in_caps, in_atoms = input_shape
        self.input_spec = keras.layers.InputSpec(shape=(None, height, width, in_caps, in_atoms))
        # Votes are exact whatever the policy, so weights are not rounded for them.
        self.kernel = self.add_kernel(
            (self.kernel_size, self.kernel_size, in_atoms, self.num_capsules * self.atoms),
            autocast=False)
        self.bias = self.add_bias(
            self.routing.bias_shape(in_caps, self.num_capsules, self.atoms),
            default=self.routing.initial_bias, autocast=False)

    def call(self, inputs):
        capsules = self.routing(self._votes(inputs), self._exact(self.bias))
        capsules = tf.cast(capsules, self.compute_dtype)
        return tf.reshape(capsules, [-1, *self.compute_output_shape(inputs.shape)[1:]])

    def routing_steps(self, inputs: tf.Tensor) -> RoutingSteps:
        """Returns what every routing iteration computes for some inputs.

        Args:
          inputs: float [batch, height, width, in_caps, in_atoms].

        Returns:
          routing.RoutingSteps, with the axes [batch, out_height, out_width] in place of [batch],
          in float32 or, for a layer of it, float64.

        Raises:
          ValueError: for inputs of another shape.
        """
        rows, columns = self._output_grid(inputs.shape)
        steps = self.routing.steps(self._votes(inputs), self._exact(self.bias))
        return steps._make(tf.reshape(
            step, [step.shape[0], -1, rows, columns, *step.shape[2:]]) for step in steps)

    def votes(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns the votes for every position.

        Args:
          inputs: float [batch, height, width, in_caps, in_atoms].

        Returns:
          float32 or, for a layer of it, float64
          [batch, out_height, out_width, in_caps, num_capsules, atoms].

        Raises:
          ValueError: for inputs of another shape.
        """
        votes = self._votes(inputs)
        return tf.reshape(votes, [-1, *self._output_grid(inputs.shape), *votes.shape[1:]])

    def _votes(self, inputs):
        """Returns the votes, [batch * out_height * out_width, in_caps, num_capsules, atoms]."""
        _, height, width, in_caps, in_atoms = self.input_spec.shape
        inputs = tf.cast(inputs, self.compute_dtype)
        check_sizes(inputs.shape, height=height, width=width, in_caps=in_caps, in_atoms=in_atoms)
        # In three dimensions, of which the kernel sees one type at a time: no type's plane need
        # be copied before the convolution, and no vote after it.
        votes = tf.nn.conv3d(self._exact(inputs), self._exact(self.kernel)[:, :, tf.newaxis],
                             [1, self.strides, self.strides, 1, 1], self.padding.upper())
        return tf.reshape(votes, [-1, in_caps, self.num_capsules, self.atoms])

    def _exact(self, tensor):
        # Half precision is not enough for what the iterations accumulate.
        return tf.cast(tensor, keras.backend.result_type(self.compute_dtype, "float32"))

    def _output_grid(self, input_shape):
        """Returns the numbers of output rows and columns."""
        height, width, _, _ = check_sizes(input_shape, height=None, width=None, in_caps=None,
                                          in_atoms=None)
        return tuple(count_outputs(size, self.kernel_size, self.strides, self.padding)
                     for size in (height, width))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self._output_grid(input_shape), self.num_capsules, self.atoms)

    def get_config(self):
        return {**super().get_config(), "num_capsules": self.num_capsules, "atoms": self.atoms,
                "kernel_size": self.kernel_size, "strides": self.strides,
                "padding": self.padding,
                "routing": keras.saving.serialize_keras_object(self.routing)}
