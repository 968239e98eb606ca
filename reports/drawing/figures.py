"""Colours, images on axes, and files that all pictures share."""

import os

import numpy as np
from absl import flags

from commands.errors import RunError, UsageError, check_path
from commands.whole_files import whole_file

# Okabe and Ito's colours, which colour-blind readers can tell apart.
ORANGE, SKY_BLUE, BLUE, VERMILLION = "#E69F00", "#56B4E9", "#0072B2", "#D55E00"
GREEN, PURPLE = "#009E73", "#CC79A7"
# Colour, marker and dashes of each line in a diagram, readable without the colours.
LINES = ((BLUE, "s", ":"), (ORANGE, "^", "--"), (GREEN, "o", "-"), (PURPLE, "D", "-."),
         (SKY_BLUE, "v", "-"), (VERMILLION, "P", "--"))
DOTS_PER_INCH = 100
LARGEST = 2**15     # pixels; many programs cannot show larger pictures


def define_output(flag_values, default):
    """Adds the flag --output to a command's flags."""
    flags.DEFINE_string("output", default, "The picture to write.", flag_values=flag_values)


def check_output(path):
    """Returns the path of a picture; raises UsageError if it cannot be written there."""
    check_path("--output", path)
    if not os.path.isdir(os.path.dirname(path) or "."):
        raise UsageError(f"--output: there is no folder for {path!r}.")
    if os.path.lexists(path):
        raise UsageError(f"--output: {path} is there already.")
    return path


def new_figure(width, height):
    """Returns an empty Matplotlib figure of a size in pixels; RunError if it is too large."""
    if max(width, height) > LARGEST:
        raise RunError(f"A picture of {width}x{height} pixels is too large, {LARGEST} are the most "
                       "each way; ask for less.")
    from matplotlib.figure import Figure

    return Figure(figsize=(width / DOTS_PER_INCH, height / DOTS_PER_INCH), dpi=DOTS_PER_INCH,
                  layout="constrained")


def save(figure, path, replace=False):
    """Writes a figure as a PNG; raises RunError if the file exists, except with `replace`."""
    write(path, lambda aside: figure.savefig(aside, format="png", dpi=DOTS_PER_INCH), replace)


def write(path, make, replace=False):
    """Writes a picture's file by a function of the name to write to; raises as `save`."""
    try:
        with whole_file(path, replace) as aside:
            make(aside)
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error}).") from None


def beside(path, ending):
    """Returns the checked name of another file beside a picture, such as "a.gif" for "a.png".

    Raises UsageError if the picture has that name, and as `check_output`.
    """
    other = os.path.splitext(path)[0] + ending
    if other == path:
        raise UsageError(f"--output: {other} is the name of the file beside the picture; name a "
                         ".png.")
    return check_output(other)


def frame(canvas, colours=64):
    """Returns what a Matplotlib canvas shows, as an image of a film."""
    from PIL import Image

    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").quantize(
        colours, dither=Image.Dither.NONE)


def write_film(path, frames, milliseconds, replace=False):
    """Writes images as a GIF that starts again at its end; raises as `save`.

    Args:
      path: str.
      frames: list of PIL images.
      milliseconds: int, or a list with one for each frame.
      replace: whether an earlier file may be replaced.
    """
    write(path, lambda aside: frames[0].save(
        aside, format="GIF", save_all=True, append_images=frames[1:], loop=0,
        duration=milliseconds), replace)


def bare(axis):
    """Takes ticks and frame from an axis."""
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def in_colours(image):
    """Returns an image of any range and depth as float [height, width, 3] in [0, 1]."""
    if image.shape[-1] not in (1, 3):
        image = image[..., :1]          # of several cameras, the first
    low, high = min(image.min(), 0), max(image.max(), 1)
    return np.repeat((image - low) / (high - low), 3 // image.shape[-1], axis=-1)


def two_colours(first, second):
    """Returns two grey images in orange and blue over each other, white where both are bright."""
    from matplotlib.colors import to_rgb

    return np.minimum(first * to_rgb(ORANGE) + second * to_rgb(SKY_BLUE), 1)
