"""Draws what a capsule network reads in test images, and what it reconstructs of them.

    python -m reports.reconstructions --checkpoint=runs/demo/train/model.ckpt-2200

Images that are read right and images that are read wrong are chosen separately, each the first
of the test split (paper, figure 3). A wrong one is reconstructed twice: from the capsule of its
label and from that of the class that was read. Two digits over each other are reconstructed
each in a colour; the last of them also from a digit that is not there (paper, figure 5).
"""

import dataclasses
import sys

import numpy as np
from absl import flags

from commands import command_line
from commands.errors import RunError, UsageError
from reports import trained_network
from reports.drawing import figures
from reports.drawing.cases import find_cases

COLUMNS = 10
CELL = 90           # pixels
NAMES_WIDTH = 130   # pixels, of the rows' names
LINE, LETTERS = 14, 11      # pixels of a caption's line; letters that fit into it

FLAGS = trained_network.flags()
figures.define_output(FLAGS, "reconstructions.png")
flags.DEFINE_integer("right", 20, "Images that are read right.", lower_bound=0, flag_values=FLAGS)
flags.DEFINE_integer("wrong", 10, "Images that are read wrong.", lower_bound=0, flag_values=FLAGS)
flags.DEFINE_integer("eval_size", 10000, "Most test images to look for them in.", lower_bound=1,
                     flag_values=FLAGS)


@dataclasses.dataclass(frozen=True)
class Section:
    """Part of the picture: cases in columns, images of them in rows.

    Attributes:
      title: str.
      captions: list of str, one a case.
      rows: dict from a row's name to images that a screen can show, one a case.
      colour: str, of the captions.
    """

    title: str
    captions: list
    rows: dict
    colour: str = "black"


def reconstruct(network, cases, classes):
    """Returns images made from the capsules of some classes.

    Args:
      network: Network with a decoder.
      cases: Cases.
      classes: int [n, num_targets].

    Returns:
      float32 [n, num_targets, height, width, depth].
    """
    return network({"images": cases.images, "targets": classes}).reconstructions.numpy()


def sections(network, split, right, wrong):
    """Returns the Sections that show two Cases: those read right and those read wrong."""
    names = split.info.class_names
    pairs = split.info.num_targets > 1
    parts = []
    legend = ", first digit orange, second blue" if pairs else ""
    for cases, title, colour in ((right, "Read right" + legend, "black"),
                                 (wrong, "Read wrong" + legend, figures.VERMILLION)):
        rows = {"input": [figures.in_colours(image) for image in cases.images]}
        if not np.array_equal(cases.images, cases.target_images[:, 0]):
            rows["target"] = _together(cases.target_images)
        if cases is right:
            captions = [_words(names, label) for label in cases.labels]
            rows["reconstruction"] = _together(reconstruct(network, cases, cases.labels))
        else:
            captions = [_caption(_words(names, label), f"as {_words(names, found)}")
                        for label, found in zip(cases.labels, cases.predictions)]
            rows["from the label"] = _together(reconstruct(network, cases, cases.labels))
            rows["from what\nwas read"] = _together(reconstruct(network, cases,
                                                                cases.predictions))
        parts.append(Section(title, captions, rows, colour))
    if pairs:
        cases = right.take(slice(COLUMNS))
        absent = np.concatenate([cases.labels[:, :1], cases.others[:, None]], axis=1)
        parts.append(Section(
            "Reconstructed from the first digit, and from one that is not there",
            [_caption(_words(names, label), f"from {_words(names, used)}")
             for label, used in zip(cases.labels, absent)],
            {"input": [figures.in_colours(image) for image in cases.images],
             "reconstruction": _together(reconstruct(network, cases, absent))}))
    return [part for part in parts if part.captions]


def _words(names, classes):
    return "+".join(names[target] for target in classes)


def _caption(*parts):
    return (" " if len(" ".join(parts)) <= LETTERS else "\n").join(parts)


def _together(images):
    """Returns the images of one target as they are, those of two each in a colour."""
    if images.shape[1] == 1:
        return [figures.in_colours(image) for image in images[:, 0]]
    return [figures.two_colours(*pair[:2]) for pair in images]


def draw(parts, path, replace=False):
    """Draws Sections, one below the other, into a PNG.

    Args:
      parts: list of Section.
      path: str.
      replace: whether a file of that name may be replaced.

    Raises:
      RunError: if it cannot be written, or is there already and may not be replaced.
    """
    strips = [(part, start) for part in parts for start in range(0, len(part.captions), COLUMNS)]
    heights = [CELL * len(part.rows) + (50 if start == 0 else 25)
               + LINE * any("\n" in caption for caption in part.captions)
               for part, start in strips]
    figure = figures.new_figure(NAMES_WIDTH + CELL * COLUMNS, sum(heights))
    for (part, start), strip in zip(strips, figure.subfigures(
            len(strips), 1, height_ratios=heights, squeeze=False).ravel()):
        _draw_strip(strip, part, start)
    figures.save(figure, path, replace)


def _draw_strip(figure, part, start):
    """Draws up to COLUMNS cases of a Section, from one on."""
    if start == 0:
        figure.suptitle(part.title, fontsize=11, x=0.01, ha="left", fontweight="bold")
    axes = figure.subplots(len(part.rows), COLUMNS, squeeze=False)
    for row, (name, images) in zip(axes, part.rows.items()):
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        for axis, image in zip(row, images[start:start + COLUMNS]):
            axis.imshow(image)
        for axis in row:
            figures.bare(axis)
    for axis, caption in zip(axes[0], part.captions[start:start + COLUMNS]):
        axis.set_title(caption, fontsize=9, color=part.colour)


def picture(network, split, path, right=20, wrong=10, most=10000, replace=False):
    """Draws a network's reconstructions of a split into a PNG.

    Args:
      network: Network with a decoder.
      split: Split.
      path: str.
      right, wrong: int, how many images that are read right and wrong.
      most: int, number of images to look for them in.
      replace: whether a file of that name may be replaced.

    Raises:
      RunError: if there is nothing to draw, or it cannot be written.
    """
    parts = sections(network, split, *find_cases(network, split, right, wrong, most))
    if not parts:
        raise RunError(f"{path}: nothing to draw: of the first {most} images none is read "
                       f"{'right' if right else 'wrong'}.")
    draw(parts, path, replace)


def _settings(values):
    if not values.right + values.wrong:
        raise UsageError("--right and --wrong are both 0: nothing is left to draw.")
    return (trained_network.choice(values), figures.check_output(values.output),
            (values.right, values.wrong, values.eval_size))


def _main(settings):
    chosen, path, numbers = settings
    network, split = trained_network.load(chosen, needs=("class_capsules", "decoder"))
    picture(network, split, path, *numbers)
    print(f"Wrote {path}: {split.source}.")


def main(argv):
    """Runs the command line, and returns its exit status."""
    return command_line.run(argv, FLAGS, _settings, _main, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
