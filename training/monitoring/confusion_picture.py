"""Draws a confusion matrix with Matplotlib, where that is installed."""

import warnings

import numpy as np

# Blue and vermillion of Okabe and Ito, which colour-blind readers tell apart. The blue is pale: the
# diagonal is full and the errors are few, so these have to stand out.
FOUND, MISTAKEN = np.array([191, 220, 236]) / 255, np.array([213, 94, 0]) / 255
LEAST_TINT = 0.12       # of a cell that counts one example
MOST_NAMED = 30         # classes whose names and counts are shown; of more, every n-th name
MOST_LETTERS = 20       # of a class name


def draw(confusion, class_names, title):
    """Draws a row for each class and a column for each predicted class.

    The diagonal is tinted by the share of the class that was found; other cells by their share of
    the class, relative to the largest such share.

    Args:
      confusion: Confusion.
      class_names: sequence of str.
      title: str.

    Returns:
      uint8 [height, width, 3].

    Raises:
      ImportError: if Matplotlib is not installed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    matrix, count = confusion.matrix, len(class_names)
    side = np.clip(0.45 * count, 3, 10)         # inches
    figure = Figure(figsize=(side + 2, side + 2), dpi=100, layout="constrained")
    axes = figure.subplots()
    strength, tints = _tints(matrix, confusion.examples)
    axes.imshow(tints, interpolation="nearest")
    axes.set(xlabel="predicted class", ylabel="true class")
    figure.suptitle(title.replace(": ", ":\n", 1), fontsize=11, parse_math=False)
    named = range(0, count, -(-count // MOST_NAMED))
    names = [name if len(name) <= MOST_LETTERS else name[:MOST_LETTERS - 1] + "…"
             for name in (class_names[number] for number in named)]
    upright = max(map(len, names)) * count <= 40
    axes.set_xticks(named, names, rotation=0 if upright else 90, parse_math=False)
    axes.set_yticks(named, names, parse_math=False)
    errors = axes.secondary_yaxis("right")
    errors.set_yticks(named, [
        f"{confusion.wrong_percent[number]:.2f} %" if confusion.examples[number] else "none"
        for number in named])
    errors.set_ylabel("of the class wrong")
    if count <= MOST_NAMED:
        for row, column in np.argwhere(matrix):
            axes.text(column, row, matrix[row, column], ha="center", va="center", fontsize=9,
                      color="white" if strength[row, column] > 0.6 and row != column else "black")
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)        # letters that the font lacks
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _tints(matrix, examples):
    """Returns how strong each cell's colour is, from 0 to 1, and the colours, RGB."""
    shares = matrix / np.maximum(examples, 1)[:, np.newaxis]
    right = np.eye(len(matrix), dtype=bool)
    largest = np.max(shares, where=~right, initial=0) or 1
    strength = LEAST_TINT + (1 - LEAST_TINT) * np.where(right, shares, shares / largest)
    strength = np.where(matrix > 0, strength, 0)
    colours = np.where(right[..., np.newaxis], FOUND, MISTAKEN)
    return strength, 1 + (colours - 1) * strength[..., np.newaxis]
