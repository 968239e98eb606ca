"""Writes a page in which the capsule network reads what you draw: one HTML file, usable offline.

    python -m reports.explorer --output=explorer.html
    python -m reports.explorer --checkpoint=runs/demo/train/model.ckpt-2100 --output=explorer.html

The page shows the lengths of the class capsules, the reconstruction, how routing divides the votes
in each iteration, and what each dimension of a capsule means. The network computes in the page.
"""

import os
import pathlib
import sys

from absl import flags

from commands import command_line
from commands.errors import UsageError
from reports import trained_network
from reports.drawing import figures

NETWORK = "mnist_small"

FLAGS = trained_network.flags(NETWORK)
flags.DEFINE_string("output", "explorer.html", "The page to write.", flag_values=FLAGS)
flags.DEFINE_integer("examples", 20, "Number of test images in the page.", lower_bound=1,
                     upper_bound=100, flag_values=FLAGS)


def _settings(values):
    chosen = trained_network.choice(values, NETWORK)
    if chosen.model != "capsule":
        raise UsageError("--checkpoint: the page computes the network capsule alone, found "
                         f"{chosen.model}.")
    return chosen, figures.check_output(values.output), values.examples


def _main(settings):
    from reports.explorer.page import page

    chosen, path, examples = settings
    network, data = trained_network.load(chosen, needs=("class_capsules",))
    text = page(network, data, examples).html()
    figures.write(path, lambda aside: pathlib.Path(aside).write_text(text, encoding="utf-8"))
    print(f"Wrote {path}, {os.path.getsize(path) / 1e6:.1f} MB. Open it in a browser.")


main = command_line.command(FLAGS, _settings, _main, __doc__)


if __name__ == "__main__":
    sys.exit(main(["explorer.py", *sys.argv[1:]]))
