"""Draws the error of trained networks against ever stronger disturbances of the test images.

    python -m reports.robustness
    python -m reports.robustness runs/a/train/model.ckpt-4000 runs/b/train/model.ckpt-4000

Without checkpoints: the network that comes with the project. Six disturbances:

  rotation  about the centre, clockwise or counterclockwise
  shift     by whole pixels, up, down, left or right
  scale     about the centre, by a factor
  noise     Gaussian, then clipped to [0, 1]
  FGSM      every pixel by epsilon along the sign of the gradient (Goodfellow et al. 2015)
  PGD       10 such steps of epsilon / 4 from a random start, kept within epsilon (Madry et al.
            2018); an image that the network misreads is left as it is

Pixels are in [0, 1]. Directions and noise are random, seeded, and the same for all networks.
The attacks climb the logit margin: the highest logit of a wrong class minus that of the true one.
The margin loss of capsule networks would not do: where a digit is classified well, it is exactly
0, without a gradient to climb, and the network would look robust. Still, the errors under attack
are lower bounds: another attack may find more, above all where gradients are small.

Writes a figure, with 95 % intervals (Wilson's), and beside it a CSV file of the same name. The
intervals say how well so many images tell a network's error, not how trainings differ.
"""

import collections
import sys

import numpy as np
from absl import flags

from commands import command_line
from commands.errors import RunError, UsageError
from reports import trained_network
from reports.drawing import figures
from training.config import new_flags

FLAGS = new_flags("data_dir")
FLAGS.set_gnu_getopt()      # flags may stand behind checkpoints
FLAGS["data_dir"].help = (f"{FLAGS['data_dir'].help.partition(' Without it')[0]} Without it: that "
                          "of the networks' runs, which must be the same.")
figures.define_output(FLAGS, "robustness.png")
flags.DEFINE_integer("examples", 1000, "Test images, from the first on.", lower_bound=1,
                     flag_values=FLAGS)
flags.DEFINE_list("names", [], "Names of the networks in the figure, in the order of the "
                  "checkpoints. Without it: their kinds, such as capsule.", flag_values=FLAGS)


def _settings(values, checkpoints):
    path = figures.check_output(values.output)
    table = figures.beside(path, ".csv")
    configs = [trained_network.completed(trained_network.of_checkpoint(
        name, data_dir=values.data_dir))
        for name in checkpoints or [trained_network.shipped_checkpoint()]]
    if len(configs) > len(figures.LINES):
        raise UsageError(f"A figure takes {len(figures.LINES)} networks, found {len(configs)}.")
    for config in configs:
        if config.num_targets != 1:
            raise UsageError(f"{config.checkpoint}: expected a network for 1 target an image, "
                             f"found {config.num_targets}.")
        if config.dataset != configs[0].dataset:
            raise UsageError(f"{config.checkpoint}: expected a network for "
                             f"{configs[0].dataset}, as the first, found {config.dataset}.")
    return configs, _names(values.names, configs), path, table, values.examples


def _names(asked, configs):
    """Returns a name for each network, no two the same: those asked for, or their kinds."""
    names = asked or [config.model for config in configs]
    if len(names) != len(configs):
        raise UsageError(f"--names: expected {len(configs)}, one for each checkpoint, found "
                         f"{len(names)}.")
    [(name, count)] = collections.Counter(names).most_common(1)
    if count > 1:
        raise UsageError(f"--names: {count} networks are named {name}; give each its own.")
    return names


def _main(settings):
    from reports.robustness import curves, measure

    configs, names, path, table, most = settings
    networks, batches = zip(*(_loaded(config, most) for config in configs))
    for config, batch in zip(configs, batches):
        if not all(map(np.array_equal, batch, batches[0])):
            raise RunError(f"{config.checkpoint} would be tested on other images than "
                           f"{configs[0].checkpoint}; name the data of both by --data_dir.")
    rows = []
    for name, config, network in zip(names, configs, networks):
        for found in measure.count_errors(name, config.checkpoint, network, *batches[0]):
            rows += found
            print(_line(found), flush=True)
    measure.write_csv(rows, table)
    figures.save(curves.figure(rows, networks[0].num_classes), path)
    print(f"Wrote {path} and {table}.")


def _loaded(config, most):
    """Returns a network, and its first test images and their classes: a pair of arrays."""
    network, data = trained_network.load(config)
    count = min(most, data.info.num_examples)
    batch = trained_network.examples(data, range(count), "--examples")
    images, targets = batch["images"].numpy(), batch["targets"].numpy()[:, 0]
    if images.min() < 0 or images.max() > 1:
        raise RunError(f"{config.checkpoint}: expected images with pixels in [0, 1]; those of "
                       f"{config.dataset} are standardized, and strengths would mean other things.")
    return network, (images, targets)


def _line(rows):
    """Returns the errors of a network under a disturbance, as a line of text."""
    from reports.robustness.measure import SCALES

    kind = rows[0].disturbance
    errors = ", ".join(f"{row.percents[0]:.1f} at {row.strength:g}" for row in rows)
    return f"{rows[0].network}, {kind} ({SCALES[kind].unit}): error (%) {errors}"


main = command_line.command(FLAGS, _settings, _main, __doc__, takes_arguments=True)


if __name__ == "__main__":
    sys.exit(main(["robustness", *sys.argv[1:]]))
