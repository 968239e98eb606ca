"""Moves the dimensions of class capsules, and draws the decoded images (paper, figure 4).

    python -m reports.dimensions --checkpoint=runs/demo/train/model.ckpt-2100 --digits=2,5

A row is a dimension of the winning capsule, a column a value that is added to it. --animate also
writes a GIF, in which all dimensions swing at once. Dimensions are numbered; once you have seen
what some of them mean, show only these, by name:

    python -m reports.dimensions --digits=4 --meanings="3=slant,6=thickness"
"""

import sys

import numpy as np
from absl import flags

from commands import command_line
from commands.errors import UsageError
from reports import trained_network
from reports.drawing import figures
from reports.drawing.dimension_pictures import OFFSETS, Turned, animate, figure

MOST_SEARCHED = 2000        # test images, for an example of a class

FLAGS = trained_network.flags()
figures.define_output(FLAGS, "dimensions.png")
flags.DEFINE_list("digits", None, "Names of classes, with commas: for each, the first test image "
                  "that is classified correctly.", flag_values=FLAGS)
flags.DEFINE_list("examples", None, "Numbers of test images, with commas. Without it and without "
                  "--digits: 0.", flag_values=FLAGS)
flags.DEFINE_list("meanings", None, "Dimensions to show, and names for them, such as "
                  "3=slant,6=thickness; of one capsule, as each class has meanings of its own. "
                  "Without it: all, by number.", flag_values=FLAGS)
flags.DEFINE_boolean("animate", False, "Write a GIF beside the picture.", flag_values=FLAGS)


def turn(network, capsules, target):
    """Decodes the capsule of a class with each of its dimensions moved by each of OFFSETS.

    Args:
      network: Network with a decoder.
      capsules: float [num_classes, atoms], of an image.
      target: int, the class.

    Returns:
      float32 [atoms, offsets, height, width, depth].
    """
    import tensorflow as tf

    num_classes, atoms = capsules.shape
    moved = np.tile(capsules, [atoms, len(OFFSETS), 1, 1]).astype(np.float32)
    moved[:, :, target] += np.eye(atoms)[:, None] * OFFSETS[:, None]
    moved = moved.reshape(-1, num_classes, atoms)
    images = network.decoder(tf.constant(moved), targets=tf.fill([len(moved), 1], target))
    return images.numpy().reshape(atoms, len(OFFSETS), *network.image_shape)


def turned_examples(network, data, numbers, meanings=None):
    """Returns a Turned for each winning capsule of test images, num_targets an image.

    Args:
      network: Network with a decoder.
      data: Dataset.
      numbers: list of int, of the test images.
      meanings: dict from dimensions, counted from 1, to names: those to show; None for all.
    """
    import capsules

    atoms = network.class_capsules.atoms
    for dimension in meanings or ():
        if not 1 <= dimension <= atoms:
            raise UsageError(f"--meanings: expected dimensions from 1 to {atoms}, found "
                             f"{dimension}.")
    meanings = meanings or dict.fromkeys(range(1, atoms + 1), "")
    shown = np.array(list(meanings)) - 1
    rows = [f"{name} ({number})" if name else str(number) for number, name in meanings.items()]

    batch = trained_network.examples(data, numbers, "--examples")
    inferred = network({"images": batch["images"]})
    winning = capsules.predicted(inferred.logits, data.info.num_targets)
    names = data.info.class_names
    return [Turned(f"Capsule of {names[target]}: test image {number}, a "
                   f"{'+'.join(names[label] for label in labels)}", rows,
                   turn(network, own, target)[shown])
            for number, labels, own, targets in zip(numbers, batch["targets"].numpy(),
                                                    inferred.capsules.numpy(), winning.numpy())
            for target in targets]


def first_examples(network, data, names):
    """Returns the number of the first correctly classified test image of each class name."""
    known = data.info.class_names
    for name in names:
        if name not in known:
            raise UsageError(f"--digits: expected some of {','.join(known)}, found {name!r}.")
    targets, is_right = map(np.concatenate, zip(*(
        (batch["targets"], trained_network.right(batch["targets"], predictions))
        for batch, predictions, _ in trained_network.answers(network, data, MOST_SEARCHED))))
    found = {name: np.flatnonzero(is_right & (targets == known.index(name)).any(axis=1))
             for name in names}
    for name, numbers in found.items():
        if not len(numbers):
            raise UsageError(f"--digits: none of the first {len(targets)} test images of class "
                             f"{name} is classified correctly; --examples=NUMBER takes any.")
    return [found[name][0] for name in names]


def _meanings(pairs):
    """Returns the dict of dimensions and names that --meanings gives, or None."""
    if not pairs:
        return None
    split = [pair.partition("=") for pair in pairs]
    if not all(number.strip().isdecimal() and name.strip() for number, _, name in split):
        raise UsageError("--meanings: expected NUMBER=NAME with commas, found "
                         f"{','.join(pairs)!r}.")
    return {int(number): name.strip() for number, _, name in split}


def _settings(values):
    if values.digits and values.examples:
        raise UsageError("--digits and --examples are both given; leave one out.")
    if values.meanings and len(values.digits or values.examples or ["0"]) > 1:
        raise UsageError("--meanings: expected one digit or example; each class has meanings of "
                         "its own.")
    try:
        numbers = [int(text) for text in values.examples or ["0"]]
    except ValueError:
        raise UsageError("--examples: expected whole numbers with commas, found "
                         f"{','.join(values.examples)!r}.") from None
    paths = [figures.check_output(values.output)]
    if values.animate:
        paths.append(figures.beside(values.output, ".gif"))
    return (trained_network.choice(values), values.digits, numbers, _meanings(values.meanings),
            paths)


def _main(settings):
    chosen, digits, numbers, meanings, paths = settings
    network, data = trained_network.load(chosen, needs=("class_capsules", "decoder"))
    if digits:
        numbers = first_examples(network, data, digits)
    panels = turned_examples(network, data, numbers, meanings)
    figures.save(figure(panels), paths[0])
    for path in paths[1:]:
        animate(panels, path)
    for path in paths:
        print(f"Wrote {path}: {data.source}.")


main = command_line.command(FLAGS, _settings, _main, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
