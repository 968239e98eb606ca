import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from capsules import (
    MarginLoss,
    margin_loss,
    oracle,
    reconstruction_loss,
    sigmoid_loss,
    softmax_loss,
)
from capsules.conftest import assert_finite, assert_golden, assert_near

LOSSES = {"margin": margin_loss, "sigmoid": sigmoid_loss, "softmax": softmax_loss}
ORACLES = {"margin": oracle.margin_loss, "sigmoid": oracle.sigmoid_loss,
           "softmax": oracle.softmax_loss}


def random_batch(seed, batch=5, num_classes=10, num_targets=2, scale=1.0):
    random = np.random.default_rng(seed)
    labels = np.zeros([batch, num_classes], np.float32)
    for row in labels:
        row[random.permutation(num_classes)[:num_targets]] = 1
    return labels, random.normal(scale=scale, size=labels.shape).astype(np.float32)


def test_margin_loss_agrees_with_the_reference(golden):
    received = margin_loss(golden["margin_loss/labels"], golden["margin_loss/raw_logits"])
    assert_golden(received, golden["margin_loss/output"])


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("num_targets", [1, 2])
def test_mean_agrees_with_the_reference(golden, num_targets, loss):
    labels, logits = (golden[f"evaluate{num_targets}/{name}"] for name in ("labels", "logits"))
    total = golden[f"evaluate{num_targets}/{loss}"][0]
    assert_golden(tf.reduce_mean(LOSSES[loss](labels, logits)), total)


@pytest.mark.parametrize("loss", LOSSES)
@given(batch=st.integers(1, 6), num_classes=st.integers(2, 12), num_targets=st.integers(1, 2),
       scale=st.sampled_from([0.1, 1.0, 10.0]), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_loss_follows_its_equation(loss, batch, num_classes, num_targets, scale, seed):
    labels, logits = random_batch(seed, batch, num_classes, num_targets, scale)
    received = LOSSES[loss](labels, logits)
    assert received.shape == ((batch,) if loss == "softmax" else (batch, num_classes))
    np.testing.assert_allclose(received, ORACLES[loss](labels, logits), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("labels, length, expected", [
    (1, 0.9, 0), (1, 1.0, 0), (1, 0.4, 0.125), (0, 0.1, 0), (0, 0.0, 0), (0, 0.5, 0.04)])
def test_margins_are_0_9_and_0_1(labels, length, expected):
    received = margin_loss(tf.constant([[float(labels)]]), tf.constant([[length]]))
    np.testing.assert_allclose(received, [[expected]], atol=1e-7)


@pytest.mark.parametrize("shape", [(3, 1, 6, 5, 1), (2, 2, 3, 4, 3)])
def test_reconstruction_loss_follows_its_equation(shape):
    images, reconstructions = np.random.default_rng(0).uniform(size=[2, *shape]).astype(np.float32)
    received = reconstruction_loss(images, reconstructions)
    assert_near(received, oracle.reconstruction_loss(images, reconstructions))
    np.testing.assert_array_equal(reconstruction_loss(images, images), np.zeros(shape[0]))


def test_images_of_one_target_need_no_axis_of_targets():
    images, others = np.random.default_rng(0).random((2, 3, 1, 6, 5, 1), np.float32)
    assert_near(reconstruction_loss(images[:, 0], others), reconstruction_loss(images, others))
    with pytest.raises(ValueError, match="Expected images"):
        reconstruction_loss(images[:, 0, 0], others)


@pytest.mark.parametrize("loss", [*LOSSES.values(), MarginLoss()])
def test_class_ids_in_place_of_labels_are_an_error(loss):
    with pytest.raises(ValueError, match=r"0 and 1, \[batch, 10\].*to_categorical.*\(5, 1\)"):
        loss(np.ones([5, 1], np.float32), np.ones([5, 10], np.float32))


def test_the_margin_losss_class_is_equation_4_and_keeps_its_margins():
    labels, lengths = np.float32([[1, 0]]), np.float32([[0.3, 0.6]])
    assert_near(MarginLoss()(labels, lengths), 0.6**2 + 0.5 * 0.5**2)
    loss = MarginLoss(margin=0.3, downweight=1)
    assert_near(loss(labels, lengths), 0.5**2 + 0.4**2)
    assert_near(MarginLoss.from_config(loss.get_config())(labels, lengths), 0.5**2 + 0.4**2)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("logit", [0.0, -1e4, 1e4])
def test_equal_logits_have_finite_value_and_gradient(loss, logit):
    labels, _ = random_batch(0)
    logits = tf.fill(labels.shape, logit)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = LOSSES[loss](labels, logits)
    assert_finite([value, tape.gradient(value, logits)])


@pytest.mark.parametrize("loss", LOSSES)
def test_eager_equals_graph(loss):
    labels, logits = random_batch(0)
    assert_near(tf.function(LOSSES[loss])(labels, logits), LOSSES[loss](labels, logits), 1e-6)


@pytest.mark.parametrize("loss", [*LOSSES.values(), reconstruction_loss])
def test_a_compiled_model_is_loaded_with_its_loss(loss, reloaded):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd", loss)
    assert reloaded(model).loss is loss
