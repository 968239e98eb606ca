"""Turns the dimensions of class capsules, and draws what is then decoded (paper, figure 4).

    python -m reports.dimensions --checkpoint=runs/demo/train/model.ckpt-2200 --digits=2,5

A row is a dimension of the winning capsule, a column what is added to it. --animate writes the
same as a GIF too, in which all dimensions swing at once.
"""

import os
import sys

import numpy as np
from absl import flags

from commands import command_line
from commands.errors import UsageError
from reports import trained_network
from reports.drawing import figures
from reports.drawing.dimension_pictures import OFFSETS, Turned, animate, draw

MOST_SEARCHED = 2000        # test images, for one of a class

FLAGS = trained_network.flags()
figures.define_output(FLAGS, "dimensions.png")
flags.DEFINE_list("digits", None, "Names of classes, with commas: for each, the first test image "
                  "that is read right.", flag_values=FLAGS)
flags.DEFINE_list("examples", None, "Numbers of test images, with commas. Without it and without "
                  "--digits: 0.", flag_values=FLAGS)
flags.DEFINE_boolean("animate", False, "Write a GIF beside the picture.", flag_values=FLAGS)


def turn(network, capsules, target, offsets=OFFSETS):
    """Decodes a capsule with each of its dimensions moved.

    Args:
      network: Network with a decoder.
      capsules: float [num_classes, atoms], those of an image.
      target: int, the class whose capsule is moved and decoded.
      offsets: float [offsets], added to one dimension at a time.

    Returns:
      float32 [atoms, offsets, height, width, depth].
    """
    import tensorflow as tf

    num_classes, atoms = capsules.shape
    moved = np.tile(capsules, [atoms, len(offsets), 1, 1]).astype(np.float32)
    moved[:, :, target] += np.eye(atoms)[:, None] * np.asarray(offsets)[:, None]
    moved = moved.reshape(-1, num_classes, atoms)
    images = network.decoder(tf.constant(moved), targets=tf.fill([len(moved), 1], target))
    return images.numpy().reshape(atoms, len(offsets), *network.image_shape)


def turned_examples(network, split, numbers):
    """Returns a Turned for each winning capsule of some test images, num_targets an image."""
    import capsules

    batch = trained_network.examples(split, numbers, "--examples")
    inferred = network({"images": batch["images"]})
    winning = capsules.predicted(inferred.logits, split.info.num_targets)
    names, found = split.info.class_names, []
    for number, labels, own, targets in zip(numbers, batch["targets"].numpy(),
                                            inferred.capsules.numpy(), winning.numpy()):
        label = "+".join(names[target] for target in labels)
        for target in targets:
            title = f"Capsule of {names[target]}: test image {number}, a {label}"
            found.append(Turned(title, turn(network, own, target)))
    return found


def first_examples(network, split, names):
    """Returns the numbers of the first test images that are read right, one for each class.

    Args:
      network: Network.
      split: Split.
      names: names of classes.

    Raises:
      UsageError: for a class that there is not, or of which none of the first images is right.
    """
    known = split.info.class_names
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(f"--digits: expected some of {','.join(known)}, "
                         f"found {unknown[0]!r}.")
    wanted, found, start = [known.index(name) for name in names], {}, 0
    for batch, predictions, _ in trained_network.answers(network, split, MOST_SEARCHED):
        targets = batch["targets"]
        for place in np.flatnonzero(trained_network.right(targets, predictions)):
            for target in targets[place]:
                found.setdefault(target, start + place)
        start += len(targets)
        if found.keys() >= set(wanted):
            return [found[target] for target in wanted]
    missing = next(target for target in wanted if target not in found)
    raise UsageError(f"--digits: none of the first {start} test images of class "
                     f"{known[missing]} is read right; --examples=NUMBER takes any.")


def _settings(values):
    if values.digits and values.examples:
        raise UsageError("--digits and --examples are both given; leave one out.")
    try:
        numbers = [int(text) for text in values.examples or ["0"]]
    except ValueError:
        raise UsageError("--examples: expected whole numbers with commas, found "
                         f"{','.join(values.examples)!r}.") from None
    paths = [figures.check_output(values.output)]
    if values.animate:
        stem, ending = os.path.splitext(values.output)
        if ending == ".gif":
            raise UsageError("--output: expected the name of the picture, beside which the "
                             f"film takes the ending .gif; found {values.output}.")
        paths.append(figures.check_output(f"{stem}.gif"))
    return trained_network.choice(values), values.digits, numbers, paths


def _main(settings):
    chosen, digits, numbers, paths = settings
    network, split = trained_network.load(chosen, needs=("class_capsules", "decoder"))
    if digits:
        numbers = first_examples(network, split, digits)
    panels = turned_examples(network, split, numbers)
    for write, path in zip((draw, animate), paths):
        write(panels, path)
        print(f"Wrote {path}: {split.source}.")


def main(argv):
    """Runs the command line, and returns its exit status."""
    return command_line.run(argv, FLAGS, _settings, _main, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
