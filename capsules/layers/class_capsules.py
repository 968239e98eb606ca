"""Class capsules: fully connected capsules, reached by dynamic routing."""

import keras
import tensorflow as tf

from capsules.routing import products
from capsules.routing.implementation import choose, must_be_portable
from capsules.shapes import check_sizes


@keras.saving.register_keras_serializable(package="capsules")
class ClassCapsules(keras.layers.Layer):
    """Capsules for which every input capsule votes through a matrix of its own.

    Dynamic routing (paper, section 2) decides how much of each vote counts. The length of an
    output capsule is the probability that its entity is present.

    Input: float [batch, in_caps, in_atoms], of any size, which the first call decides.
    Output: float [batch, num_capsules, atoms], each capsule shorter than 1.

    >>> layer = ClassCapsules(num_capsules=10, atoms=16, routing=3)
    >>> layer(tf.zeros([2, 1152, 8])).shape
    TensorShape([2, 10, 16])

    Args:
      num_capsules: number of output capsules; for digits, one a class.
      atoms: number of components of an output capsule.
      routing: number of routing iterations.
      leaky: whether a share of each vote may go to no capsule.
      implementation: "auto", "fused" or "products" (see `routing.implementation`).

    Raises:
      ValueError: for less than one iteration, inputs of another shape, an unknown implementation,
        or "fused" without Numba.
    """

    def __init__(self, num_capsules, atoms=16, routing=3, leaky=False, implementation="auto",
                 **kwargs):
        super().__init__(**kwargs)
        if routing < 1:
            raise ValueError(f"Expected 1 or more routing iterations. Received: {routing}.")
        self.num_capsules = num_capsules
        self.atoms = atoms
        self.routing = routing
        self.leaky = leaky
        self.implementation = implementation

    def build(self, input_shape):
        in_caps, in_atoms = check_sizes(input_shape, in_caps=None, in_atoms=None)
        self.input_spec = keras.layers.InputSpec(shape=(None, in_caps, in_atoms))
        # Votes are exact whatever the policy, so weights are not rounded for them.
        self.kernel = self.add_weight(
            name="kernel", shape=(in_caps, in_atoms, self.num_capsules * self.atoms),
            initializer=keras.initializers.TruncatedNormal(stddev=0.1), autocast=False)
        self.bias = self.add_weight(
            name="bias", shape=(self.num_capsules, self.atoms),
            initializer=keras.initializers.Constant(0.1), autocast=False)
        self.chosen_implementation = choose(self.implementation, self.compute_dtype,
                                            in_caps * self.num_capsules * self.atoms)
        self.supports_jit = self.chosen_implementation == "products"

    def call(self, inputs):
        route = products.route
        if self.chosen_implementation == "fused" and not must_be_portable():
            from capsules.routing.fused import route  # which compiles
        capsules = route(*self._exact(inputs), self.routing, self.leaky)
        return tf.cast(capsules, self.compute_dtype)

    def routing_steps(self, inputs):
        """Returns what every routing iteration computes for some inputs.

        Args:
          inputs: float [batch, in_caps, in_atoms].

        Returns:
          routing.RoutingSteps, in float32 or, for a layer of it, float64.

        Raises:
          ValueError: for inputs of another shape.
        """
        return products.route_steps(*self._exact(inputs), self.routing, self.leaky)

    def _exact(self, inputs):
        # Half precision is not enough for what the iterations accumulate.
        dtype = keras.backend.result_type(self.compute_dtype, "float32")
        inputs = tf.cast(inputs, self.compute_dtype)
        in_caps, in_atoms, _ = self.kernel.shape
        check_sizes(inputs.shape, in_caps=in_caps, in_atoms=in_atoms)
        return (tf.cast(tensor, dtype) for tensor in (inputs, self.kernel, self.bias))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_capsules, self.atoms)

    def get_config(self):
        return {**super().get_config(), "num_capsules": self.num_capsules, "atoms": self.atoms,
                "routing": self.routing, "leaky": self.leaky,
                "implementation": self.implementation}
