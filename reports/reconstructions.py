"""Draws a capsule network's predictions for test images, and its reconstructions of them.

    python -m reports.reconstructions --checkpoint=runs/demo/train/model.ckpt-2100

Shows the first test images that are classified correctly and the first that are not (figure 3).
A wrong one is reconstructed twice: from the capsule of its label and from that of the predicted
class. Of two overlapping digits, each is reconstructed in a colour of its own, and some images also
from a digit that is not there (paper, figure 5).
"""

import dataclasses
import sys
from typing import NamedTuple

import numpy as np
from absl import flags

from commands import command_line
from commands.errors import RunError, UsageError
from reports import trained_network
from reports.drawing import figures

COLUMNS = 10
CELL = 90           # pixels
NAMES_WIDTH = 130   # pixels, of the rows' names
LINE, LETTERS = 14, 11      # pixels of a caption's line; letters that fit into it

FLAGS = trained_network.flags()
figures.define_output(FLAGS, "reconstructions.png")
flags.DEFINE_integer("right", 20, "Correctly classified images to show.", lower_bound=0,
                     flag_values=FLAGS)
flags.DEFINE_integer("wrong", 10, "Misclassified images to show.", lower_bound=0, flag_values=FLAGS)
flags.DEFINE_integer("eval_size", 10000, "Most test images to look for them in.", lower_bound=1,
                     flag_values=FLAGS)


@dataclasses.dataclass(frozen=True)
class Section:
    """Part of the picture: cases in columns, images of them in rows."""

    title: str
    captions: list          # of str, one a case
    rows: dict              # from a row's name to images [height, width, 3], one a case
    colour: str = "black"   # of the captions


class Cases(NamedTuple):
    """Images and a network's answers."""

    images: np.ndarray          # float32 [n, height, width, depth]
    target_images: np.ndarray   # float32 [n, num_targets, height, width, depth]
    labels: np.ndarray          # int [n, num_targets]
    predictions: np.ndarray     # int [n, num_targets]; right ones in the places of their labels
    others: np.ndarray          # int [n], of the remaining classes the one of the highest logit

    def take(self, chosen):
        """Returns the Cases that an index chooses."""
        return Cases(*(values[chosen] for values in self))


def find_cases(network, data, right, wrong, most=10000):
    """Returns the first correct and the first wrong Cases among `most` images."""
    wanted, found = {True: right, False: wrong}, {True: [], False: []}
    for batch, predictions, logits in trained_network.answers(network, data, most):
        labels = batch["targets"]
        cases = Cases(batch["images"], batch["target_images"], labels,
                      _in_place(labels, predictions), _next_class(labels, predictions, logits))
        is_right = trained_network.right(labels, predictions)
        for kind, parts in found.items():
            parts.append(cases.take(is_right == kind))
        if all(sum(len(part.images) for part in found[kind]) >= wanted[kind] for kind in wanted):
            break
    return tuple(Cases(*map(np.concatenate, zip(*found[kind]))).take(slice(count))
                 for kind, count in wanted.items())


def _in_place(labels, predictions):
    """Returns the predictions, with those that are among the labels in the labels' places."""
    placed = np.where((labels[:, :, None] == predictions[:, None, :]).any(axis=2), labels, -1)
    for row, found in zip(placed, predictions):
        row[row < 0] = found[~np.isin(found, row)]
    return placed


def _next_class(labels, predictions, logits):
    """Returns int [n], the class of the highest logit that is neither label nor prediction."""
    left = np.array(logits)
    np.put_along_axis(left, np.concatenate([labels, predictions], axis=1), -np.inf, axis=1)
    return left.argmax(axis=1)


def reconstruct(network, cases, classes):
    """Returns the images of Cases decoded from the capsules of classes, int [n, num_targets]."""
    if not len(cases.images):
        return cases.target_images      # convolutions do not take an empty batch
    return network({"images": cases.images, "targets": classes}).reconstructions.numpy()


def sections(network, data, right, wrong):
    """Returns the Sections that show correct Cases and wrong ones."""
    names = data.info.class_names
    pairs = data.info.num_targets > 1
    legend = ", first digit orange, second blue" if pairs else ""

    def words(classes):
        return "+".join(names[target] for target in classes)

    def captions(cases, word, classes):
        return [_caption(words(label), f"{word} {words(found)}")
                for label, found in zip(cases.labels, classes)]

    def rows(cases, classes, targets=True):
        found = {"input": [figures.in_colours(image) for image in cases.images]}
        if targets and not np.array_equal(cases.images, cases.target_images[:, 0]):
            found["target"] = _together(cases.target_images)
        return found | {name: _together(reconstruct(network, cases, chosen))
                        for name, chosen in classes.items()}

    parts = [
        Section("Correct" + legend, list(map(words, right.labels)),
                rows(right, {"reconstruction": right.labels})),
        Section("Wrong" + legend, captions(wrong, "as", wrong.predictions),
                rows(wrong, {"from the label": wrong.labels,
                             "from the\nprediction": wrong.predictions}), figures.VERMILLION)]
    if pairs:
        cases = right.take(slice(COLUMNS))
        absent = np.stack([cases.labels[:, 0], cases.others], axis=1)
        parts.append(Section("Reconstructed from the first digit, and from one that is not there",
                             captions(cases, "from", absent),
                             rows(cases, {"reconstruction": absent}, targets=False)))
    return [part for part in parts if part.captions]


def _caption(*parts):
    return (" " if len(" ".join(parts)) <= LETTERS else "\n").join(parts)


def _together(images):
    """Returns the images of one target as they are, those of two in a colour each."""
    if images.shape[1] == 1:
        return [figures.in_colours(image) for image in images[:, 0]]
    return [figures.two_colours(*pair[:2]) for pair in images]


def draw(parts, path, replace=False):
    """Draws Sections, one below the other, into a PNG, perhaps replacing an earlier one."""
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


def picture(network, data, path, right=20, wrong=10, most=10000, replace=False):
    """Draws correct and wrong images, among `most`, with their reconstructions."""
    parts = sections(network, data, *find_cases(network, data, right, wrong, most))
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
    network, data = trained_network.load(chosen, needs=("class_capsules", "decoder"))
    picture(network, data, path, *numbers)
    print(f"Wrote {path}: {data.source}.")


main = command_line.command(FLAGS, _settings, _main, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
