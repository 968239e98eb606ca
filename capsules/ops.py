"""The elementary functions of capsules: length, squashing, normalizations of logits."""

import keras
import tensorflow as tf


def norm(vectors: tf.Tensor, axis: int = -1, keepdims: bool = False) -> tf.Tensor:
    """Returns the Euclidean length of vectors, with a gradient of 0 (not NaN) at length 0.

    Args:
      vectors: floating point tensor of any shape.
      axis: the axis that holds a vector's components.
      keepdims: whether the axis stays, with size 1.

    Returns:
      Tensor of `vectors`' dtype, without `axis` unless `keepdims`.
    """
    squared = tf.reduce_sum(tf.square(vectors), axis=axis, keepdims=keepdims)
    nonzero = squared > 0
    # The inner `where` keeps the square root's infinite slope at 0 out of the gradient.
    return tf.where(nonzero, tf.sqrt(tf.where(nonzero, squared, 1)), 0)


@keras.saving.register_keras_serializable(package="capsules")
def squash(vectors: tf.Tensor, axis: int = -1) -> tf.Tensor:
    """Shrinks vectors to a length below 1 and keeps their direction (paper, equation 1).

        v = s / |s| * |s|^2 / (1 + |s|^2)

    Value and gradient are 0 at s = 0. Half precision is computed in float32.

    Args:
      vectors: floating point tensor of any shape.
      axis: the axis that holds a vector's components.

    Returns:
      Tensor of `vectors`' shape and dtype.
    """
    return _scaled(vectors, axis, lambda length: length / (1 + tf.square(length)))


@keras.saving.register_keras_serializable(package="capsules")
def exponential_squash(vectors: tf.Tensor, axis: int = -1) -> tf.Tensor:
    """Shrinks vectors to a length below 1 and keeps their direction, and the shortest as they are.

        v = (1 - exp(-|s|)) s / |s|

    At s = 0 the value is 0 and the derivative 1 (Mazzia, Salvetti, Chiaberge 2021). Half precision
    is computed in float32.

    Args:
      vectors: floating point tensor of any shape.
      axis: the axis that holds a vector's components.

    Returns:
      Tensor of `vectors`' shape and dtype.
    """
    def scale(length):
        nonzero = length != 0
        return tf.where(nonzero, -tf.math.expm1(-length) / tf.where(nonzero, length, 1), 1)

    return _scaled(vectors, axis, scale)


def _scaled(vectors, axis, scale):
    """Multiplies vectors by a function of their lengths, at least in float32."""
    vectors = tf.convert_to_tensor(vectors)
    dtype = vectors.dtype
    if dtype.size < 4:
        vectors = tf.cast(vectors, tf.float32)
    return tf.cast(vectors * scale(norm(vectors, axis, keepdims=True)), dtype)


@keras.saving.register_keras_serializable(package="capsules")
def leaky_softmax(logits: tf.Tensor, axis: int = -1) -> tf.Tensor:
    """Returns a softmax in which one more logit, always 0, takes a share that is dropped.

    An input that agrees with no capsule can so be routed to none of them.

    Args:
      logits: floating point tensor of any shape.
      axis: the axis of the alternatives.

    Returns:
      Tensor of `logits`' shape and dtype; sums over `axis` are below 1.
    """
    logits = tf.convert_to_tensor(logits)
    top = tf.stop_gradient(tf.maximum(tf.reduce_max(logits, axis=axis, keepdims=True), 0))
    shares = tf.exp(logits - top)
    return shares / (tf.reduce_sum(shares, axis=axis, keepdims=True) + tf.exp(-top))


@keras.saving.register_keras_serializable(package="capsules")
def max_min(logits: tf.Tensor, axis: int = -1) -> tf.Tensor:
    """Returns logits shifted and scaled so that the lowest is 0 and the highest 1.

    Where all are equal, they become 1, with a gradient of 0 (not NaN).

    Args:
      logits: float32 or float64 tensor of any shape.
      axis: the axis of the alternatives.

    Returns:
      Tensor of `logits`' shape and dtype.
    """
    logits = tf.convert_to_tensor(logits)
    lowest = tf.reduce_min(logits, axis=axis, keepdims=True)
    spread = tf.reduce_max(logits, axis=axis, keepdims=True) - lowest
    differ = spread != 0
    return tf.where(differ, (logits - lowest) / tf.where(differ, spread, 1), 1)
