"""Which pixels the capsules of a grid see."""

from typing import NamedTuple

import numpy as np


class ReceptiveFields(NamedTuple):
    """The square receptive fields of a grid of capsules, in pixels; pixel 0 is centred on 0."""

    first: np.ndarray       # float [2], row and column of the first field's centre
    step: int               # from one centre to the next
    size: int               # height and width of a field

    def extent(self, rows, columns):
        """Returns (left, right, bottom, top) of a map with a square cell around each centre."""
        top, left = self.first - self.step / 2
        return left, left + columns * self.step, top + rows * self.step, top


def receptive_fields(layers, image_shape):
    """Returns the ReceptiveFields of the outputs of layers that follow each other.

    Args:
      layers: Keras layers with square kernels and equal strides; a layer without them works
        pixel by pixel.
      image_shape: height, width and depth of the first layer's input.
    """
    first, step, size, shape = np.zeros(2), 1, 1, (None, *image_shape)
    for layer in layers:
        kernel, stride = (int(np.max(getattr(layer, name, 1))) for name in ("kernel_size",
                                                                           "strides"))
        before, shape = np.array(shape[1:3]), layer.compute_output_shape(shape)
        # A layer with padding "valid" needs no pixels beyond the edge: the sum is 0 or less.
        missing = (np.array(shape[1:3]) - 1) * stride + kernel - before
        first += step * ((kernel - 1) / 2 - np.maximum(missing, 0) // 2)
        size += step * (kernel - 1)
        step *= stride
    return ReceptiveFields(first, step, size)
