"""Attacks that know the network: FGSM and PGD, within a distance of each pixel.

Both climb the logit margin: the highest logit of a wrong class minus that of the true one, the
loss of Carlini and Wagner (2017, arXiv:1608.04644). The losses of the trainings would not compare
networks fairly: the margin loss of capsules is exactly 0 for a digit that is classified well, as
is its gradient, so that an attack could not start. The margin's gradient is never 0 for that
reason, and it means the same for every network.
"""

import numpy as np
import tensorflow as tf

PGD_STEPS = 10      # 20 and 40 mislead the shipped network at most 0.5 points more often
PGD_STEP = 2.5 / PGD_STEPS      # of epsilon: the way to the edge and back fits in all steps


def logit_margin(logits, targets):
    """Returns float32 [batch], above 0 where a wrong class wins.

    Args:
      logits: float32 [batch, classes].
      targets: int32 [batch].
    """
    true = tf.one_hot(targets, logits.shape[1], on_value=True, off_value=False)
    wrong = tf.reduce_max(tf.where(true, -np.inf, logits), axis=1)
    return wrong - tf.gather(logits, targets, batch_dims=1)


def margin_gradient(network):
    """Returns a compiled function of images and targets.

    It returns the logit margins, float32 [batch], and their gradients by the images, like images.
    """
    @tf.function(input_signature=[tf.TensorSpec([None, *network.image_shape]),
                                  tf.TensorSpec([None], tf.int32)])
    def climb(images, targets):
        # Weights are not watched: their gradients would take most of the time.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            margins = logit_margin(network({"images": images}).logits, targets)
        return margins, tape.gradient(margins, images)

    return climb


def fgsm(images, gradients, epsilon):
    """Moves each pixel by epsilon along its gradient's sign, within [0, 1].

    The fast gradient sign method (Goodfellow et al. 2015, arXiv:1412.6572).

    Args:
      images, gradients: float32 [batch, height, width, depth].
      epsilon: float, the most that a pixel changes.
    """
    return np.clip(images + np.float32(epsilon) * np.sign(gradients), 0, 1)


def pgd(climb, images, targets, epsilon, rng):
    """Makes steps along the gradients' signs, within epsilon of each pixel and within [0, 1].

    Projected gradient descent (Madry et al. 2018, arXiv:1706.06083): from a random start within
    epsilon, PGD_STEPS steps of PGD_STEP * epsilon. An image that the network misreads is left as
    it is, which saves time and is the stronger attack.

    Args:
      climb: function of images and targets that returns margins and gradients, NumPy arrays.
      images: float32 [batch, height, width, depth].
      targets: int32 [batch].
      epsilon: float, the most that a pixel changes.
      rng: NumPy Generator.
    """
    epsilon = np.float32(epsilon)
    low, high = np.maximum(images - epsilon, 0), np.minimum(images + epsilon, 1)
    start = epsilon * rng.uniform(-1, 1, images.shape).astype(np.float32)
    changed, left = np.clip(images + start, low, high), np.arange(len(images))
    for _ in range(PGD_STEPS):
        margins, gradients = climb(changed[left], targets[left])
        resists = margins <= 0
        left = left[resists]
        if not left.size:
            break
        moved = changed[left] + PGD_STEP * epsilon * np.sign(gradients[resists])
        changed[left] = np.clip(moved, low[left], high[left])
    return changed
