"""Whether predictions are right: the highest logits against the targets, as sets."""

import tensorflow as tf


def correct(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Whether the classes of the highest logits are exactly the targets.

    Args:
      logits: float [batch, num_classes].
      targets: int [batch, num_targets], class ids in any order.

    Returns:
      bool [batch].
    """
    return tf.reduce_all(_found(logits, targets), axis=-1)


def almost_correct(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Whether the classes of the highest logits hold at least one of the targets.

    Args:
      logits: float [batch, num_classes].
      targets: int [batch, num_targets], class ids in any order.

    Returns:
      bool [batch].
    """
    return tf.reduce_any(_found(logits, targets), axis=-1)


def predicted(logits: tf.Tensor, num_targets: int) -> tf.Tensor:
    """Returns the classes of the highest logits, the highest first.

    Args:
      logits: float [batch, num_classes].
      num_targets: number of classes to return.

    Returns:
      int32 [batch, num_targets].
    """
    return tf.math.top_k(logits, k=num_targets).indices


def _found(logits, targets):
    """Returns bool [batch, num_targets]: is the target among the num_targets highest logits."""
    found = tf.cast(predicted(logits, targets.shape[-1]), targets.dtype)
    return tf.reduce_any(targets[:, :, tf.newaxis] == found[:, tf.newaxis, :], axis=-1)
