"""What the pictures have in common: colours, images on axes, the file they are written to."""

import os

import numpy as np
from absl import flags

from commands.errors import RunError, UsageError, check_path
from commands.whole_files import whole_file

# Okabe and Ito's, which colour-blind readers tell apart too.
ORANGE, SKY_BLUE, BLUE, VERMILLION = "#E69F00", "#56B4E9", "#0072B2", "#D55E00"
# Of lines in a diagram: colour, marker, dashes, so that none needs to be told by its colour.
LINES = ((BLUE, "s", ":"), (ORANGE, "^", "--"), ("#009E73", "o", "-"), ("#CC79A7", "D", "-."),
         (SKY_BLUE, "v", "-"), (VERMILLION, "P", "--"))
DOTS_PER_INCH = 100
LARGEST = 2**15     # pixels; beyond, many programs that show pictures fail too


def define_output(flag_values, default):
    """Adds the flag --output to a command's flags."""
    flags.DEFINE_string("output", default, "The picture to write.", flag_values=flag_values)


def check_output(path):
    """Returns the path of a picture, or what makes it impossible to write as UsageError."""
    check_path("--output", path)
    if not os.path.isdir(os.path.dirname(path) or "."):
        raise UsageError(f"--output: there is no folder for {path!r}.")
    if os.path.lexists(path):
        raise UsageError(f"--output: {path} is there already.")
    return path


def new_figure(width, height, title=None):
    """Returns an empty figure of a size in pixels.

    Raises:
      RunError: if it is too large to be drawn.
    """
    if max(width, height) > LARGEST:
        raise RunError(f"A picture of {width}x{height} pixels is too large, {LARGEST} are the most "
                       "each way; ask for less.")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / DOTS_PER_INCH, height / DOTS_PER_INCH), dpi=DOTS_PER_INCH,
                    layout="constrained")
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def save(figure, path, replace=False):
    """Writes a figure as a PNG.

    Args:
      figure: of matplotlib.
      path: str.
      replace: whether a file of that name may be replaced.

    Raises:
      RunError: if it cannot be written, or is there already and may not be replaced.
    """
    write(path, lambda aside: figure.savefig(aside, format="png", dpi=DOTS_PER_INCH), replace)


def write(path, make, replace=False):
    """Writes a picture's file through `make`, a function of the name to write to.

    Raises: as for `save`.
    """
    try:
        with whole_file(path, replace) as aside:
            make(aside)
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error}).") from None


def bare(axis):
    """Takes ticks and frame from an axis."""
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def show_image(axis, image):
    """Shows an image, float [height, width, depth], pixel by pixel."""
    bare(axis)
    axis.imshow(in_colours(image), vmin=0, vmax=1)


def in_colours(image):
    """Returns a dataset's image as a screen can show it: float [height, width, 3] in [0, 1]."""
    if image.shape[-1] not in (1, 3):
        image = image[..., :1]          # of several cameras, the first
    low, high = min(image.min(), 0), max(image.max(), 1)
    return np.repeat((image - low) / (high - low), 3 // image.shape[-1], axis=-1)


def two_colours(first, second):
    """Returns two grey images over each other, the first orange, the second blue.

    Args:
      first, second: float [height, width, 1] in [0, 1].

    Returns:
      float [height, width, 3]; white where both are bright.
    """
    return np.minimum(sum(image * _rgb(colour) for image, colour in
                          ((first, ORANGE), (second, SKY_BLUE))), 1)


def _rgb(colour):
    return np.frombuffer(bytes.fromhex(colour[1:]), np.uint8) / 255


def as_image(figure):
    """Returns a figure as a Pillow image."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
