import types

import numpy as np
import pytest
import tensorflow as tf

import models
from capsules import RoutingSteps
from input_data.dataset import DatasetInfo
from models.hparams import HParams
from training.monitoring import routing_scalars

INFO = DatasetInfo("tiny", 17, 17, 1, 4, ())


def made_network():
    """A network whose routing sends all votes to capsule 0 in its second iteration."""
    couplings = np.full([2, 20, 3, 2], 0.5, np.float32)
    couplings[1] = [1, 0]
    capsules = np.full([2, 20, 2, 1], 0.5, np.float32)
    capsules[:, :, 1] = 0.001
    # Of the images that vote, votes agree; of others they do not.
    votes = np.ones([20, 3, 2, 1], np.float32)
    votes[routing_scalars.VOTING_IMAGES:, 0] = -1
    steps = RoutingSteps(*map(tf.constant, (couplings, capsules, capsules)))
    layer = types.SimpleNamespace(routing_steps=lambda capsules: steps,
                                  votes=lambda capsules: tf.constant(votes[:len(capsules)]))
    return types.SimpleNamespace(encode=lambda images: images, class_capsules=layer)


def test_values_are_means_over_images_by_iteration():
    found = routing_scalars.values(made_network(), tf.zeros([20, 17, 17, 1]))
    assert found == pytest.approx({
        "routing/dead_capsules": 1, "routing/coupling_entropy_1": 1, "routing/winner_share_1": 0.5,
        "routing/vote_agreement_1": 1, "routing/coupling_entropy_2": 0,
        "routing/winner_share_2": 1, "routing/vote_agreement_2": 1})


@pytest.mark.parametrize("images", [3, 17])
def test_tags_are_those_of_the_values(images):
    network = models.build("capsule", HParams().override("num_prime_capsules=1,routing=2"), INFO)
    found = routing_scalars.values(network, tf.ones([images, 17, 17, 1]))
    assert routing_scalars.tags(network) == tuple(found) and len(found) == 7
    assert np.isfinite(list(found.values())).all()


def test_networks_without_routing_have_none():
    network = models.build("mlp", models.default_hparams("mlp"), INFO)
    assert routing_scalars.tags(network) == ()
    assert routing_scalars.values(network, tf.zeros([2, 17, 17, 1])) == {}
