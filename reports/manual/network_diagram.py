"""Draws the capsule network with the shapes and parameters of its layers (paper, figures 1, 2).

    python -m reports.manual.network_diagram --output=docs/pictures/network.png

Everything is read from the network that comes with the library, which also classifies and
reconstructs the digit in the diagram.
"""

import sys

import numpy as np
from absl import flags

from commands import command_line
from reports.drawing import figures

WIDTH, HEIGHT = 900, 464        # of the drawing; the file has twice as many pixels each way
TOP, BOTTOM = 142, 362          # the middles of the two rows
SMALL, NORMAL = 15, 17          # font sizes, points
FACE = 70                       # width of an image

FLAGS = command_line.new_flags()
figures.define_output(FLAGS, "network.png")
flags.DEFINE_integer("example", 4, "Number of the test image in the diagram, of the sample.",
                     lower_bound=0, upper_bound=1999, flag_values=FLAGS)


def diagram(network, image):
    """Returns a figure of a CapsNet without hidden layers, and what it makes of an image.

    Args:
      network: CapsNet with a decoder.
      image: float32 [height, width, depth].
    """
    capsules = network.represent(image[np.newaxis]).numpy()[0]      # [classes, atoms]
    winner = int(np.linalg.norm(capsules, axis=1).argmax())
    picture = figures.new_figure(2 * WIDTH, 2 * HEIGHT)
    picture.set_layout_engine("none")
    axis = picture.add_axes((0, 0, 1, 1))
    axis.axis("off")
    axis.text(18, 26, f"The capsule network: {network.count_params():,} parameters",
              fontsize=24, fontweight="bold", va="center")
    axis.text(WIDTH - 18, 26, "red numbers: parameters of the layer", fontsize=SMALL, ha="right",
              va="center", color=figures.VERMILLION)
    _draw_encoder(axis, network, image, capsules, winner)
    axis.plot([18, WIDTH - 18], [256, 256], color="0.8", linewidth=2)
    axis.text(18, 276, "Decoder", fontsize=NORMAL, fontweight="bold", va="center")
    remade = network.reconstruct(image[np.newaxis])[0, 0]
    _draw_decoder(axis, network.decoder, remade, capsules, winner)
    axis.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0), aspect="auto")
    return picture


def _draw_encoder(axis, network, image, capsules, winner):
    """Draws the layers from the image to the lengths, from left to right."""
    convolution, primary = network.encoder
    features = convolution.compute_output_shape((None, *network.image_shape))
    grid = primary.compute_output_shape(features)       # [batch, rows, columns, types, atoms]
    classes, atoms = capsules.shape
    _image(axis, 28, TOP, image)
    _name(axis, 63, TOP, "Image", _product(network.image_shape))
    _arrow(axis, (104, TOP), (194, TOP), f"{_kernel(convolution)}\nconvolution\nstride "
           f"{convolution.strides[0]}, {convolution.activation.__name__}", convolution)
    _cuboid(axis, 200, TOP, FACE * features[1] / network.image_shape[0])
    _name(axis, 242, TOP, "Features", _product(features[1:]))
    _arrow(axis, (294, TOP), (390, TOP), f"{_kernel(primary)}\nconvolution\nstride "
           f"{primary.strides}, squash", primary)
    _grids(axis, 400, TOP, *grid[1:3])
    _name(axis, 447, TOP, "Primary capsules", f"{_product(grid[1:4])} of {grid[4]} numbers")
    _arrow(axis, (504, TOP), (608, TOP),
           f"votes by\n{_product((grid[4], atoms))} matrices $W_{{ij}}$\n"
           f"{network.class_capsules.routing.iterations} iterations\nof routing",
           network.class_capsules)
    _matrix(axis, 618, TOP, capsules, winner)
    _name(axis, 676, TOP, "Class capsules", f"{classes} of {atoms} numbers")
    _arrow(axis, (742, TOP), (794, TOP), "length")
    _bars(axis, 818, TOP, np.linalg.norm(capsules, axis=1), winner)
    _name(axis, 843, TOP, "Lengths", str(classes))


def _draw_decoder(axis, decoder, remade, capsules, winner):
    """Draws the layers from the class capsules to the reconstruction, from right to left."""
    masked = np.where(np.arange(len(capsules))[:, np.newaxis] == winner, capsules, 0)
    _arrow(axis, (676, 236), (676, BOTTOM - 56))
    axis.text(750, BOTTOM, "mask: keeps one capsule,\nin training the label's,\n"
              "otherwise the longest", fontsize=SMALL, va="center", linespacing=1.4)
    _matrix(axis, 618, BOTTOM, masked, winner)
    _name(axis, 676, BOTTOM, "Masked capsules", _product(masked.shape))
    most, right = max(layer.units for layer in decoder.dense_layers), 612
    for layer, left in zip(decoder.dense_layers, (496, 356, 216)):
        _arrow(axis, (right - 4, BOTTOM), (left + 34, BOTTOM), "dense", layer)
        _bar_of_units(axis, left, BOTTOM, 90 * layer.units / most)
        _name(axis, left + 13, BOTTOM, str(layer.units), layer.activation.__name__)
        right = left
    _arrow(axis, (right - 4, BOTTOM), (106, BOTTOM), "reshape")
    _image(axis, 28, BOTTOM, remade)
    _name(axis, 63, BOTTOM, "Reconstruction", _product(remade.shape))


