"""What every routing algorithm has in common: the way from votes to capsules."""

import abc
from typing import NamedTuple

import tensorflow as tf


class RoutingSteps(NamedTuple):
    """Intermediate results of routing.

    Attributes:
      couplings: float [iterations, batch, in_caps, out_caps], the coupling coefficients.
      sums: float [iterations, batch, out_caps, atoms], before squashing.
      capsules: float [iterations, batch, out_caps, atoms]; the last are what routing returns.
    """

    couplings: tf.Tensor
    sums: tf.Tensor
    capsules: tf.Tensor


class Routing(abc.ABC):
    """An algorithm from the votes of one layer's capsules to the capsules of the next.

    A subclass defines `steps`, and `get_config` if it takes arguments. Decorated with
    `keras.saving.register_keras_serializable`, it is saved and loaded with the models that use
    it. It keeps no state, so layers may share one.
    """

    initial_bias = 0.1      # where a layer names no initializer

    def bias_shape(self, in_caps: int, out_caps: int, atoms: int) -> tuple[int, ...]:
        """Returns the shape of the weight `biases` that a layer keeps for this routing.

        Args:
          in_caps, out_caps: numbers of input and output capsules.
          atoms: number of components of an output capsule.

        Returns:
          tuple of int.
        """
        return out_caps, atoms

    @abc.abstractmethod
    def steps(self, votes: tf.Tensor, biases: tf.Tensor) -> RoutingSteps:
        """Routes votes, and returns what every iteration computes.

        Args:
          votes: float32 or float64 [batch, in_caps, out_caps, atoms]; the batch may be unknown.
          biases: same dtype, of `bias_shape`.

        Returns:
          RoutingSteps, of the same dtype.
        """

    def __call__(self, votes: tf.Tensor, biases: tf.Tensor) -> tf.Tensor:
        """Routes votes to capsules.

        Args:
          votes: float32 or float64 [batch, in_caps, out_caps, atoms]; the batch may be unknown.
          biases: same dtype, of `bias_shape`.

        Returns:
          Same dtype, [batch, out_caps, atoms], the capsules.
        """
        return self.steps(votes, biases).capsules[-1]

    def route(self, inputs: tf.Tensor, weights: tf.Tensor, biases: tf.Tensor) -> tf.Tensor:
        """Routes the votes `inputs[b, i] @ weights[i, :, j]` to capsules.

        Args:
          inputs: float32 or float64 [batch, in_caps, in_atoms]; the batch may be unknown.
          weights: same dtype, [in_caps, in_atoms, out_caps, atoms].
          biases: same dtype, of `bias_shape`.

        Returns:
          Same dtype, [batch, out_caps, atoms], the capsules.
        """
        return self(make_votes(inputs, weights), biases)

    def route_steps(self, inputs: tf.Tensor, weights: tf.Tensor,
                    biases: tf.Tensor) -> RoutingSteps:
        """Routes as `route` does, and returns what every iteration computes.

        Args:
          inputs: float32 or float64 [batch, in_caps, in_atoms]; the batch may be unknown.
          weights: same dtype, [in_caps, in_atoms, out_caps, atoms].
          biases: same dtype, of `bias_shape`.

        Returns:
          RoutingSteps, of the same dtype.
        """
        return self.steps(make_votes(inputs, weights), biases)

    def chosen_implementation(self, dtype: str, in_caps: int, out_caps: int, atoms: int) -> str:
        """Returns the name of what computes `route` for weights of some dtype and sizes.

        Args:
          dtype: such as "float32".
          in_caps, out_caps: numbers of input and output capsules.
          atoms: number of components of an output capsule.

        Returns:
          str. "fused" is the only implementation that XLA cannot compile.
        """
        return "votes"

    def get_config(self) -> dict:
        """Returns the arguments that make the same routing: {name: value}."""
        return {}

    @classmethod
    def from_config(cls, config):
        """Makes the routing that a configuration describes.

        Args:
          config: dict, from `get_config`.

        Returns:
          Routing.
        """
        return cls(**config)


def make_votes(inputs, weights):
    """Returns all votes (paper, equation 2), u_hat[j|i] = u[i] W[i, j].

    Args:
      inputs: float [batch, in_caps, in_atoms].
      weights: same dtype, [in_caps, in_atoms, out_caps, atoms].

    Returns:
      Same dtype, [batch, in_caps, out_caps, atoms].
    """
    return tf.einsum("bik,ikja->bija", inputs, weights)
