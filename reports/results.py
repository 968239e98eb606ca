"""Writes a table of trained and evaluated runs: their commands, times and errors.

    python -m reports.results runs/r1 runs/r3
    python -m reports.results runs/r1 runs/r3 --page=docs/results.md --table=table1

Each argument is the --summary_dir of a training that was evaluated there. Runs that differ in
their seeds alone share a row, with mean and standard deviation. With --page the table takes the
place of what stands between the lines <!-- table1 --> and <!-- end of table1 --> in that page, and
table1.png beside it shows the learning curves.
"""

import dataclasses
import os
import statistics
import sys

from absl import flags

import models
from commands import command_line
from commands.errors import RunError, UsageError
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
# Settings of a training that its command names, if they are not the defaults.
COMMAND = {name: SETTINGS[name].default
           for name in kept(Keep.ALWAYS, Keep.CHANGEABLE, Keep.FIRST) if name != "data_dir"}
# Those of them that have columns of their own in the table, or are named by hparams.
SHOWN = ("model", "hparams_override", "batch_size", "seed")
# What a row needs of an evaluation's flags and of its result, and its type.
EVALUATED = {"validate": bool}
COUNTED = {"step": int, "examples": int, "wrong_percent": float}

FLAGS = command_line.new_flags()
flags.DEFINE_string("page", None, "A Markdown file that takes the table. Without it: the screen.",
                    flag_values=FLAGS)
flags.DEFINE_string("table", None, "The table's name in the page.", flag_values=FLAGS)


@dataclasses.dataclass(frozen=True)
class Run:
    """A training that was evaluated.

    Attributes:
      name: str, of its folder.
      flags: dict, the training's.
      hparams: HParams.
      held_out: whether the evaluated images are of the validation split.
      result: dict, of the last checkpoint's evaluation.
      seconds: float, the training's wall time.
      training: list of (step, error in percent), of the batches in its history.
      evaluations: list of (step, error in percent), of the evaluated images.
    """

    name: str
    flags: dict
    hparams: HParams
    held_out: bool
    result: dict
    seconds: float
    training: list
    evaluations: list

    @property
    def kind(self):
        """What runs of one row share: their command, but for seed and folder, and their data."""
        return (command_of({**self.flags, "seed": 0}, "", self.result["step"]),
                self.flags.get("data_dir"))


def read(folder):
    """Returns the Run whose --summary_dir is a folder.

    Raises:
      RunError: if there is no training in it whose last checkpoint was evaluated.
    """
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
    for file, values, types in ((contents.FLAGS, evaluated, EVALUATED),
                                (contents.RESULT, result, COUNTED)):
        for name, expected in types.items():
            if not isinstance(values.get(name), expected):
                raise RunError(f"{test}/{file}: expected {name}, of type {expected.__name__}, "
                               f"found {values.get(name)!r}.")
    last = latest_checkpoint(train)
    if last and not last.endswith(f"-{result['step']}"):
        raise RunError(f"{test}: the evaluation is of step {result['step']}, the last checkpoint "
                       f"is {last}; evaluate that.")
    if "members" in result:
        raise RunError(f"{test}: the result is of an ensemble; expected that of one training.")
    curves = [sorted((row["step"], 100 * (1 - row["accuracy"])) for row in read_history(part))
              for part in (train, test)]
    return Run(os.path.basename(os.path.normpath(folder)), {**COMMAND, **training.settings},
               training.hparams, evaluated["validate"], result, training_seconds(train), *curves)


def command_of(started, name, steps):
    """Returns the command of a training, from its flags: str."""
    asked = {key: started.get(key) for key, usual in COMMAND.items()
             if started.get(key) not in (usual, None)}
    data = {"data_dir": _published(started)} if started.get("data_dir") else {}
    everything = {**data, **asked, "max_steps": steps, "summary_dir": f"runs/{name}"}
    return "python experiment.py " + " ".join(
        f"--{key}={_as_flag(value)}" for key, value in everything.items())


def _published(started):
    """Returns what a command for others calls the folder, or file, of a training's data: str."""
    path = started["data_dir"]
    if started.get("dataset", "mnist") != "mnist":
        return "$DATA_DIR/" + os.path.basename(os.path.normpath(path))
    return "$DATA_DIR/mnist_data/" + ("" if os.path.isdir(path) else os.path.basename(path))


def rows_of(runs):
    """Returns the runs of each row of their table: list of lists."""
    rows = {}
    for run in runs:
        rows.setdefault(run.kind, []).append(run)
    return list(rows.values())


def table(rows):
    """Returns the Markdown table of rows of runs, and their commands."""
    lines = ["| network | other than the defaults | steps | batch | seeds | minutes | error, % "
             "| paper, % |", "| --- | --- | ---: | ---: | --- | ---: | ---: | ---: |"]
    for row in rows:
        first = row[0]
        lines.append("| " + " | ".join([
            first.flags["model"], _difference(first), f"{first.result['step']:,}",
            str(first.flags["batch_size"]), ", ".join(str(run.flags["seed"]) for run in row),
            f"{statistics.mean(run.seconds for run in row) / 60:.0f}",
            _spread([run.result["wrong_percent"] for run in row]), _paper(first)]) + " |")
    examples = sorted({f"{run.result['examples']:,} "
                       f"{'held-out' if run.held_out else 'test'} images"
                       for row in rows for run in row})
    lines += ["", f"Errors are of {' or '.join(examples)}, minutes are the training's. "
              f"{'The commands' if len(rows) > 1 else 'The command'}:", ""]
    lines += [f"    {command_of(first.flags, first.name, first.result['step'])}"
              for first, *_ in rows]
    return "\n".join(lines) + "\n"


def _difference(run):
    """Returns in what a run differs from the default: hyperparameters and flags, in words."""
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
    capsule = run.flags["model"] == "capsule"
    key = (run.flags["num_targets"], run.flags["model"], run.hparams.routing if capsule else None,
           run.hparams.remake if capsule else None)
    asked_alike = run.flags["dataset"] == "mnist" and not run.held_out
    return PAPER.get(key, "") if asked_alike else ""


def write(rows, page, name):
    """Puts the table of rows of runs into a page, between the lines that name it.

    Raises:
      RunError: if the page cannot be written, or has no such lines.
    """
    from reports.drawing import learning_curves  # which imports Matplotlib

    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    picture = f"{name}.png"
    try:
        with open(page, encoding="utf-8") as file:
            before, found, rest = file.read().partition(begin)
        _, found_end, after = rest.partition(end)
        if not (found and found_end):
            raise RunError(f"{page}: expected the lines {begin.strip()} and {end.strip()}.")
        learning_curves.draw(rows, os.path.join(os.path.dirname(page), picture))
        with whole_file(page, replace=True) as aside, open(aside, "w", encoding="utf-8") as file:
            file.write(f"{before}{begin}\n{table(rows)}\n![Learning curves]({picture})\n\n"
                       f"{end}{after}")
    except OSError as error:
        raise RunError(f"{page} cannot be read or written ({error.strerror}).") from None
    except UnicodeError:
        raise RunError(f"{page}: expected a page of Markdown, found no text.") from None


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


def main(argv):
    """Runs the command line, and returns its exit status."""
    return command_line.run(argv, FLAGS, _settings, _main, __doc__,
                            takes_arguments=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
