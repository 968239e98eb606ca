"""Reads images with a trained network: any image file, one digit (or object) in each.

    python -m reports.predict --checkpoint=runs/demo/train/model.ckpt-2100 five.png photo.jpg

Prints the class of each image and the lengths of the class capsules. Digits may be of any size
and place, dark on light or light on dark: they are scaled and centred like MNIST's. Images
for networks of other datasets are scaled to the dataset's size.
"""

import json
import sys

from absl import flags

from commands import command_line
from commands.errors import UsageError
from reports import trained_network
from reports.drawing import picture_files

AT_ONCE = 100       # images

FLAGS = trained_network.flags()
FLAGS.set_gnu_getopt()      # flags may stand behind images
flags.DEFINE_boolean("json", False, "Print JSON: a list with an object for each image.",
                     flag_values=FLAGS)


def predict(network, data, paths):
    """Reads image files with a Network, for the dataset of a Dataset.

    Returns a dict for each: image (the path), classes (names of the num_targets classes of the
    highest values, highest first), and lengths or, without capsules, logits: {name: float}.
    """
    import capsules

    names = data.info.class_names
    values = "logits" if network.class_capsules is None else "lengths"
    found = []
    for start in range(0, len(paths), AT_ONCE):
        part = paths[start:start + AT_ONCE]
        logits = network(picture_files.batch(part, data)).logits
        highest = capsules.predicted(logits, data.info.num_targets).numpy()
        found += [{"image": path, "classes": [names[target] for target in targets],
                   values: {name: round(float(value), 4) for name, value in zip(names, row)}}
                  for path, targets, row in zip(part, highest, logits.numpy())]
    return found


def _line(answer):
    values = answer.get("lengths") or answer["logits"]
    return (f"{answer['image']}: {', '.join(answer['classes'])}   ("
            + "  ".join(f"{name}: {value:.3f}" for name, value in values.items()) + ")")


def _settings(values, paths):
    if not paths:
        raise UsageError("expected the names of image files, found none.")
    return trained_network.choice(values), paths, values.json


def _main(settings):
    chosen, paths, as_json = settings
    found = predict(*trained_network.load(chosen), paths)
    print(json.dumps(found, indent=2) if as_json else "\n".join(map(_line, found)))


main = command_line.command(FLAGS, _settings, _main, __doc__, takes_arguments=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
