import keras
import numpy as np
import pytest
import tensorflow as tf

import models
from benchmarks import plain
from benchmarks.contestants import random_batch
from benchmarks.networks import INFOS
from input_data.mnist import mnist_input
from models.hparams import HParams
from training.optimizer import make_optimizer
from training.step import StepMetrics, make_train_step

OVERRIDES = {"mnist": "num_prime_capsules=3",
             "multimnist": "num_prime_capsules=2,routing=2",
             "cifar10": "num_prime_capsules=3,padding=SAME,leaky=true,remake=false"}


@pytest.mark.parametrize("name", INFOS)
def test_plain_network_is_the_projects(name):
    keras.utils.set_random_seed(1)
    hparams, info = HParams().override(OVERRIDES[name]), INFOS[name]
    ours, other = models.build("capsule", hparams, info), plain.PlainNetwork(hparams, info)
    for mine, theirs in zip(other.variables, ours.variable_paths().values(), strict=True):
        mine.assign(theirs)
    batch = random_batch(info, 4)
    received, expected = other(batch), ours(batch)
    np.testing.assert_allclose(received.logits, expected.logits, rtol=1e-4)
    if hparams.remake:
        np.testing.assert_allclose(received.reconstructions, expected.reconstructions,
                                   rtol=1e-3, atol=1e-5)
    else:
        assert received.reconstructions is None

    train = make_train_step(ours, make_optimizer(ours))
    train_plainly = plain.make_step(other)
    for _ in range(2):      # the second loss sees the first update
        expected, received = train(batch, tf.constant(4.0)), train_plainly(batch)
        assert isinstance(received, StepMetrics)
        np.testing.assert_allclose(received, expected, rtol=1e-4)


def test_plain_pairs_are_records_of_multimnist(tmp_path, digits):
    images, labels = digits
    path = tmp_path / "multitrain_4shifted_mnist.tfrecords"
    plain.write_pairs(str(path), images[..., np.newaxis], labels, count=20, shift=4, pad=4)
    data = mnist_input.load(str(path), "train", num_targets=2)
    assert (data.info.height, data.info.width, data.info.num_examples) == (36, 36, 20)
    stored = data.read(np.arange(20))
    assert (stored["targets"][:, 0] != stored["targets"][:, 1]).all()
    both = stored["target_images"].astype(np.int32).sum(axis=1)
    np.testing.assert_array_equal(stored["images"], np.minimum(both, 255))
    # Shifts that the ground has room for cut nothing off.
    totals = set(images.sum(axis=(1, 2), dtype=np.int64))
    assert set(stored["target_images"].sum(axis=(2, 3, 4), dtype=np.int64).ravel()) <= totals
