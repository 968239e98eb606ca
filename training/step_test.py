import keras
import numpy as np
import pytest
import tensorflow as tf

from models.hparams import HParams
from models.inferred import Inferred
from models.network import Network
from training.step import loss_and_metrics, make_train_step

CLASSES = 10
RNG = np.random.default_rng(0)
BATCH = {"targets": tf.constant(RNG.integers(CLASSES, size=(6, 1)), tf.int32),
         "target_images": tf.constant(RNG.random((6, 1, 28, 28, 1)), tf.float32)}
INFERRED = Inferred(tf.constant(RNG.random((6, CLASSES)), tf.float32),
                    reconstructions=tf.constant(RNG.random((6, 1, 28, 28, 1)), tf.float32))


def metrics_of(**hparams):
    return loss_and_metrics(HParams(**hparams), BATCH, INFERRED)


def test_the_papers_scale_is_equation_4_summed_over_the_classes():
    labels = np.eye(CLASSES)[BATCH["targets"].numpy()[:, 0]]
    lengths = INFERRED.logits.numpy().astype(np.float64)
    expected = (labels * np.maximum(0, 0.9 - lengths) ** 2
                + 0.5 * (1 - labels) * np.maximum(0, lengths - 0.1) ** 2).sum(axis=1)
    found = metrics_of(loss_scale="paper")
    np.testing.assert_allclose(found.classification, expected, rtol=1e-5)
    np.testing.assert_allclose(found.classification, 20 * metrics_of().classification, rtol=1e-5)


@pytest.mark.parametrize("scale", ["reference", "paper"])
def test_reconstruction_is_0_392_of_the_mean_square(scale):
    difference = (INFERRED.reconstructions - BATCH["target_images"]).numpy().astype(np.float64)
    np.testing.assert_allclose(metrics_of(loss_scale=scale).reconstruction,
                               0.392 * (difference**2).mean(axis=(1, 2, 3, 4)), rtol=1e-5)


@pytest.mark.parametrize("loss_type", ["sigmoid", "softmax"])
def test_cross_entropies_have_one_scale(loss_type):
    ours, papers = (metrics_of(loss_type=loss_type, loss_scale=scale).classification
                    for scale in ("reference", "paper"))
    np.testing.assert_array_equal(ours, papers)


class Regularized(Network):
    """One dense layer with a penalty, behind dropout."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.dropout = keras.layers.Dropout(1.0)
        self.dense = keras.layers.Dense(CLASSES, kernel_regularizer=keras.regularizers.L2(0.5),
                                        kernel_initializer="ones")
        self.build()

    def build(self, input_shape=None):
        self.dense.build((None, 28 * 28))

    def call(self, batch):
        flat = tf.reshape(batch["images"], [-1, 28 * 28])
        return Inferred(self.dense(self.dropout(flat)))


@pytest.mark.parametrize("micro_batch", [None, 4])
def test_dropout_and_regularizers_of_a_network_count_once(micro_batch):
    network = Regularized(HParams(learning_rate=0.1), (28, 28, 1), CLASSES)
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(network.trainable_variables)
    batch = {**BATCH, "images": tf.ones([6, 28, 28, 1])}
    make_train_step(network, optimizer, micro_batch=micro_batch)(batch, tf.constant(6.0))
    # All inputs are dropped, so the penalty's gradient, 2 * 0.5 * 1, is the kernel's only one.
    np.testing.assert_allclose(network.dense.kernel, np.full([28 * 28, CLASSES], 0.9), rtol=1e-5)
