"""Trains networks side by side and draws their validation accuracy by epoch.

    python -m reports.compare
    python -m reports.compare --dataset=digits --data_dir=DIR --seeds=3

All networks are trained on the same examples for the same number of epochs, and evaluated after
each on the same examples held out: the dataset's validation split. The output folder gets
comparison.png, .csv and .md, and a run of its own for each network and seed. What was stopped
goes on with the same command; more epochs, seeds and networks can be asked for later.
"""

import dataclasses
import os
import sys

from absl import flags

import models
from commands import command_line
from commands.errors import UsageError, check_path
from models.hparams import HParams
from training.config import SETTINGS, Config, new_flags

# The budget of the tutorial that this comparison is known from.
NETWORKS = ("mlp", "cnn", "capsule")
EPOCHS = 15
# The flags that say which images are read.
DATA = ("dataset", "data_dir", "image_size", "validation_fraction", "validation_seed",
        "skip_broken")

FLAGS = new_flags(*DATA)
flags.DEFINE_list("networks", list(NETWORKS), f"Networks of {', '.join(models.NETWORKS)}.",
                  flag_values=FLAGS)
flags.DEFINE_integer("epochs", EPOCHS, "Epochs of each training.", lower_bound=1,
                     flag_values=FLAGS)
flags.DEFINE_integer("seeds", 1, "Trainings of each network, by the seeds 0, 1, ...",
                     lower_bound=1, flag_values=FLAGS)
flags.DEFINE_list("batch_sizes", [], "Examples in a training batch, as network=number,... "
                  "Without it: mlp=128, and 1000 for the others.", flag_values=FLAGS)
flags.DEFINE_integer("micro_batch", 125, "As for experiment.py: less takes less memory.",
                     lower_bound=1, flag_values=FLAGS)
flags.DEFINE_string("hparams_override", "", "As for experiment.py; each network takes those "
                    "that it uses.", flag_values=FLAGS)
flags.DEFINE_string("output", "runs/compare", "Folder of the comparison.", flag_values=FLAGS)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is compared: the flags, checked.

    Raises:
      UsageError, HParamsError: for flags that make no sense.
    """

    networks: tuple
    dataset: str
    data_dir: str | None
    image_size: str | None
    validation_fraction: float | None
    validation_seed: int | None
    skip_broken: bool | None
    epochs: int
    seeds: int
    batch_sizes: dict
    micro_batch: int
    hparams_override: str
    output: str

    def __post_init__(self):
        unknown = [name for name in (*self.networks, *self.batch_sizes)
                   if name not in models.NETWORKS]
        if unknown or not self.networks:
            raise UsageError(f"--networks and --batch_sizes: expected names of "
                             f"{', '.join(models.NETWORKS)}, found {unknown}.")
        if os.path.lexists(self.output) and not os.path.isdir(self.output):
            raise UsageError(f"--output: expected a folder, found the file {self.output}.")
        self.settings()         # checks what it holds

    def settings(self, **others):
        """Returns the Config of a run, which looks at the examples of the validation split."""
        return Config(**{
            **self.data, "validate": True, "hparams_override": self.hparams_override,
            "summary_dir": self.output, **others})

    @property
    def data(self):
        """What says which images are read, by the names of Config: a dict."""
        return {name: getattr(self, name) for name in DATA}


def compare(plan):
    """Trains what is not trained yet, and writes the comparison after each network.

    Args:
      plan: Plan.

    Returns:
      Exit status of a training that ended early, else None.
    """
    from reports.comparison import report, runs

    comparison = runs.Comparison(plan)
    results = []
    for name in plan.networks:
        for seed in range(plan.seeds):
            status = comparison.train(name, seed)
            if status is not None:
                return status
            comparison.evaluate(name, seed)
        results.append(comparison.result(name))
        report.write(results, comparison.about, plan.output)
    print(f"\n{report.verdict(results)}\n"
          f"Wrote comparison.png, .csv and .md into {plan.output}.")
    return None


def _settings(values):
    names = {field.name for field in dataclasses.fields(Plan)} - {"networks", "batch_sizes"}
    check_path("--output", values.output)
    if check_path("--data_dir", values.data_dir):
        values.data_dir = os.path.abspath(values.data_dir)
    HParams().override(values.hparams_override)
    values.dataset = values.dataset or SETTINGS["dataset"].default
    return Plan(networks=tuple(dict.fromkeys(values.networks)),
                batch_sizes=dict(map(_batch_size, values.batch_sizes)),
                **{name: values[name].value for name in names})


def _batch_size(item):
    name, _, number = item.partition("=")
    if not number.isdecimal() or int(number) < 1:
        raise UsageError(f"--batch_sizes: expected network=number, found {item!r}.")
    return name.strip(), int(number)


def main(argv):
    """Runs the command line, and returns its exit status."""
    return command_line.run(argv, FLAGS, _settings, compare, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
