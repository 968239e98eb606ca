"""Writes a table of trained and evaluated runs: their recipes, times, errors and commands.

    python -m reports.results runs/baseline runs/affine
    python -m reports.results runs/baseline runs/affine --page=docs/results.md --table=recipes

Each argument is the --summary_dir of a training that was evaluated there. Runs that differ only in
their seeds share a row, with mean and standard deviation. A run of no recipe shows its settings
instead. With --page the table replaces the lines between <!-- recipes --> and
<!-- end of recipes --> in that page, and pictures/recipes.png beside it shows the error by minutes.
"""

import dataclasses
import os
import statistics
import sys

import numpy as np
from absl import flags

import models
from commands import command_line
from commands.errors import RunError, UsageError, reason
from commands.whole_files import whole_file
from models.hparams import HParams
from reports import recipes
from training.config import SETTINGS, Keep, kept

# Errors in percent (paper, table 1), by targets of an image, network, routing, reconstruction.
PAPER = {
    (1, "baseline", None, None): "0.39", (2, "baseline", None, None): "8.1",
    (1, "capsule", 1, False): "0.34 ± 0.032", (1, "capsule", 1, True): "0.29 ± 0.011",
    (1, "capsule", 3, False): "0.35 ± 0.036", (1, "capsule", 3, True): "0.25 ± 0.005",
    (2, "capsule", 1, True): "7.5", (2, "capsule", 3, True): "5.2",
}
# The settings that a training's command names unless they have these defaults: what decides its
# result.
COMMAND = {name: SETTINGS[name].default
           for name in kept(Keep.ALWAYS, Keep.CHANGEABLE, Keep.FIRST)
           if name not in ("data_dir", "routing_implementation", "save_step", "keep_checkpoints")}

FLAGS = command_line.new_flags()
flags.DEFINE_string("page", None, "A Markdown file that takes the table. Without it: the screen.",
                    flag_values=FLAGS)
flags.DEFINE_string("table", None, "The table's name in the page.", flag_values=FLAGS)


@dataclasses.dataclass(frozen=True)
class Run:
    """A training and the evaluation of its last checkpoint."""

    name: str               # of its folder
    recipe: str | None      # the name of its recipe
    commit: str             # of the code that trained last
    flags: dict             # of the training
    hparams: HParams
    held_out: bool          # whether the evaluated images are of the validation split
    step: int
    examples: int           # how many were evaluated
    wrong_percent: float
    seconds: float          # wall time of the training
    training: list          # (minutes, error in percent) of its batches
    evaluations: list       # (minutes, error in percent) of the evaluated images

    @property
    def paper(self):
        """The paper's error in percent for the same experiment, or "": str."""
        capsule, hparams = self.flags["model"] == "capsule", self.hparams
        if (self.held_out or self.flags["dataset"] != "mnist"
                or hparams.num_prime_capsules != HParams().num_prime_capsules):
            return ""
        return PAPER.get((self.flags["num_targets"], self.flags["model"],
                          hparams.routing if capsule else None,
                          hparams.remake if capsule else None), "")

    def command(self, name=None, **others):
        """Returns the training's command, with another folder's name or other settings: str."""
        started = {**self.flags, **others}
        named = ["seed"] if self.recipe else COMMAND
        values = {"flagfile": f"recipes/{self.recipe}.flags"} if self.recipe else {}
        if started.get("data_dir"):
            values["data_dir"] = self._data()
        values |= {key: started[key] for key in named
                   if started[key] not in (COMMAND[key], None)}
        if not self.recipe:
            values["max_steps"] = self.step
        values["summary_dir"] = f"runs/{name or self.name}"
        return "python experiment.py " + " ".join(
            f"--{key}={_as_flag(value)}" for key, value in values.items())

    def _data(self):
        """Returns the data_dir for others, below $DATA_DIR."""
        path = self.flags["data_dir"]
        if self.flags["dataset"] not in ("mnist", "affnist"):
            return "$DATA_DIR/" + os.path.basename(os.path.normpath(path))
        return "$DATA_DIR/mnist_data/" + ("" if os.path.isdir(path) else os.path.basename(path))


