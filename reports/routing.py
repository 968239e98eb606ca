"""Draws how routing divides the votes of an image's capsules among the classes, step by step.

    python -m reports.routing --checkpoint=runs/demo/train/model.ckpt-2200 --example=3
    python -m reports.routing --checkpoint=runs/demo/train/model.ckpt-2200 --image=photo.jpg

The picture shows the image; the length of each class capsule after each iteration; the share of
the votes for each class at each place, by iteration; and the coupling coefficients of every type
of voting capsule with the winning class. In the capsule network, the primary capsules vote.
"""

import sys

import numpy as np
from absl import flags

from commands import command_line
from commands.errors import UsageError
from reports import trained_network
from reports.drawing import figures, picture_files

CELL = 80               # pixels, of a class' map
TYPES_A_ROW = 16

FLAGS = trained_network.flags()
figures.define_output(FLAGS, "routing.png")
flags.DEFINE_integer("example", None, "Number of a test image. Without it and without --image: "
                     "0.", flag_values=FLAGS)
flags.DEFINE_string("image", None, "An image file, instead of a test image.", flag_values=FLAGS)


def figure(image, maps, class_names, title):
    """Returns a figure of one image, float [height, width, depth], and its RoutingMaps."""
    shares, lengths = maps.shares()[:, 0], maps.lengths[:, 0]
    winner = int(lengths[-1].argmax())
    iterations, classes = lengths.shape
    heights = [210, iterations * CELL + 70, -(-maps.couplings.shape[3] // TYPES_A_ROW) * 62 + 60]
    picture = figures.new_figure(max(classes, 10) * CELL + 190, sum(heights) + 40)
    picture.suptitle(title, fontsize=11)
    top, middle, bottom = picture.subfigures(3, 1, height_ratios=heights)
    _draw_lengths(top, image, lengths, class_names, winner)
    _draw_shares(middle, shares, maps.even_share, class_names, winner)
    bottom.suptitle("Coupling coefficients of every type of capsule with class "
                    f"{class_names[winner]}, last iteration", fontsize=10)
    _draw_types(bottom, maps.couplings[-1, 0, winner], maps.even_share)
    return picture


def _draw_lengths(part, image, lengths, class_names, winner):
    """Draws the image, and the lengths [iterations, classes] as bars."""
    import matplotlib

    shown, axis = part.subplots(1, 2, width_ratios=[1, 4])
    figures.bare(shown)
    shown.imshow(figures.in_colours(image))
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


def _draw_shares(part, shares, even, class_names, winner):
    """Draws maps of shares [iterations, classes, rows, columns]."""
    iterations, classes = shares.shape[:2]
    part.suptitle("Share of the capsules' votes for each class, place by place",
                  fontsize=10)
    part.supxlabel("class", fontsize=10)
    axes = part.subplots(iterations, classes, squeeze=False)
    for iteration, (row, maps) in enumerate(zip(axes, shares)):
        row[0].set_ylabel(f"iteration {iteration + 1}", fontsize=9)
        for target, (axis, values) in enumerate(zip(row, maps)):
            drawn = _draw_map(axis, values, even, shares)
            if iteration == iterations - 1:
                axis.set_xlabel(class_names[target],
                                fontweight="bold" if target == winner else "normal")
    _add_bar(part, drawn, axes, "share")


def _draw_types(part, couplings, even):
    """Draws the coupling coefficients [types, rows, columns] of a class."""
    columns = min(TYPES_A_ROW, len(couplings))
    axes = part.subplots(-(-len(couplings) // columns), columns, squeeze=False)
    for axis in axes.ravel():
        figures.bare(axis)
    for number, (axis, values) in enumerate(zip(axes.ravel(), couplings)):
        drawn = _draw_map(axis, values, even, couplings)
        axis.set_title(str(number + 1), fontsize=8, pad=2)
    _add_bar(part, drawn, axes, "coefficient")


def _draw_map(axis, values, even, of_all):
    from matplotlib.colors import CenteredNorm

    axis.set(xticks=[], yticks=[])
    return axis.imshow(values, cmap="RdBu_r", norm=CenteredNorm(
        even, max(np.abs(of_all - even).max(), 1e-6)))


def _add_bar(part, drawn, axes, name):
    low, even, high = max(drawn.norm.vmin, 0), drawn.norm.vcenter, drawn.norm.vmax
    bar = part.colorbar(drawn, ax=axes, fraction=0.02, ticks=[low, even, high])
    bar.ax.set_ylim(low, high)      # no share is below 0
    bar.ax.set_yticklabels([f"{low:.3f}", f"{even:.3f} (even)", f"{high:.3f}"], fontsize=8)
    bar.set_label(name, fontsize=9)


def _settings(values):
    if values.image is not None and values.example is not None:
        raise UsageError("--example and --image are both given; leave one out.")
    return (trained_network.choice(values), figures.check_output(values.output),
            values.example or 0, values.image)


def _main(settings):
    import capsules
    from training.monitoring.routing_maps import routing_maps

    chosen, path, number, file = settings
    network, data = trained_network.load(chosen, needs=("class_capsules",))
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
    figures.save(figure(images[0].numpy(), maps, names, title), path)
    print(f"Wrote {path}.")


main = command_line.command(FLAGS, _settings, _main, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
