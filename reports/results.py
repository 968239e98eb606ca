"""Writes a table of trained and evaluated runs: their commands, times and errors.

    python -m reports.results runs/r1 runs/r3
    python -m reports.results runs/r1 runs/r3 --page=docs/results.md --table=table1

Each argument is the --summary_dir of a training that was evaluated there. Runs that differ only in
their seeds share a row, with mean and standard deviation. With --page the table replaces the lines
between <!-- table1 --> and <!-- end of table1 --> in that page, and table1.png beside it shows the
learning curves.
"""

import dataclasses
import os
import statistics
import sys

from absl import flags

import models
from commands import command_line
from commands.errors import RunError, UsageError, reason
from commands.whole_files import whole_file
from models.hparams import HParams
from training.config import SETTINGS, Keep, kept

# Errors in percent (paper, table 1), by targets of an image, network, routing, reconstruction.
PAPER = {
    (1, "baseline", None, None): "0.39", (2, "baseline", None, None): "8.1",
    (1, "capsule", 1, False): "0.34 ± 0.032", (1, "capsule", 1, True): "0.29 ± 0.011",
    (1, "capsule", 3, False): "0.35 ± 0.036", (1, "capsule", 3, True): "0.25 ± 0.005",
    (2, "capsule", 1, True): "7.5", (2, "capsule", 3, True): "5.2",
}
# The settings that a training's command names unless they have these defaults.
COMMAND = {name: SETTINGS[name].default
           for name in kept(Keep.ALWAYS, Keep.CHANGEABLE, Keep.FIRST) if name != "data_dir"}
# Those with columns of their own in the table.
SHOWN = ("model", "hparams_override", "batch_size", "seed")

FLAGS = command_line.new_flags()
flags.DEFINE_string("page", None, "A Markdown file that takes the table. Without it: the screen.",
                    flag_values=FLAGS)
flags.DEFINE_string("table", None, "The table's name in the page.", flag_values=FLAGS)


@dataclasses.dataclass(frozen=True)
class Run:
    """A training and the evaluation of its last checkpoint."""

    name: str               # of its folder
    flags: dict             # of the training
    hparams: HParams
    held_out: bool          # whether the evaluated images are of the validation split
    step: int
    examples: int           # how many were evaluated
    wrong_percent: float
    seconds: float          # wall time of the training
    training: list          # (step, error in percent) of its batches
    evaluations: list       # (step, error in percent) of the evaluated images

    def command(self, name=None, **others):
        """Returns the training's command, with another folder's name or other settings: str."""
        started = {**self.flags, **others}
        data = {"data_dir": self._data()} if started.get("data_dir") else {}
        asked = {key: started[key] for key, default in COMMAND.items()
                 if started[key] not in (default, None)}
        values = {**data, **asked, "max_steps": self.step,
                  "summary_dir": f"runs/{name or self.name}"}
        return "python experiment.py " + " ".join(
            f"--{key}={_as_flag(value)}" for key, value in values.items())

    def _data(self):
        """Returns the data_dir for others, below $DATA_DIR."""
        path = self.flags["data_dir"]
        if self.flags["dataset"] != "mnist":
            return "$DATA_DIR/" + os.path.basename(os.path.normpath(path))
        return "$DATA_DIR/mnist_data/" + ("" if os.path.isdir(path) else os.path.basename(path))


def read(folder):
    """Returns the Run in a folder; raises RunError unless its last checkpoint was evaluated."""
    from training.checkpoints.read import latest_checkpoint
    from training.monitoring.history import read_history, training_seconds
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
    curves = [sorted((row["step"], 100 * (1 - row["accuracy"])) for row in read_history(part))
              for part in (train, test)]
    return Run(os.path.basename(os.path.normpath(folder)), {**COMMAND, **training.settings},
               training.hparams, held_out, step, examples, wrong_percent, training_seconds(train),
               *curves)


def rows_of(runs):
    """Returns the runs of each row, which differ in seed and folder alone: list of lists."""
    rows = {}
    for run in runs:
        rows.setdefault((run.command("any", seed=0), run.flags.get("data_dir")), []).append(run)
    return list(rows.values())


def table(rows):
    """Returns the Markdown table of rows of runs, and their commands."""
    lines = ["| network | other than the defaults | steps | batch | seeds | minutes | error, % "
             "| paper, % |", "| --- | --- | ---: | ---: | --- | ---: | ---: | ---: |"]
    for row in rows:
        first = row[0]
        lines.append("| " + " | ".join([
            first.flags["model"], _difference(first), f"{first.step:,}",
            str(first.flags["batch_size"]), ", ".join(str(run.flags["seed"]) for run in row),
            f"{statistics.mean(run.seconds for run in row) / 60:.0f}",
            _spread([run.wrong_percent for run in row]), _paper(first)]) + " |")
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
              if key not in SHOWN and run.flags[key] not in (default, None)]
    return ", ".join(found)


def _as_flag(value):
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.15g}" if isinstance(value, float) else value      # all of its digits


def _spread(values):
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}"


def _paper(run):
    """Returns the paper's error for the same experiment, or ""."""
    capsule = run.flags["model"] == "capsule"
    key = (run.flags["num_targets"], run.flags["model"], run.hparams.routing if capsule else None,
           run.hparams.remake if capsule else None)
    return "" if run.flags["dataset"] != "mnist" or run.held_out else PAPER.get(key, "")


def write(rows, page, name):
    """Puts the table of rows of runs into a page, between the lines that name it."""
    from reports.drawing import figures, learning_curves  # which imports Matplotlib

    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    picture = f"{name}.png"
    try:
        with open(page, encoding="utf-8") as file:
            before, found, rest = file.read().partition(begin)
        _, found_end, after = rest.partition(end)
        if not (found and found_end):
            raise RunError(f"{page}: expected the lines {begin.strip()} and {end.strip()}.")
        figures.save(learning_curves.figure(rows), os.path.join(os.path.dirname(page), picture),
                     replace=True)
        with whole_file(page, replace=True) as aside, open(aside, "w", encoding="utf-8") as file:
            file.write(f"{before}{begin}\n{table(rows)}\n![Learning curves]({picture})\n\n"
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
