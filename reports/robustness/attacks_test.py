import keras
import numpy as np
import pytest
import tensorflow as tf

import input_data
import models
from models.hparams import HParams
from reports import trained_network
from reports.robustness import attacks

DATA = input_data.load("mnist", None, "test")


def network(name="capsule", routing="auto", convolution="auto"):
    keras.utils.set_random_seed(0)
    return models.build(name, HParams().override("num_prime_capsules=1"), DATA.info,
                        convolution=convolution, routing=routing)


@pytest.fixture(scope="module")
def batch():
    """Eight digits, and their classes."""
    found = trained_network.examples(DATA, range(8), "--examples")
    return found["images"].numpy(), found["targets"].numpy()[:, 0]


def test_the_margin_is_above_0_where_a_wrong_class_wins():
    logits = tf.constant([[0.9, 0.2, 0.5], [0.1, 0.2, 0.5]])
    np.testing.assert_allclose(attacks.logit_margin(logits, tf.constant([0, 1])), [-0.4, 0.3])


def climb_of(net):
    compiled = attacks.margin_gradient(net)
    return lambda images, targets: [values.numpy() for values in compiled(images, targets)]


@pytest.mark.parametrize("name", ["capsule", "baseline", "cnn", "mlp", "deep", "efficient"])
def test_gradients_arrive_at_the_pixels(name, batch):
    rng, targets = np.random.default_rng(0), batch[1][:2]
    # Without a black background, where all inputs of a pool are equal and it has no derivative.
    images = 0.8 * batch[0][:2] + rng.uniform(0, 0.2, batch[0][:2].shape).astype(np.float32)
    net = network(name)
    with net.cache_kernels():
        climb = climb_of(net)
        _, gradients = climb(images, targets)
        # Finite differences: along the gradient, margins rise by its norm.
        norms = np.sqrt(np.sum(gradients**2, axis=(1, 2, 3)))
        step = 3e-4 * gradients / norms[:, None, None, None]
        change = climb(images + step, targets)[0] - climb(images - step, targets)[0]
    assert norms.min() > 0
    np.testing.assert_allclose(change / 6e-4, norms, rtol=0.05)


def test_compiled_routing_and_spectra_have_the_gradients_of_tensorflows_operations(batch):
    found, expected = (climb_of(network(routing=routing, convolution=convolution))(*batch)
                       for routing, convolution in (("fused", "spectral"),
                                                    ("products", "direct")))
    np.testing.assert_allclose(found[0], expected[0], atol=1e-6)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-4 * np.abs(expected[1]).max())


def test_fgsm_moves_along_the_signs_and_stays_in_0_to_1():
    images = np.float32([0.5, 0.5, 0.95, 0.05, 0.5]).reshape(1, 1, 5, 1)
    gradients = np.float32([3, -1e-9, 1, -1, 0]).reshape(images.shape)
    np.testing.assert_allclose(attacks.fgsm(images, gradients, 0.1).ravel(),
                               [0.6, 0.4, 1, 0, 0.5])


@pytest.mark.parametrize("name", ["capsule", "cnn"])
def test_pgd_raises_the_margin_more_than_fgsm(name, batch):
    images, net = batch[0], network(name)
    targets = np.argmax(net({"images": images}).logits, axis=1).astype(np.int32)    # as it reads
    climb = climb_of(net)
    before, gradients = climb(images, targets)
    epsilon = 0.004
    fgsm = attacks.fgsm(images, gradients, epsilon)
    pgd = attacks.pgd(climb, images, targets, epsilon, np.random.default_rng(0))
    for changed in (fgsm, pgd):
        assert np.abs(changed - images).max() <= epsilon + 1e-7
        assert changed.min() >= 0 and changed.max() <= 1 and changed.dtype == np.float32
    margins = [climb(changed, targets)[0] for changed in (fgsm, pgd)]
    assert (margins[0] > before).all()
    # Misread images are left where they are: only those that resist can be compared.
    assert ((margins[1] >= margins[0]) | (margins[1] > 0)).all()
    again = attacks.pgd(climb, images, targets, epsilon, np.random.default_rng(0))
    np.testing.assert_array_equal(pgd, again)


def test_pgd_leaves_misread_images_alone():
    asked = []

    def climb(images, targets):
        asked.append(len(images))
        return images.sum(axis=(1, 2, 3)) - 0.75 - targets, np.ones_like(images)

    images = np.full([3, 1, 1, 1], 0.5, np.float32)
    changed = attacks.pgd(climb, images, np.array([0, 0, 9], np.int32), 0.5,
                          np.random.default_rng(0))
    assert asked[0] == 3 and asked[-1] == 1 and len(asked) == attacks.PGD_STEPS
    assert (changed[:2] > 0.75).all() and (changed[:2] < 0.75 + attacks.PGD_STEP).all()
    assert changed[2] == 1
