"""Dynamic routing between capsules (paper, section 2, procedure 1).

Capsules i of one layer vote for capsules j of the next. The votes' weights, the coupling
coefficients c[i, j], start uniform and grow where a vote agrees with the outcome:

    c[i, :] = softmax(b[i, :])
    s[j]    = sum_i c[i, j] votes[i, j] + bias[j]
    v[j]    = squash(s[j])
    b[i, j] = b[i, j] + votes[i, j] . v[j]

Gradients flow through all iterations. `dynamic_routing` takes the votes; `products.route`
computes the same from inputs and weights, without building the votes.
"""

from typing import NamedTuple

import tensorflow as tf

from capsules.ops import leaky_softmax, squash


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


def dynamic_routing(votes, biases, iterations=3, leaky=False):
    """Routes votes to capsules.

    Args:
      votes: float [batch, in_caps, out_caps, atoms].
      biases: float [out_caps, atoms], added before each squash.
      iterations: number of routing iterations, 1 or more.
      leaky: whether a share of each input may go to no capsule (see `leaky_softmax`).

    Returns:
      float [batch, out_caps, atoms], the capsules, each shorter than 1.

    Raises:
      ValueError: if iterations is less than 1.
    """
    found = _iterate_votes(votes, biases, iterations, leaky)
    return tf.transpose(found.capsules[-1], [1, 0, 2])


def dynamic_routing_steps(votes, biases, iterations=3, leaky=False):
    """The intermediate results of `dynamic_routing`, for the same arguments: RoutingSteps."""
    return _iterate_votes(votes, biases, iterations, leaky).steps(votes.shape[1])


def _iterate_votes(votes, biases, iterations, leaky):
    def weighted_sum(couplings):
        return tf.einsum("jbi,bija->jba", couplings, votes)

    def agreement(capsules):
        return tf.einsum("bija,jba->jbi", votes, capsules)

    plain_sum = tf.transpose(tf.reduce_sum(votes, axis=1), [1, 0, 2])
    return iterate(plain_sum, weighted_sum, agreement, biases, iterations, leaky)


def iterate(plain_sum, weighted_sum, agreement, biases, iterations, leaky):
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

    Returns:
      Iterations.
    """
    if iterations < 1:
        raise ValueError(f"Expected 1 or more routing iterations. Received: {iterations}.")
    out_caps = plain_sum.shape[0]
    biases = biases[:, tf.newaxis, :]                                     # [out_caps, 1, atoms]
    softmax = leaky_softmax if leaky else tf.nn.softmax
    share = 1 / (out_caps + 1) if leaky else 1 / out_caps
    sums = [plain_sum * share + biases]
    couplings, capsules, logits = [share], [squash(sums[0])], 0
    for _ in range(iterations - 1):
        logits += agreement(capsules[-1])
        couplings.append(softmax(logits, axis=0))
        sums.append(weighted_sum(couplings[-1]) + biases)
        capsules.append(squash(sums[-1]))
    return Iterations(couplings, sums, capsules)
