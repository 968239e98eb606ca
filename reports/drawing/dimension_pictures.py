"""Pictures of capsules with moved dimensions: a grid, and a film."""

import textwrap
from typing import NamedTuple

import numpy as np

from reports.drawing import figures

OFFSETS = np.arange(-5, 6) * 0.05       # the paper's, figure 4
PANELS_A_ROW = 3
CELL, LARGE_CELL = 44, 64               # pixels; large where few dimensions are shown
FEW = 8
FRAME_MILLISECONDS = 120
FILM_COLUMNS = 8


class Turned(NamedTuple):
    """The decoded images of a capsule whose dimensions are moved."""

    title: str
    names: list             # of str, of the dimensions
    images: np.ndarray      # float32 [dimensions, offsets, height, width, depth]


def figure(panels):
    """Returns a figure of Turned capsules: dimensions in rows, offsets in columns."""
    columns = min(PANELS_A_ROW, len(panels))
    rows = -(-len(panels) // columns)
    atoms, count, height, width, _ = panels[0].images.shape
    scale = _cell(atoms) / max(height, width)
    letters = max(map(len, panels[0].names))
    picture = figures.new_figure(columns * (count * (width + 1) * scale + 50 + 8 * letters),
                                 rows * (atoms * (height + 1) * scale + 90))
    for axis in picture.subplots(rows, columns, squeeze=False).ravel()[len(panels):]:
        axis.set_visible(False)
    for axis, panel in zip(picture.axes, panels):
        axis.imshow(_grid(panel.images), extent=(0, count, atoms, 0), aspect="auto")
        axis.set_title(panel.title, fontsize=11)
        axis.set_xticks(np.arange(count) + 0.5, [f"{offset:+.2f}".replace("+0.00", "0")
                                                 for offset in OFFSETS])
        axis.set_yticks(np.arange(atoms) + 0.5, panel.names)
        axis.set(xlabel="added to the dimension", ylabel="dimension of the capsule")
        axis.tick_params(length=0, labelsize=9)
        axis.spines[:].set_visible(False)
    return picture


def _cell(dimensions):
    """Returns the height and width of a decoded image, in pixels."""
    return CELL if dimensions > FEW else LARGE_CELL


def _grid(images):
    """Returns images [rows, columns, ...] as a single one, with white lines between them."""
    coloured = np.stack([[figures.in_colours(image) for image in row] for row in images])
    framed = np.pad(coloured, [(0, 0), (0, 0), (0, 1), (0, 1), (0, 0)], constant_values=1)
    rows, columns, height, width, _ = framed.shape
    return framed.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, 3)


def animate(panels, path):
    """Writes Turned capsules as a GIF: all dimensions go through the offsets and back."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    atoms, count = panels[0].images.shape[:2]
    columns = min(FILM_COLUMNS, atoms)
    rows = -(-atoms // columns)
    cell = int(1.7 * _cell(atoms))
    letters = cell // 8         # of a line
    lines = max(len(textwrap.wrap(name, letters)) for name in panels[0].names)
    picture = figures.new_figure(
        columns * cell + 20, len(panels) * (rows * (cell + 15 * lines) + 30) + 40)
    canvas = FigureCanvasAgg(picture)
    shown = []          # an artist and its images, one an offset
    for panel, part in zip(panels, picture.subfigures(len(panels), 1, squeeze=False).ravel()):
        part.suptitle(panel.title, fontsize=10)
        axes = part.subplots(rows, columns, squeeze=False).ravel()
        for number, axis in enumerate(axes):
            figures.bare(axis)
            if number < atoms:
                axis.set_title(textwrap.fill(panel.names[number], letters), fontsize=9)
                shown.append((axis.imshow(figures.in_colours(panel.images[number, 0])),
                              panel.images[number]))
    words = picture.supxlabel(" ", fontsize=10)
    frames = []
    for offset in range(count):
        words.set_text(f"{OFFSETS[offset]:+.2f} added to each dimension by itself")
        for artist, images in shown:
            artist.set_data(figures.in_colours(images[offset]))
        frames.append(figures.frame(canvas))
        picture.set_layout_engine("none")       # keep the layout of the first frame
    frames += frames[-2:0:-1]
    figures.write_film(path, frames, FRAME_MILLISECONDS)
