"""Labels in the forms that Keras' users have them."""

import tensorflow as tf


def multi_hot_and_ids(labels, num_classes: int,
                      num_targets: int = 1) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns labels as what the losses and the decoder take.

    Args:
      labels: class ids, [batch] or [batch, 1] where images have one target, else int
        [batch, num_targets]; or one-hot or multi-hot labels, float or bool [batch, num_classes].
      num_classes: number of classes.
      num_targets: number of targets of an image.

    Returns:
      float32 [batch, num_classes], 1 for each class that is present, and int32
      [batch, num_targets], the ids of these classes.

    Raises:
      ValueError: for labels of another form, or of a form that could be either.
      tf.errors.InvalidArgumentError: for ids that are no class.
    """
    labels = tf.convert_to_tensor(labels)
    size = labels.shape[1:].as_list() if labels.shape.rank in (1, 2) else None
    whole = labels.dtype.is_integer
    are_ids = (whole or (labels.dtype.is_floating and num_targets == 1)) and (
        size == [num_targets] or (size == [] and num_targets == 1))
    are_hot = not whole and size == [num_classes]
    if are_ids == are_hot:
        one = "[batch] or [batch, 1]" if num_targets == 1 else f"[batch, {num_targets}]"
        raise ValueError(
            f"Expected labels of class ids, int {one}, or of 0 and 1 for each class, float or "
            f"bool [batch, {num_classes}]. Received: {labels.dtype.name} {labels.shape}.")
    if are_hot:
        hot = tf.cast(labels, tf.float32)
        return hot, tf.math.top_k(hot, k=num_targets).indices
    ids = tf.reshape(tf.cast(labels, tf.int32), [-1, num_targets])
    inside = tf.reduce_all((ids >= 0) & (ids < num_classes))
    check = tf.debugging.Assert(
        inside, [f"Expected class ids from 0 to {num_classes - 1}. Received:", ids])
    with tf.control_dependencies([check] if check is not None else []):
        return tf.reduce_max(tf.one_hot(ids, num_classes), axis=1), tf.identity(ids)
