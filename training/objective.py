"""What a batch is trained and judged by: losses and counts, for each example."""

from typing import Any, NamedTuple

import tensorflow as tf

import capsules


class Outcome(NamedTuple):
    """Losses and hits of a batch or, summed, of several.

    Attributes:
      classification: float32 [batch], the classification loss.
      reconstruction: float32 [batch], the scaled reconstruction loss; 0 without remakes.
      correct: float32 [batch], 1 where all targets were found, else 0.
      almost_correct: float32 [batch], 1 where at least one target was found, else 0.
    """

    classification: Any
    reconstruction: Any
    correct: Any
    almost_correct: Any

    @property
    def total_loss(self):
        """float32 [batch], what training minimizes the mean of."""
        return self.classification + self.reconstruction


def judge(hparams, batch, inferred):
    """Compares a network's answer with the truth.

    Args:
      hparams: HParams, of which loss_type and loss_scale say what is minimized.
      batch: dict with targets and target_images.
      inferred: Inferred.

    Returns:
      Outcome.
    """
    logits, targets = inferred.logits, batch["targets"]
    labels = tf.reduce_max(tf.one_hot(targets, logits.shape[-1]), axis=1)
    classification = _classification(hparams, labels, logits)
    if inferred.remakes is None:
        reconstruction = tf.zeros_like(classification)
    else:
        reconstruction = capsules.reconstruction_loss(batch["target_images"], inferred.remakes)
    return Outcome(classification, reconstruction,
                   tf.cast(capsules.correct(logits, targets), tf.float32),
                   tf.cast(capsules.almost_correct(logits, targets), tf.float32))


def _classification(hparams, labels, logits):
    """Returns the classification loss, float32 [batch]."""
    if hparams.loss_type == "softmax":
        return capsules.softmax_loss(labels, logits)
    if hparams.loss_type == "sigmoid":
        return tf.reduce_mean(capsules.sigmoid_loss(labels, logits), axis=-1)
    halved = capsules.margin_loss(labels, logits)       # [batch, num_classes]
    if hparams.loss_scale == "paper":
        return 2 * tf.reduce_sum(halved, axis=-1)       # equation 4, over all classes
    return tf.reduce_mean(halved, axis=-1)


def summed(outcome):
    """Returns the Outcome of a batch summed over its examples."""
    return Outcome(*(tf.reduce_sum(values) for values in outcome))
