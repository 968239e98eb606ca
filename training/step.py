"""Losses, metrics and gradients of one batch."""

from typing import Any, NamedTuple

import tensorflow as tf

import capsules
from training.distribution.replicas import ONE


class StepMetrics(NamedTuple):
    """Losses and correct predictions of a batch, by example or summed.

    Attributes:
      classification: float32 [batch], the classification loss.
      reconstruction: float32 [batch], the scaled reconstruction loss; 0 without reconstructions.
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


def loss_and_metrics(hparams, batch, inferred):
    """Compares a network's answer with the targets.

    Args:
      hparams: HParams with loss_type and loss_scale.
      batch: dict with targets and target_images.
      inferred: Inferred.

    Returns:
      StepMetrics.
    """
    logits, targets = inferred.logits, batch["targets"]
    labels = tf.reduce_max(tf.one_hot(targets, logits.shape[-1]), axis=1)
    classification = _classification(hparams, labels, logits)
    if inferred.reconstructions is None:
        reconstruction = tf.zeros_like(classification)
    else:
        reconstruction = capsules.reconstruction_loss(
            batch["target_images"], inferred.reconstructions)
    return StepMetrics(classification, reconstruction,
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


def summed_metrics(metrics):
    """Returns a batch's StepMetrics, summed over its examples."""
    return StepMetrics(*(tf.reduce_sum(values) for values in metrics))


def make_train_step(network, optimizer, replicas=ONE, micro_batch=None):
    """Returns a function that trains the network on one batch.

    Losses are summed over a device's examples and divided by the size of the whole batch: the sum
    of the devices' gradients is then the gradient of the mean.

    Args:
      network: Network.
      optimizer: its optimizer.
      replicas: Replicas.
      micro_batch: most examples that a device computes at once, or None for all of its share.
        Adding the gradients of the parts up takes less memory and, but for rounding, gives the
        same update.

    Returns:
      Function of a batch from `Replicas.spread` and of the size of the whole batch. It returns
      StepMetrics from before the update, float32 scalars summed over the batch.
    """
    variables = network.trainable_variables

    def gradients(batch, global_batch):
        with tf.GradientTape() as tape:
            metrics = loss_and_metrics(network.hparams, batch, network(batch, training=True))
            loss = tf.reduce_sum(metrics.total_loss)
            if network.losses:      # of regularizers; every part of a batch adds its share
                loss += sum(network.losses) * tf.cast(tf.shape(batch["images"])[0], loss.dtype)
            loss /= global_batch
        return tape.gradient(loss, variables), summed_metrics(metrics)

    def replica_step(batch, global_batch):
        if micro_batch is None or batch["images"].shape[0] <= micro_batch:
            total, metrics = gradients(batch, global_batch)
        else:
            total, metrics = _sum_of_parts(gradients, batch, global_batch, micro_batch, variables)
        optimizer.apply(total, variables)
        return tf.stack(metrics)    # one tensor to send to other devices

    @tf.function
    def step(batch, global_batch):
        metrics = replicas.sum(replicas.run(replica_step, batch, global_batch))
        return StepMetrics(*tf.unstack(metrics))

    return step


def _sum_of_parts(gradients, batch, global_batch, micro_batch, variables):
    """Returns the gradients and the StepMetrics of a batch, summed over its parts."""
    size = batch["images"].shape[0]

    def add(start, total, metrics):
        part = {key: values[start:start + micro_batch] for key, values in batch.items()}
        more, counted = gradients(part, global_batch)
        total = [old + tf.convert_to_tensor(new) for old, new in zip(total, more)]
        return start + micro_batch, total, StepMetrics(*map(tf.add, metrics, counted))

    none = [tf.zeros(variable.shape) for variable in variables]
    nothing = StepMetrics(*[tf.constant(0.0)] * len(StepMetrics._fields))
    _, total, metrics = tf.while_loop(
        lambda start, *_: start < size, add, [tf.constant(0), none, nothing],
        parallel_iterations=1)
    return total, metrics