def _product(sizes):
    return "\N{MULTIPLICATION SIGN}".join(map(str, sizes))


def _kernel(layer):
    """Returns the height and width of a layer's kernel, such as 9x9."""
    return _product(layer.kernel.shape[:2])


def _name(axis, middle, row, name, shape):
    """Writes what is drawn in a row, and its shape, below it."""
    axis.text(middle, row + 64, name, fontsize=NORMAL, fontweight="bold", ha="center", va="center")
    axis.text(middle, row + 82, shape, fontsize=NORMAL, ha="center", va="center")


def _arrow(axis, start, end, text="", layer=None):
    """Draws an arrow with a text above it and the layer's number of parameters below."""
    axis.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "mutation_scale": 28,
                                              "color": "0.3", "linewidth": 2.5, "shrinkA": 0,
                                              "shrinkB": 0})
    middle = (start[0] + end[0]) / 2
    axis.text(middle, start[1] - 8, text, fontsize=SMALL, ha="center", va="bottom",
              linespacing=1.3)
    if layer is not None:
        axis.text(middle, start[1] + 8, f"{layer.count_params():,}", fontsize=SMALL, ha="center",
                  va="top", color=figures.VERMILLION)


def _image(axis, left, row, image):
    top = row - FACE / 2
    axis.imshow(figures.in_colours(image), extent=(left, left + FACE, top + FACE, top),
                aspect="auto")


def _cuboid(axis, left, row, size):
    """Draws feature maps behind each other: a cuboid with a square face."""
    from matplotlib.patches import Polygon

    deep, top = 34, row - size / 2 + 17
    corner, over = np.array([left, top]), np.array([deep, -deep])
    across, down = np.array([size, 0]), np.array([0, size])
    for start, first, second, opacity in ((corner, across, down, 0.3), (corner, across, over, 0.5),
                                          (corner + across, over, down, 0.7)):
        axis.add_patch(Polygon((start, start + first, start + first + second, start + second),
                               color=figures.BLUE, linewidth=1.5, alpha=opacity))


def _grids(axis, left, row, rows, columns):
    """Draws grids of primary capsules behind each other."""
    from matplotlib.patches import Rectangle

    cell, shift = 9, 9
    for number in reversed(range(5)):
        x, y = left + number * shift, row - rows * cell / 2 + 18 - number * shift
        for place in np.ndindex(rows, columns):
            axis.add_patch(Rectangle((x + place[1] * cell, y + place[0] * cell), cell, cell,
                                     facecolor="#FBE8C3", edgecolor=figures.ORANGE,
                                     linewidth=1.2, zorder=10 - number))


def _matrix(axis, left, row, capsules, winner):
    """Draws capsules, one a row, their numbers in colours, with a frame around the winner."""
    from matplotlib.patches import Rectangle

    rows = len(capsules)
    cell = 100 / rows
    top = row - 50
    most = np.abs(capsules).max()
    axis.imshow(capsules, cmap="PuOr", vmin=-most, vmax=most, aspect="auto",
                extent=(left, left + 116, top + 100, top))
    for number in range(rows + 1):
        axis.plot([left, left + 116], [top + number * cell] * 2, color="white", linewidth=3)
    axis.add_patch(Rectangle((left, top + winner * cell), 116, cell, fill=False, edgecolor="black",
                             linewidth=2.5, zorder=5))


def _bars(axis, left, row, lengths, winner):
    """Draws the class capsules' lengths, from 0 to 1."""
    cell = 100 / len(lengths)
    for number, length in enumerate(lengths):
        place = row - 50 + (number + 0.5) * cell
        axis.text(left - 5, place, str(number), fontsize=12, ha="right", va="center",
                  fontweight="bold" if number == winner else "normal")
        axis.barh(place, 62 * length, left=left, height=0.75 * cell,
                  color=figures.GREEN if number == winner else "0.6")


def _bar_of_units(axis, left, row, height):
    from matplotlib.patches import FancyBboxPatch

    axis.add_patch(FancyBboxPatch((left, row - height / 2), 26, height, facecolor="#C8E9DE",
                                  boxstyle="round,pad=0,rounding_size=5", edgecolor=figures.GREEN,
                                  linewidth=2.5))


def _settings(values):
    return figures.check_output(values.output), values.example


def _main(settings):
    import capsules
    import input_data
    from reports import trained_network

    path, number = settings
    batch = trained_network.examples(input_data.load("mnist", None, "test"), [number], "--example")
    network = capsules.CapsNet.from_pretrained("mnist")
    figures.save(diagram(network, batch["images"][0].numpy()), path)
    print(f"Wrote {path}.")


main = command_line.command(FLAGS, _settings, _main, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