def read(folder):
    """Returns the Run in a folder; raises RunError unless its last checkpoint was evaluated."""
    from training.checkpoints.read import latest_checkpoint
    from training.monitoring.history import SECONDS, read_history, training_seconds
    from training.run_folder import contents, resume

    train, test = (os.path.join(folder, name) for name in ("train", "test"))
    training = resume.read(train)
    evaluated, result = (contents.read(test, name)
                         for name in (contents.FLAGS, contents.RESULT))
    if not training.settings or None in (training.hparams, evaluated, result):
        raise RunError(f"{folder}: expected a training in train/ and its evaluation in test/, "
                       "with flags.json, hparams.json and result.json.")
    held_out = evaluated.get("validate")
    if not isinstance(held_out, bool):
        raise RunError(f"{test}/{contents.FLAGS}: expected true or false as validate, found "
                       f"{held_out!r}.")
    step, examples, wrong_percent = (
        contents.read_number(test, contents.RESULT, name, kind) for name, kind in
        (("step", int), ("examples", int), ("wrong_percent", float)))
    last = latest_checkpoint(train)
    if last and not last.endswith(f"-{step}"):
        raise RunError(f"{test}: the evaluation is of step {step}, the last checkpoint is {last}; "
                       "evaluate that.")
    if "members" in result:
        raise RunError(f"{test}: the result is of an ensemble; expected that of one training.")
    histories = [sorted(read_history(part), key=lambda row: row["step"]) for part in (train, test)]
    times = {row["step"]: row.get(SECONDS, np.nan) / 60 for row in histories[0]} or {0: np.nan}
    return Run(os.path.basename(os.path.normpath(folder)),
               recipes.of_run(training.settings, training.hparams, step),
               str(contents.read(train, contents.FLAGS).get("commit") or ""),
               {**COMMAND, **training.settings}, training.hparams, held_out, step, examples,
               wrong_percent, training_seconds(train),
               *(_curve(history, times) for history in histories))


def _curve(history, times):
    """Returns [(minutes, error in percent)] of a history, given {step: minutes} of training."""
    steps, minutes = list(times), list(times.values())
    return [(np.interp(row["step"], steps, minutes), 100 * (1 - row["accuracy"]))
            for row in history]


def rows_of(runs):
    """Returns the runs of each row, which differ in seed and folder alone: list of lists."""
    rows = {}
    for run in runs:
        rows.setdefault((run.command("any", seed=0), run.flags.get("data_dir")), []).append(run)
    return list(rows.values())


def table(rows):
    """Returns the Markdown table of rows of runs, and their commands."""
    lines = ["| recipe or settings | steps | minutes | seeds | error, % | paper, % | commit |",
             "| --- | ---: | ---: | --- | ---: | ---: | --- |"]
    for row in rows:
        first = row[0]
        minutes = statistics.mean(run.seconds for run in row) / 60
        lines.append("| " + " | ".join([
            first.recipe or _difference(first) or "the defaults", f"{first.step:,}",
            f"{minutes:.0f}" if minutes >= 10 else f"{minutes:.1f}",
            ", ".join(str(run.flags["seed"]) for run in row),
            _spread([run.wrong_percent for run in row]), first.paper,
            ", ".join(dict.fromkeys(run.commit for run in row))]) + " |")
    examples = sorted({f"{run.examples:,} {'held-out' if run.held_out else 'test'} images"
                       for row in rows for run in row})
    lines += ["", f"Errors are of {' or '.join(examples)}, minutes are the training's. "
              f"{'The commands' if len(rows) > 1 else 'The command'}:", ""]
    lines += [f"    {first.command()}" for first, *_ in rows]
    return "\n".join(lines) + "\n"


def _difference(run):
    """Returns the hyperparameters and flags of a run that are not the defaults: str."""
    usual = dataclasses.asdict(models.default_hparams(run.flags["model"]))
    network = models.network_class(run.flags["model"])
    found = [f"{key}={_as_flag(value)}"
             for key, value in dataclasses.asdict(run.hparams).items()
             if value != usual[key] and not network.unused([key], run.hparams)]
    found += [f"{key}={_as_flag(run.flags[key])}" for key, default in COMMAND.items()
              if key not in ("hparams_override", "seed") and run.flags[key] not in (default, None)]
    return ", ".join(found)


def _as_flag(value):
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.15g}" if isinstance(value, float) else value      # all of its digits


def _spread(values):
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}"


def write(rows, page, name):
    """Puts the table of rows of runs into a page, between the lines that name it."""
    from reports.drawing import figures, learning_curves  # which imports Matplotlib

    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    picture = f"pictures/{name}.png"
    try:
        with open(page, encoding="utf-8") as file:
            before, found, rest = file.read().partition(begin)
        _, found_end, after = rest.partition(end)
        if not (found and found_end):
            raise RunError(f"{page}: expected the lines {begin.strip()} and {end.strip()}.")
        place = os.path.join(os.path.dirname(page), picture)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        figures.save(learning_curves.figure(rows), place, replace=True)
        with whole_file(page, replace=True) as aside, open(aside, "w", encoding="utf-8") as file:
            file.write(f"{before}{begin}\n{table(rows)}\n![Error by minutes]({picture})\n\n"
                       f"{end}{after}")
    except (OSError, UnicodeError) as error:
        raise RunError(f"{page} cannot be read or written ({reason(error)}).") from None


def _settings(values, folders):
    if not folders:
        raise UsageError("expected folders of runs, found none.")
    if bool(values.page) != bool(values.table):
        raise UsageError("--page and --table go together.")
    return folders, values.page, values.table


def _main(settings):
    folders, page, name = settings
    rows = rows_of([read(folder) for folder in dict.fromkeys(map(os.path.realpath, folders))])
    if page is None:
        print(table(rows), end="")
    else:
        write(rows, page, name)
        print(f"Wrote the table {name} of {page}.")


main = command_line.command(FLAGS, _settings, _main, __doc__, takes_arguments=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
