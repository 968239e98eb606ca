"""Diagnostics of routing as scalars, for networks with class capsules."""

import tensorflow as tf

from capsules import (
    RoutingSteps,
    coupling_entropy,
    dead_capsules,
    vote_agreement,
    winner_share,
)

VOTING_IMAGES = 16      # of a batch: votes take 0.7 MB an image, and more for larger images


def tags(network):
    """Returns the names of a network's routing scalars; none without routing.

    Those of fewer iterations are the first of those of more.
    """
    return tuple(values(network, tf.zeros([0, *network.image_shape])))


def values(network, images):
    """Returns the means of `capsules.diagnostics` over images: {tag: float}.

    Args:
      network: Network.
      images: float32 [batch, height, width, depth]; the first VOTING_IMAGES tell the agreement.
    """
    if network.class_capsules is None:
        return {}
    layer, capsules = network.class_capsules, network.encode(images)
    steps = layer.routing_steps(capsules)
    voting = RoutingSteps(*(values[:, :VOTING_IMAGES] for values in steps))
    by_name = {"coupling_entropy": coupling_entropy(steps),
               "winner_share": winner_share(steps),
               "vote_agreement": vote_agreement(voting, layer.votes(capsules[:VOTING_IMAGES]))}
    found = {"routing/dead_capsules": tf.math.count_nonzero(dead_capsules(steps))}
    for iteration in range(len(steps.couplings)):
        for name, measured in by_name.items():
            found[f"routing/{name}_{iteration + 1}"] = tf.reduce_mean(measured[iteration])
    return {tag: float(value) for tag, value in found.items()}
