"""Images moved by whole pixels."""

import numpy as np


def shifted(images, shifts, pad=0):
    """Returns images on a wider ground, moved down and right; what leaves it is cut.

    Args:
      images: uint8 [n, height, width, depth].
      shifts: int [n, 2], rows and columns; negative for up and left.
      pad: pixels of ground added on each side.

    Returns:
      uint8 [n, height + 2 * pad, width + 2 * pad, depth].
    """
    height, width = images.shape[1:3]
    margin = int(np.abs(shifts).max(initial=0))
    around = (pad + margin, pad + margin)
    wide = np.pad(images, ((0, 0), around, around, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(
        wide, (height + 2 * pad, width + 2 * pad), axis=(1, 2))     # [n, rows, columns, depth, ..]
    rows, columns = margin - np.asarray(shifts).T
    return np.moveaxis(windows[np.arange(len(images)), rows, columns], 1, -1)


def every_shift(reach):
    """Returns all shifts of up to `reach` pixels, int [(2 * reach + 1)^2, 2], rows outer."""
    return np.indices((2 * reach + 1, 2 * reach + 1)).reshape(2, -1).T - reach
