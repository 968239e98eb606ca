"""Draws how routing divides the votes of an image's capsules among the classes, step by step.

    python -m reports.routing --checkpoint=runs/demo/train/model.ckpt-2100 --example=3
    python -m reports.routing --checkpoint=runs/demo/train/model.ckpt-2100 --image=photo.jpg

The picture shows the image; the length of each class capsule after each iteration; the share of
the votes for each class at each place, by iteration; and the coupling coefficients of every type
of voting capsule with the winning class. In the capsule network, the primary capsules vote. Maps
lie over the image: a cell is drawn around the centre of what its capsules see.
"""

import sys

import numpy as np
from absl import flags

from commands import command_line
from commands.errors import UsageError
from reports import trained_network
from reports.drawing import figures, picture_files

CELL = 88               # pixels, of a class' map
TYPES_A_ROW = 16
INK = 0.4               # opacity of an image over its map
MARGIN = 1 / 3          # of a map's size, of the image that is seen around it

FLAGS = trained_network.flags()
figures.define_output(FLAGS, "routing.png")
flags.DEFINE_integer("example", None, "Number of a test image. Without it and without --image: "
                     "0.", flag_values=FLAGS)
flags.DEFINE_string("image", None, "An image file, instead of a test image.", flag_values=FLAGS)


def figure(image, maps, fields, class_names, title):
    """Returns a figure of an image and the routing of its capsules.

    Args:
      image: float [height, width, depth].
      maps: RoutingMaps of it alone.
      fields: ReceptiveFields of the voting capsules.
      class_names: sequence of str.
      title: str.
    """
    shares, lengths = maps.shares()[:, 0], maps.lengths[:, 0]
    winner = int(lengths[-1].argmax())
    iterations, classes = lengths.shape
    types = maps.couplings.shape[3]
    heights = [230, iterations * (CELL - 4) + 80, -(-types // TYPES_A_ROW) * 70 + 60]
    picture = figures.new_figure(max(classes, 10) * CELL + 140, sum(heights) + 40)
    picture.suptitle(title, fontsize=13, fontweight="bold")
    top, middle, bottom = picture.subfigures(3, 1, height_ratios=heights)
    shown, axis = top.subplots(1, 2, width_ratios=[1.15, 4])
    _draw_image(shown, image, shares[-1, winner], fields)
    _draw_lengths(axis, lengths, class_names, winner)
    middle.suptitle("Each class's share of the votes: equal at first, then more (red) from places "
                    f"that agree on {class_names[winner]}", fontsize=11)
    _draw_shares(middle, image, shares, fields, maps.even_share, class_names, winner)
    bottom.suptitle(f"The {types} types of voting capsules by themselves: coupling coefficients "
                    f"with class {class_names[winner]}, iteration {iterations}", fontsize=11)
    _draw_types(bottom, image, maps.couplings[-1, 0, winner], fields, maps.even_share)
    return picture


def _draw_image(axis, image, shares, fields):
    """Draws the image, where its maps lie, and what the capsules of the largest share see."""
    from matplotlib.patches import Rectangle

    figures.bare(axis)
    axis.imshow(figures.in_colours(image))
    left, right, bottom, top = fields.extent(*shares.shape)
    axis.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False,
                             color=figures.ORANGE, linewidth=1.5))
    row, column = np.unravel_index(shares.argmax(), shares.shape)
    corner = fields.first[::-1] + fields.step * np.array([column, row]) - fields.size / 2
    axis.add_patch(Rectangle(corner, fields.size, fields.size, fill=False,
                             color=figures.SKY_BLUE, linewidth=1.5, linestyle="--"))
    axis.set_xlabel("orange: the place of the maps below\n"
                    "dashed: what the reddest place sees", fontsize=8)


def _draw_lengths(axis, lengths, class_names, winner):
    """Draws lengths [iterations, classes] as bars."""
    import matplotlib

    iterations, classes = lengths.shape
    width = 0.8 / iterations
    colours = matplotlib.colormaps["GnBu"](np.linspace(0.25, 1, iterations))
    for number, (values, colour) in enumerate(zip(lengths, colours)):
        places = np.arange(classes) + (number - (iterations - 1) / 2) * width
        axis.bar(places, values, width, color=colour, edgecolor="black", linewidth=0.5,
                 label=f"iteration {number + 1}")
    axis.set(ylim=(0, 1), xlim=(-0.6, classes - 0.4), xlabel="class",
             ylabel="length of the\nclass capsule")
    ticks = axis.set_xticks(range(classes), class_names)
    ticks[winner].label1.set_fontweight("bold")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=9, ncols=iterations, loc="lower right",
                bbox_to_anchor=(1, 0.97))


