"""The iterations of dynamic routing (paper, section 2, procedure 1), for votes of any form."""

from typing import NamedTuple

import tensorflow as tf

from capsules.ops import leaky_softmax, squash
from capsules.routing.routing import RoutingSteps


class Iterations(NamedTuple):
    """Intermediate results of `iterate`: a list entry for each iteration, out capsules first.

    Attributes:
      couplings: coupling coefficients [out_caps, batch, in_caps]; the first are one number.
      sums: [out_caps, batch, atoms], before squashing.
      capsules: [out_caps, batch, atoms].
    """

    couplings: list
    sums: list
    capsules: list

    def steps(self, in_caps):
        """Returns the same as RoutingSteps, examples first."""
        out_caps, batch, _ = tf.unstack(tf.shape(self.sums[0]))
        first = tf.fill([out_caps, batch, in_caps], tf.cast(self.couplings[0], self.sums[0].dtype))
        return RoutingSteps(tf.transpose(tf.stack([first, *self.couplings[1:]]), [0, 2, 3, 1]),
                            tf.transpose(tf.stack(self.sums), [0, 2, 1, 3]),
                            tf.transpose(tf.stack(self.capsules), [0, 2, 1, 3]))


def iterate(plain_sum, weighted_sum, agreement, biases, iterations, leaky, last_only):
    """Procedure 1, for votes of any form.

    Args:
      plain_sum: [out_caps, batch, atoms], the sum of the votes: the first coefficients are
        uniform, so they need no softmax.
      weighted_sum: function of coupling coefficients [out_caps, batch, in_caps] that returns
        [out_caps, batch, atoms].
      agreement: function of capsules [out_caps, batch, atoms] that returns
        [out_caps, batch, in_caps].
      biases: [out_caps, atoms].
      iterations: int.
      leaky: bool.
      last_only: bool, whether coupling coefficients are constants, without gradients.

    Returns:
      Iterations.
    """
    out_caps = plain_sum.shape[0]
    biases = biases[:, tf.newaxis, :]                                     # [out_caps, 1, atoms]
    softmax = leaky_softmax if leaky else tf.nn.softmax
    share = 1 / (out_caps + 1) if leaky else 1 / out_caps
    sums = [plain_sum * share + biases]
    couplings, capsules, logits = [share], [squash(sums[0])], 0
    for _ in range(iterations - 1):
        logits += agreement(capsules[-1])
        coupling = softmax(logits, axis=0)
        couplings.append(tf.stop_gradient(coupling) if last_only else coupling)
        sums.append(weighted_sum(couplings[-1]) + biases)
        capsules.append(squash(sums[-1]))
    return Iterations(couplings, sums, capsules)
