"""Trains networks side by side and draws their validation accuracy by epoch.

    python -m reports.compare
    python -m reports.compare --dataset=digits --data_dir=DIR --seeds=3

All networks are trained on the same examples for the same number of epochs, and evaluated after
each on the same held-out examples: the dataset's validation split. The output folder gets
comparison.png, .csv and .md, and a run for each network and seed. The same command continues a
comparison that was stopped; more epochs, seeds and networks can be asked for later.
"""

import dataclasses
import os
import sys

from absl import flags

import models
from commands import command_line
from commands.errors import UsageError, check_path
from training.config import SETTINGS, Config, from_flags, new_flags

# The flags that decide which images are read.
DATA = ("dataset", "data_dir", "image_size", "validation_fraction", "validation_seed",
        "skip_broken")

FLAGS = new_flags(*DATA)
# The defaults are those of the "Identify the Digits" tutorial.
flags.DEFINE_list("networks", ["mlp", "cnn", "capsule"],
                  f"Networks of {', '.join(models.NETWORKS)}.", flag_values=FLAGS)
flags.DEFINE_integer("epochs", 15, "Epochs of each training.", lower_bound=1, flag_values=FLAGS)
flags.DEFINE_integer("seeds", 1, "Trainings of each network, by the seeds 0, 1, ...",
                     lower_bound=1, flag_values=FLAGS)
flags.DEFINE_list("batch_sizes", [], "Examples in a training batch, as network=number,... "
                  "Without it: mlp=128, and 1000 for the others.", flag_values=FLAGS)
flags.DEFINE_integer("micro_batch", 125, "Most examples computed at once; fewer take less memory.",
                     lower_bound=1, flag_values=FLAGS)
flags.DEFINE_string("hparams_override", "", "Hyperparameters, as key=value,key=value; each "
                    "network takes those that it uses.", flag_values=FLAGS)
flags.DEFINE_string("output", "runs/compare", "Folder of the comparison.", flag_values=FLAGS)


@dataclasses.dataclass(frozen=True)
class Plan:
    """The networks to compare, and the settings that all runs share."""

    networks: list
    epochs: int
    seeds: int
    batch_sizes: dict       # of int, by network
    common: Config          # its summary_dir is the comparison's folder

    @property
    def data(self):
        """The settings that decide which images are read: a dict."""
        return {name: getattr(self.common, name) for name in DATA}


def compare(plan):
    """Trains, evaluates and compares the networks of a Plan; returns the status of an early end."""
    from reports.comparison import outcome, runs

    comparison, folder = runs.Comparison(plan), plan.common.summary_dir
    results = []
    for name in plan.networks:
        for seed in range(plan.seeds):
            status = comparison.train(name, seed)
            if status is not None:
                return status
            comparison.evaluate(name, seed)
        results.append(comparison.result(name))
        outcome.write(results, comparison.about, folder)
    print(f"\n{outcome.verdict(results)}\n"
          f"Wrote comparison.png, .csv and .md into {folder}.")
    return None


def _settings(values):
    check_path("--output", values.output)
    if os.path.lexists(values.output) and not os.path.isdir(values.output):
        raise UsageError(f"--output: expected a folder, found the file {values.output}.")
    batch_sizes = dict(map(_batch_size, values.batch_sizes))
    unknown = [name for name in (*values.networks, *batch_sizes) if name not in models.NETWORKS]
    if unknown or not values.networks:
        raise UsageError("--networks and --batch_sizes: expected names of "
                         f"{', '.join(models.NETWORKS)}, found {unknown}.")
    common = from_flags(values, dataset=values.dataset or SETTINGS["dataset"].default,
                        validate=True, summary_dir=values.output)
    if common.data_dir:
        common = dataclasses.replace(common, data_dir=os.path.abspath(common.data_dir))
    return Plan(list(dict.fromkeys(values.networks)), values.epochs, values.seeds, batch_sizes,
                common)


def _batch_size(item):
    name, _, number = item.partition("=")
    if not number.isdecimal() or int(number) < 1:
        raise UsageError(f"--batch_sizes: expected network=number, found {item!r}.")
    return name.strip(), int(number)


main = command_line.command(FLAGS, _settings, compare, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
