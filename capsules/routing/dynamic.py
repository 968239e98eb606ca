"""Dynamic routing between capsules (Sabour, Frosst, Hinton 2017)."""

import keras
import tensorflow as tf

from capsules.routing import products
from capsules.routing.implementation import choose, must_be_portable
from capsules.routing.iterations import iterate
from capsules.routing.routing import Routing


@keras.saving.register_keras_serializable(package="capsules")
class DynamicRouting(Routing):
    """Routing by agreement (paper, section 2, procedure 1).

    Capsules i of one layer vote for capsules j of the next. The votes' weights, the coupling
    coefficients c[i, j], start uniform and grow where a vote agrees with the outcome:

        c[i, :] = softmax(b[i, :])
        s[j]    = sum_i c[i, j] votes[i, j] + bias[j]
        v[j]    = squash(s[j])
        b[i, j] = b[i, j] + votes[i, j] . v[j]

    Called with votes, it is plain TensorFlow; `route` computes the same without building the
    votes, but has first derivatives only.

    Args:
      iterations: number of iterations, 1 or more.
      leaky: whether a share of each vote may go to no capsule (see `ops.leaky_softmax`).
      gradients: "all", as the paper's authors have it, or "last": coupling coefficients are
        constants, so that gradients flow through the last iteration only, as in several other
        implementations. Capsules are the same; a training step of routing takes less time.
      implementation: of `route`: "auto", "fused" or "products" (see `routing.implementation`).
        With gradients="last" it is products.

    Raises:
      ValueError: for less than one iteration, other gradients, an unknown implementation, or
        "fused" without Numba or with gradients="last".
    """

    def __init__(self, iterations: int = 3, leaky: bool = False, gradients: str = "all",
                 implementation: str = "auto"):
        if iterations < 1:
            raise ValueError(f"Expected 1 or more routing iterations. Received: {iterations}.")
        if gradients not in ("all", "last"):
            raise ValueError(f"Expected gradients 'all' or 'last'. Received: {gradients!r}.")
        if implementation != "auto":
            choose(implementation)      # or it is an error
        if implementation == "fused" and gradients == "last":
            raise ValueError("Fused routing has the gradients of all iterations. Received: "
                             "gradients='last'.")
        self.iterations = iterations
        self.leaky = leaky
        self.gradients = gradients
        self.implementation = implementation

    def steps(self, votes, biases):
        # Multiplied and added up, votes stay in their order; einsum would reorder them each time.
        def weighted_sum(couplings):
            couplings = tf.transpose(couplings, [1, 2, 0])      # [batch, in_caps, out_caps]
            sums = tf.reduce_sum(couplings[..., tf.newaxis] * votes, axis=1)
            return tf.transpose(sums, [1, 0, 2])

        def agreement(capsules):
            capsules = tf.transpose(capsules, [1, 0, 2])        # [batch, out_caps, atoms]
            agreements = tf.reduce_sum(votes * capsules[:, tf.newaxis], axis=3)
            return tf.transpose(agreements, [2, 0, 1])

        plain_sum = tf.transpose(tf.reduce_sum(votes, axis=1), [1, 0, 2])
        found = iterate(plain_sum, weighted_sum, agreement, biases, self.iterations, self.leaky,
                        self.gradients == "last")
        return found.steps(votes.shape[1])

    def route(self, inputs, weights, biases):
        in_caps, _, out_caps, atoms = weights.shape
        chosen = self.chosen_implementation(weights.dtype.name, in_caps, out_caps, atoms)
        if chosen == "fused" and not must_be_portable():
            from capsules.routing import fused  # which compiles
            return fused.route(inputs, weights, biases, self.iterations, self.leaky)
        return products.route(inputs, weights, biases, self.iterations, self.leaky,
                              self.gradients == "last")

    def route_steps(self, inputs, weights, biases):
        return products.route_steps(inputs, weights, biases, self.iterations, self.leaky,
                                    self.gradients == "last")

    def chosen_implementation(self, dtype, in_caps, out_caps, atoms):
        if self.gradients == "last":
            return "products"
        return choose(self.implementation, dtype, in_caps * out_caps * atoms)

    def get_config(self):
        return {"iterations": self.iterations, "leaky": self.leaky, "gradients": self.gradients,
                "implementation": self.implementation}
