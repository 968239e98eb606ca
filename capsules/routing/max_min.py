"""Max-min routing (Zhao, Kleinhans, Sandhu, Patel, Unnikrishnan 2019, arXiv:1903.09662)."""

import keras
import tensorflow as tf

from capsules.ops import max_min, squash
from capsules.routing.routing import Routing, RoutingSteps


@keras.saving.register_keras_serializable(package="capsules")
class MaxMinRouting(Routing):
    """Routing by agreement with max-min normalization in place of the softmax.

    With a softmax, coupling coefficients stay close to uniform for several iterations. Here those
    of an input capsule i range from 0, for the output capsule j of the lowest agreement, to 1, for
    that of the highest, and need not sum to 1:

        c[i, j] = (b[i, j] - min_k b[i, k]) / (max_k b[i, k] - min_k b[i, k])
        s[j]    = sum_i c[i, j] votes[i, j] + bias[j]
        v[j]    = squash(s[j])
        b[i, j] = b[i, j] + votes[i, j] . v[j]

    The paper's bounds of c are arguments p and q; these are p = 0 and q = 1. Where all b[i, :] are
    equal, c is 1 without a gradient: in the first iteration, where they are 0, as in the paper,
    and whenever there is one output capsule. Gradients flow through all iterations.

    Args:
      iterations: number of iterations, 1 or more.

    Raises:
      ValueError: for less than one iteration.
    """

    def __init__(self, iterations=3):
        if iterations < 1:
            raise ValueError(f"Expected 1 or more routing iterations. Received: {iterations}.")
        self.iterations = iterations

    def steps(self, votes, biases):
        logits = tf.zeros_like(votes[..., 0])                       # [batch, in_caps, out_caps]
        steps = []
        for _ in range(self.iterations):
            if steps:
                logits += tf.einsum("bija,bja->bij", votes, steps[-1].capsules)
            couplings = max_min(logits)
            sums = tf.einsum("bij,bija->bja", couplings, votes) + biases
            steps.append(RoutingSteps(couplings, sums, squash(sums)))
        return RoutingSteps(*map(tf.stack, zip(*steps)))

    def get_config(self):
        return {"iterations": self.iterations}
