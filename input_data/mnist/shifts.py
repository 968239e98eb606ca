"""Images shifted by whole pixels."""

import numpy as np


class Ground:
    """Images on a wider ground, on which they can be moved; what leaves it is cut.

    Args:
      images: uint8 [n, height, width, depth].
      reach: largest shift each way, in pixels.
      pad: pixels of ground added on each side.

    Attributes:
      shape: of the images moved: (height + 2 * pad, width + 2 * pad, depth).
    """

    def __init__(self, images, reach, pad=0):
        height, width, depth = images.shape[1:]
        self.shape = (height + 2 * pad, width + 2 * pad, depth)
        self._reach = reach
        around = (pad + reach, pad + reach)
        wide = np.pad(images, ((0, 0), around, around, (0, 0)))
        self._rows = wide.reshape(*wide.shape[:2], -1)      # [n, rows, columns * depth]

    def moved(self, numbers, shifts):
        """Returns the images of some numbers, int [m], shifted: uint8 [m, *shape].

        The shifts, int [m, 2], are rows down and columns to the right.
        """
        height, width, depth = self.shape
        windows = np.lib.stride_tricks.sliding_window_view(
            self._rows, (height, width * depth), axis=(1, 2))
        rows, columns = self._reach - np.asarray(shifts).T
        return windows[numbers, rows, columns * depth].reshape(-1, *self.shape)


def every_shift(reach):
    """Returns all shifts of up to `reach` pixels, int [(2 * reach + 1)^2, 2], rows outer."""
    return np.indices((2 * reach + 1, 2 * reach + 1)).reshape(2, -1).T - reach
