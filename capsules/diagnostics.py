"""Diagnostics of routing: numbers that tell whether it decides, and whether capsules live.

They take the RoutingSteps of any routing. A vote's shares are its coupling coefficients'
magnitudes, scaled to sum to 1: couplings may be negative, and may sum to anything. A vote whose
couplings are all 0 has equal shares. For `ConvCapsules`, [batch, rows, columns] takes the place of
[batch] in all shapes.
"""

import math

import tensorflow as tf

from capsules.ops import norm
from capsules.routing.routing import RoutingSteps

DEAD_LENGTH = 0.01


def coupling_entropy(steps: RoutingSteps) -> tf.Tensor:
    """Returns how undecided each iteration's couplings are.

    It is the mean over the votes' shares p of their entropy relative to equal shares,
    -sum_j p[j] ln p[j] / ln out_caps. All votes count the same, however short. What leaky routing
    leaves to no capsule does not count.

    Args:
      steps: RoutingSteps.

    Returns:
      Same dtype, [iterations, batch], from 0, where each vote goes to one capsule, to 1, where
      all capsules get the same. With one out capsule, 0.
    """
    shares = _shares(steps.couplings)
    out_caps = shares.shape[-1]
    entropies = -tf.reduce_sum(tf.math.xlogy(shares, shares), axis=-1)
    return tf.reduce_mean(entropies, axis=-1) / max(math.log(out_caps), 1e-9)


def winner_share(steps: RoutingSteps) -> tf.Tensor:
    """Returns the share of the votes that each iteration gives to the winner.

    The winner of an example is its longest capsule after the last iteration.

    Args:
      steps: RoutingSteps.

    Returns:
      Same dtype, [iterations, batch], from 0 to 1; equal shares give 1 / out_caps.
    """
    shares = tf.reduce_mean(_shares(steps.couplings), axis=-2)    # [iterations, batch, out_caps]
    winners = tf.argmax(norm(steps.capsules[-1]), axis=-1)
    is_winner = tf.one_hot(winners, shares.shape[-1], dtype=shares.dtype)
    return tf.reduce_sum(shares * is_winner, axis=-1)


def vote_agreement(steps: RoutingSteps, votes: tf.Tensor) -> tf.Tensor:
    """Returns how well the votes agree on the capsules that each iteration sends them to.

    It is the mean cosine between a vote and its capsule's weighted sum of votes without bias,
    weighted by the vote's length and the coupling's magnitude. Negative couplings turn a vote
    round. That mean is

        sum_j |sum_i c[i, j] votes[i, j]| / sum_ij |c[i, j]| |votes[i, j]|

    Args:
      steps: RoutingSteps.
      votes: same dtype, [batch, in_caps, out_caps, atoms], what was routed.

    Returns:
      Same dtype, [iterations, batch], from 0, where votes cancel, to 1, where those for a capsule
      have one direction. Where all weights are 0, it is 0.
    """
    sums = tf.einsum("t...ij,...ija->t...ja", steps.couplings, votes)
    most = tf.einsum("t...ij,...ij->t...", tf.abs(steps.couplings), norm(votes))
    return tf.math.divide_no_nan(tf.reduce_sum(norm(sums), axis=-1), most)


def dead_capsules(steps: RoutingSteps, length: float = DEAD_LENGTH) -> tf.Tensor:
    """Whether each capsule is short in all examples of a batch, after the last iteration.

    A capsule is dead over several batches if it is dead in each: hence all are in an empty one.

    Args:
      steps: RoutingSteps.
      length: float, below which a capsule is short.

    Returns:
      bool [out_caps].
    """
    is_short = norm(steps.capsules[-1]) < length
    return tf.reduce_all(is_short, axis=list(range(is_short.shape.rank - 1)))


def _shares(couplings):
    """Returns the votes' shares, of the couplings' shape."""
    sizes = tf.abs(couplings)
    total = tf.reduce_sum(sizes, axis=-1, keepdims=True)
    return tf.where(total > 0, tf.math.divide_no_nan(sizes, total), 1 / couplings.shape[-1])
