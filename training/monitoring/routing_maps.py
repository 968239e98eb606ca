"""Maps of how routing divides the votes among the classes."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from capsules import norm

OUTLIERS = 1            # percent of the differences, which are beyond a picture's scale
MOST_RED, MOST_BLUE = np.array([0.70, 0.09, 0.17]), np.array([0.13, 0.40, 0.67])


class RoutingMaps(NamedTuple):
    """Coupling coefficients for some images, arranged by the voting capsules' positions.

    In the capsule network, the primary capsules vote for the classes.

    Attributes:
      couplings: float32 [iterations, batch, num_classes, types, rows, columns], the coupling
        coefficients of the voting capsules.
      lengths: float32 [iterations, batch, num_classes], of the class capsules.
      voter_lengths: float32 [batch, types, rows, columns], of the voting capsules.
    """

    couplings: np.ndarray
    lengths: np.ndarray
    voter_lengths: np.ndarray

    @property
    def even_share(self):
        """The mean share of a class in the first iteration, where most routings divide evenly."""
        return float(self.couplings[0].mean())

    def shares(self):
        """Returns the share of each position that goes to each class.

        It is the mean of the coupling coefficients over the types of voting capsules, weighted
        by the capsules' lengths.

        Returns:
          float32 [iterations, batch, num_classes, rows, columns].
        """
        weights = self.voter_lengths[:, np.newaxis]       # [batch, 1, types, rows, columns]
        return ((self.couplings * weights).sum(axis=3)
                / np.maximum(weights.sum(axis=2), np.finfo(np.float32).tiny))


def routing_maps(network, images):
    """Returns the RoutingMaps of images.

    Args:
      network: CapsuleModel.
      images: float32 [batch, height, width, depth].
    """
    capsules = tf.cast(network.encode(images), tf.float32)
    lengths = tf.transpose(norm(capsules), [0, 3, 1, 2])            # types before rows and columns
    steps = network.class_capsules.routing_steps(capsules)
    couplings = np.moveaxis(steps.couplings.numpy(), -1, 2)
    return RoutingMaps(couplings.reshape(*couplings.shape[:3], *lengths.shape[1:]),
                       norm(steps.capsules).numpy(), lengths.numpy())


def scale(values, even):
    """Returns the difference from the even share that gets a picture's strongest colour.

    A single capsule that votes for one class alone would pale all others; it is beyond the scale.

    Args:
      values: float array of shares or coupling coefficients, after the last iteration.
      even: float, the even share.

    Returns:
      float, above 0.
    """
    return max(np.percentile(np.abs(values - even), 100 - OUTLIERS), 1e-6)


def pictures(images, maps):
    """Draws each image beside its shares, iterations in rows and classes in columns.

    Shares above the even one are red, those below blue, strongest at the end of the image's scale.

    Args:
      images: float32 [batch, height, width, depth]; of several channels, the first is shown.
      maps: RoutingMaps of them.

    Returns:
      float32 [batch, picture_height, picture_width, 3] in [0, 1].
    """
    images = np.asarray(images)[..., :1]
    low, high = (find(images, axis=(1, 2, 3), keepdims=True) for find in (np.min, np.max))
    images = (images - low) / np.maximum(high - low, np.finfo(np.float32).tiny)
    shares, even = maps.shares(), maps.even_share   # [iterations, batch, classes, rows, columns]
    strongest = np.array([scale(own, even) for own in shares[-1]])[:, None, None, None]
    coloured = _diverging(np.clip((shares - even) / strongest, -1, 1))
    height, width = images.shape[1:3]
    factor = -(-max(height, width) // min(coloured.shape[3:5]))
    cells = coloured.repeat(factor, axis=3).repeat(factor, axis=4)
    first = np.zeros((*cells.shape[:2], 1, *cells.shape[3:]), np.float32)
    first[:, :, 0, :height, :width] = images
    cells = np.pad(np.concatenate([first, cells], axis=2),
                   [(0, 0)] * 3 + [(0, 2), (0, 2), (0, 0)], constant_values=0.5)
    iterations, batch, columns, rows, cell_width, _ = cells.shape
    return cells.transpose(1, 0, 3, 2, 4, 5).reshape(
        batch, iterations * rows, columns * cell_width, 3).astype(np.float32)


def _diverging(values):
    """Returns colours [..., 3] for values from -1 (blue) over 0 (white) to 1 (red)."""
    values = values[..., np.newaxis]
    strongest = np.where(values > 0, MOST_RED, MOST_BLUE)
    return 1 - np.abs(values) * (1 - strongest)
