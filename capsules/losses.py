"""Losses of capsule networks: functions, for each example of a batch, and Keras' Loss classes."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="capsules")
def margin_loss(labels: tf.Tensor, logits: tf.Tensor, margin: float = 0.4,
                downweight: float = 0.5) -> tf.Tensor:
    """Margin loss for the presence of each class (paper, equation 4, times 0.5).

        0.5 y max(0, 0.9 - p)^2 + 0.25 (1 - y) max(0, p - 0.1)^2

    That is the scale of the paper's first author. For `compile`, take `MarginLoss`: Keras would
    average this one over the classes.

    Args:
      labels: float [batch, num_classes], 1 for each class that is present, else 0.
      logits: float [batch, num_classes], the lengths of the class capsules.
      margin: distance of both margins from a length of 0.5.
      downweight: weight of the classes that are absent.

    Returns:
      float [batch, num_classes].

    Raises:
      ValueError: for labels of another shape, such as class ids.
    """
    _check_labels(labels, logits)
    present = tf.square(tf.nn.relu(0.5 + margin - logits))
    absent = tf.square(tf.nn.relu(logits - (0.5 - margin)))
    return 0.5 * labels * present + 0.5 * downweight * (1 - labels) * absent


@keras.saving.register_keras_serializable(package="capsules")
def sigmoid_loss(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Cross entropy of each class by itself, with labels of 0.5 for the classes present.

    Args:
      labels: float [batch, num_classes], 1 for each class that is present, else 0.
      logits: float [batch, num_classes].

    Returns:
      float [batch, num_classes].

    Raises:
      ValueError: for labels of another shape, such as class ids.
    """
    _check_labels(labels, logits)
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=labels / 2, logits=logits)


@keras.saving.register_keras_serializable(package="capsules")
def softmax_loss(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Cross entropy over all classes, summed over the targets.

    Args:
      labels: float [batch, num_classes], 1 for each class that is present, else 0.
      logits: float [batch, num_classes].

    Returns:
      float [batch].

    Raises:
      ValueError: for labels of another shape, such as class ids.
    """
    _check_labels(labels, logits)
    return -tf.reduce_sum(labels * tf.nn.log_softmax(logits), axis=-1)


@keras.saving.register_keras_serializable(package="capsules")
def reconstruction_loss(images: tf.Tensor, reconstructions: tf.Tensor,
                        scale: float = 0.0005) -> tf.Tensor:
    """Scaled sum of squared pixel differences, summed over the targets (paper, section 4.1).

    Args:
      images: float [batch, num_targets, height, width, depth], what each target looks like, or
        [batch, height, width, depth], the same for all targets.
      reconstructions: float [batch, num_targets, height, width, depth], from the decoder.
      scale: keeps the reconstruction from dominating the margin loss.

    Returns:
      float [batch].

    Raises:
      ValueError: for images of another rank.
    """
    images = tf.convert_to_tensor(images)
    if images.shape.rank == 4:
        images = images[:, tf.newaxis]
    if images.shape.rank != 5:
        raise ValueError("Expected images [batch, num_targets, height, width, depth] or [batch, "
                         f"height, width, depth]. Received: shape={images.shape}.")
    return scale * tf.reduce_sum(tf.square(reconstructions - images), axis=[1, 2, 3, 4])


def _check_labels(labels, logits):
    """Raises ValueError for labels that would be spread over the classes, such as class ids."""
    if labels.shape[-1] != logits.shape[-1]:
        raise ValueError(
            f"Expected labels of 0 and 1, [batch, {logits.shape[-1]}]; keras.utils.to_categorical "
            f"makes them of class ids. Received: shape={tuple(labels.shape)}.")


@keras.saving.register_keras_serializable(package="capsules")
class MarginLoss(keras.losses.Loss):
    """The margin loss as the paper has it (equation 4), summed over the classes.

    For `compile(loss=MarginLoss())`; twice the sum of `margin_loss`. Labels are 0 and 1, float
    [batch, num_classes], predictions the lengths of the class capsules.

    Args:
      margin: distance of both margins from a length of 0.5.
      downweight: weight of the classes that are absent.
      name: str, of the loss.
      **kwargs: `reduction` and `dtype` of keras.losses.Loss.
    """

    def __init__(self, margin: float = 0.4, downweight: float = 0.5, name: str = "margin_loss",
                 **kwargs):
        super().__init__(name=name, **kwargs)
        self.margin = margin
        self.downweight = downweight

    def call(self, y_true, y_pred):
        return 2 * tf.reduce_sum(margin_loss(y_true, y_pred, self.margin, self.downweight), axis=-1)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin, "downweight": self.downweight}


@keras.saving.register_keras_serializable(package="capsules")
class ReconstructionLoss(keras.losses.Loss):
    """`reconstruction_loss` of images and the decoder's reconstructions.

    Args:
      scale: keeps the reconstruction from dominating the margin loss.
      name: str, of the loss.
      **kwargs: `reduction` and `dtype` of keras.losses.Loss.
    """

    def __init__(self, scale: float = 0.0005, name: str = "reconstruction_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.scale = scale

    def call(self, y_true, y_pred):
        return reconstruction_loss(y_true, y_pred, self.scale)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}