def _draw_shares(part, image, shares, fields, even, class_names, winner):
    """Draws maps of shares [iterations, classes, rows, columns]."""
    iterations, classes = shares.shape[:2]
    norm = _norm(shares[-1], even)
    axes = part.subplots(iterations, classes, squeeze=False)
    for iteration, (row, maps) in enumerate(zip(axes, shares)):
        row[0].set_ylabel(f"iteration {iteration + 1}", fontsize=9)
        for target, (axis, values) in enumerate(zip(row, maps)):
            drawn = _draw_map(axis, image, values, fields, norm)
            if target == winner:
                axis.spines[:].set(visible=True, linewidth=2)
    for target, axis in enumerate(axes[-1]):
        axis.set_xlabel(f"class {class_names[target]}",
                        fontweight="bold" if target == winner else "normal")
    _add_bar(part, drawn, shares, axes, "share")


def _draw_types(part, image, couplings, fields, even):
    """Draws the coupling coefficients [types, rows, columns] of a class."""
    columns, norm = min(TYPES_A_ROW, len(couplings)), _norm(couplings, even)
    axes = part.subplots(-(-len(couplings) // columns), columns, squeeze=False)
    for axis in axes.ravel()[len(couplings):]:
        axis.set_visible(False)
    for number, (axis, values) in enumerate(zip(axes.ravel(), couplings)):
        drawn = _draw_map(axis, image, values, fields, norm)
        axis.set_title(str(number + 1), fontsize=8, pad=2)
    _add_bar(part, drawn, couplings, axes, "coefficient")


def _norm(last, even):
    from matplotlib.colors import CenteredNorm

    from training.monitoring.routing_maps import scale

    return CenteredNorm(even, scale(last, even))


def _draw_map(axis, image, values, fields, norm):
    """Draws a map [rows, columns] and, over it, the part of the image that it lies in, faintly."""
    figures.bare(axis)
    left, right, bottom, top = extent = fields.extent(*values.shape)
    drawn = axis.imshow(values, cmap="RdBu_r", norm=norm, extent=extent)
    grey = figures.in_colours(image).mean(axis=-1)
    axis.imshow(np.zeros_like(grey), cmap="gray", alpha=INK * grey)
    across, down = MARGIN * (right - left), MARGIN * (bottom - top)
    axis.set(xlim=(left - across, right + across), ylim=(bottom + down, top - down))
    return drawn


def _add_bar(part, drawn, values, axes, name):
    low, even, high = drawn.norm.vmin, drawn.norm.vcenter, drawn.norm.vmax
    beyond = (values.min() < low, values.max() > high)
    extend = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[beyond]
    low = max(low, 0)       # no share is below
    bar = part.colorbar(drawn, ax=axes, fraction=0.02, ticks=[low, even, high], extend=extend)
    bar.ax.set_ylim(low, high)
    bar.ax.set_yticklabels([f"{100 * low:.1f} %", f"{100 * even:.1f} % (equal)",
                            f"{100 * high:.1f} %"], fontsize=8)
    bar.set_label(f"{name} (largest: {100 * values.max():.0f} %)", fontsize=9)


def _settings(values):
    if values.image is not None and values.example is not None:
        raise UsageError("--example and --image are both given; leave one out.")
    return (trained_network.choice(values), figures.check_output(values.output),
            values.example or 0, values.image)


def _main(settings):
    import capsules
    from reports.drawing.receptive_fields import receptive_fields
    from training.monitoring.routing_maps import routing_maps

    chosen, path, number, file = settings
    network, data = trained_network.load(chosen, needs=("grid",))
    names = data.info.class_names
    if file is not None:
        images, what = picture_files.batch([file], data)["images"], file
    else:
        batch = trained_network.examples(data, [number], "--example")
        images = batch["images"]
        label = "+".join(names[target] for target in batch["targets"].numpy()[0])
        what = f"Test image {number}, a {label}"
    maps = routing_maps(network, images)
    read = capsules.predicted(maps.lengths[-1], data.info.num_targets).numpy()[0]
    title = f"{what}: classified as {'+'.join(names[target] for target in read)}"
    fields = receptive_fields(network.encoder, images.shape[1:])
    figures.save(figure(images[0].numpy(), maps, fields, names, title), path)
    print(f"Wrote {path}.")


main = command_line.command(FLAGS, _settings, _main, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
