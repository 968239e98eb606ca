"""Draws routing in two dimensions: five parts vote for two wholes, and votes that agree win.

    python -m reports.manual.votes --output=docs/pictures/votes.png

It writes a picture with a column for each iteration, and beside it a GIF of the same name, in which
shares and capsules move from one iteration to the next.
"""

import sys

import numpy as np
from absl import flags

from commands import command_line
from reports.drawing import figures

# What each of five parts believes wholes A and B to be: [in_caps, out_caps, atoms]. Parts 1 to 3
# agree on A, parts 4 and 5 on B.
VOTES = np.array([[[0.95, 0.75], [0.9, -0.7]],
                  [[1.1, 0.45], [-1.0, -0.55]],
                  [[0.6, 1.05], [0.1, 1.15]],
                  [[-0.75, 0.9], [-1.0, 0.6]],
                  [[0.25, -1.15], [-0.75, 0.9]]], np.float32)
WHOLES = "AB"
COLOURS = (figures.ORANGE, figures.BLUE, figures.GREEN, figures.PURPLE,
           figures.SKY_BLUE)        # of parts
REACH = 1.45            # of the axes, each way
THICKEST = 9            # points, the line of a vote with a share of 1
COLUMN = 300            # pixels, of an iteration
FRAMES, PAUSE = 8, 8    # of a GIF: between iterations, and at each of them
FRAME_MILLISECONDS = 90

LEGEND = ("Each of five parts votes for both wholes. Votes are as thick as their shares; the black "
          "arrow is the capsule.")

FLAGS = command_line.new_flags()
figures.define_output(FLAGS, "votes.png")
flags.DEFINE_integer("iterations", 3, "Routing iterations.", lower_bound=1, upper_bound=10,
                     flag_values=FLAGS)


def route(votes, iterations):
    """Routes votes [in_caps, out_caps, 2].

    Returns:
      float32 [iterations, in_caps, out_caps], the shares, and [iterations, out_caps, 2], the
      capsules.
    """
    import capsules

    steps = capsules.DynamicRouting(iterations).steps(
        votes[np.newaxis], np.zeros(votes.shape[1:], np.float32))
    return steps.couplings[:, 0].numpy(), steps.capsules[:, 0].numpy()


def figure(votes, shares, capsules):
    """Returns a figure with a column for each iteration; arguments as `route` takes and gives."""
    iterations = len(shares)
    picture = figures.new_figure(COLUMN * iterations, 2 * COLUMN + 240)
    axes = picture.subplots(3, iterations, squeeze=False, height_ratios=[1, 1, 0.5])
    for number, column in enumerate(axes.T):
        draw(column, votes, shares[number], capsules[number])
        name = "equal shares" if number == 0 else "by agreement"
        column[0].set_title(f"Iteration {number + 1}: {name}\n", fontsize=12, fontweight="bold")
    picture.supxlabel(LEGEND, fontsize=11)
    return picture


def draw(axes, votes, shares, capsules):
    """Draws the votes for A, those for B and the shares on three axes."""
    for axis, name, own, weights, capsule in zip(axes, WHOLES, votes.transpose(1, 0, 2), shares.T,
                                                 capsules):
        _draw_whole(axis, own, weights, capsule)
        axis.text(0, REACH, f"votes for whole {name}", fontsize=11, ha="center", va="bottom")
    _draw_shares(axes[2], shares[:, 0])


def _draw_whole(axis, votes, shares, capsule):
    """Draws votes [in_caps, 2], as thick as their shares [in_caps], and their capsule [2]."""
    from matplotlib.patches import Circle

    figures.bare(axis)
    axis.set(xlim=(-REACH, REACH), ylim=(-REACH - 0.25, REACH + 0.15), aspect="equal")
    axis.add_patch(Circle((0, 0), 1, fill=False, color="0.75", linestyle="--"))
    axis.text(-0.42, -0.93, "length 1", color="0.5", fontsize=8, ha="right", va="top")
    for number, (vote, share, colour) in enumerate(zip(votes, shares, COLOURS), 1):
        _draw_arrow(axis, vote, colour, THICKEST * share)
        axis.text(*(vote * (1 + 0.17 / np.linalg.norm(vote))), str(number), color=colour,
                  fontsize=11, fontweight="bold", ha="center", va="center")
    _draw_arrow(axis, capsule, "black", 3)
    axis.text(0, -REACH - 0.25, f"capsule's length {np.linalg.norm(capsule):.2f}", fontsize=11,
              ha="center", va="bottom")


def _draw_arrow(axis, vector, colour, thickness):
    axis.annotate("", vector, (0, 0), arrowprops={
        "arrowstyle": "-|>,head_width=0.3,head_length=0.5", "color": colour, "shrinkA": 0,
        "shrinkB": 0, "linewidth": thickness, "mutation_scale": 12 + thickness})


def _draw_shares(axis, shares):
    """Draws each part's share for A, [in_caps], as a bar, and the rest that is B's."""
    places = np.arange(len(shares))
    axis.barh(places, shares, color=COLOURS, height=0.72)
    axis.barh(places, 1 - shares, left=shares, color=COLOURS, height=0.72, alpha=0.25)
    for place, share in zip(places, shares):
        for left, text, side in ((0.02, share, "left"), (0.98, 1 - share, "right")):
            axis.text(left, place, f"{100 * text:.0f} %", va="center", ha=side, fontsize=9)
    axis.axvline(0.5, color="black", linewidth=0.8, linestyle=":")
    axis.set(xlim=(0, 1), xticks=[0, 1], ylim=(len(shares) - 0.4, -0.6))
    for label, side in zip(axis.set_xticks([0, 1], ["share for A", "share for B"]),
                           ("left", "right")):
        label.label1.set_horizontalalignment(side)
    axis.set_yticks(places, [f"part {place + 1}" for place in places])
    axis.tick_params(length=0, labelsize=10)
    axis.spines[:].set_visible(False)


def animate(votes, shares, capsules, path):
    """Writes a GIF that goes from iteration to iteration."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    picture = figures.new_figure(900, 380)
    picture.set_layout_engine("none")
    axes = [picture.add_axes(place) for place in (
        (0.01, 0.1, 0.31, 0.78), (0.34, 0.1, 0.31, 0.78), (0.74, 0.25, 0.24, 0.5))]
    picture.supxlabel(LEGEND, fontsize=11)
    canvas, frames, milliseconds = FigureCanvasAgg(picture), [], []
    for place in np.arange((len(shares) - 1) * FRAMES + 1) / FRAMES:
        number, part = int(place), place % 1
        after = min(number + 1, len(shares) - 1)
        for axis in axes:
            axis.clear()
        draw(axes, votes, *(values[number] + part * (values[after] - values[number])
                            for values in (shares, capsules)))
        picture.suptitle(f"Routing iteration {number + 1}" + (f" to {after + 1}" if part else ""),
                         fontsize=13, fontweight="bold")
        frames.append(figures.frame(canvas))
        milliseconds.append(FRAME_MILLISECONDS * (1 if part else PAUSE))
    milliseconds[-1] *= 2
    figures.write_film(path, frames, milliseconds)


def _settings(values):
    return (values.iterations, figures.check_output(values.output),
            figures.beside(values.output, ".gif"))


def _main(settings):
    iterations, path, film = settings
    routed = route(VOTES, iterations)
    figures.save(figure(VOTES, *routed), path)
    animate(VOTES, *routed, film)
    print(f"Wrote {path} and {film}.")


main = command_line.command(FLAGS, _settings, _main, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
