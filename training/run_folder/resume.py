"""What a stored run supplies to a later command: to a training that resumes, or an evaluation.

A run leaves its settings in flags.json and its hyperparameters in hparams.json. A folder without
them, such as one of the reference's, supplies nothing: the flags decide.
"""

import dataclasses
import os

import models
from commands.errors import RunError
from models.hparams import HParams, parse_overrides
from training.config import SETTINGS, Keep
from training.monitoring import screen
from training.run_folder import contents, trained_data

# What runs did that were started before there were these settings.
BEFORE = {"routing_implementation": "products"}


@dataclasses.dataclass(frozen=True)
class StoredRun:
    """What is known of a run.

    Attributes:
      where: str, the source of the settings, for errors.
      settings: dict of the known settings, by name.
      hparams: HParams, or None where they are not known.
      data: dict of facts about its training data (see `trained_data`); empty if not known.
      instead: str, what to do about another setting, for errors.
    """

    where: str
    settings: dict = dataclasses.field(default_factory=dict)
    hparams: HParams | None = None
    data: dict = dataclasses.field(default_factory=dict)
    instead: str = "give the same, or another --summary_dir"


def read(folder):
    """Returns the StoredRun whose files are in a folder.

    Raises:
      HParamsError, RunError: if the files are damaged.
    """
    stored = contents.read(folder, contents.FLAGS)
    settings = {name: value for name, value in ({**BEFORE, **stored} if stored else {}).items()
                if name in SETTINGS and SETTINGS[name].keep is not Keep.START}
    for name, value in settings.items():
        known = SETTINGS[name]
        problem = known.problem(value)
        if value is None and known.default is not None:
            problem = f"expected {known.expected}, found none"
        if problem:
            raise RunError(f"{os.path.join(folder, contents.FLAGS)}: {name}: {problem}; mend the "
                           "file or move it away.")
    return StoredRun(folder, settings, contents.read_hparams(folder), trained_data.read(folder))


def for_training(config, run):
    """Completes what is asked of a training by what its first start decided.

    A new training's hyperparameters are those beside the checkpoint it starts from, if any.

    Args:
      config: Config, what is asked for.
      run: StoredRun to go on with, or None for a new training.

    Returns:
      Config without open settings; HParams.

    Raises:
      RunError: if something else is asked for than the run was started with.
    """
    run = run or StoredRun("")
    decided = {}
    for name, known in SETTINGS.items():
        asked, stored = getattr(config, name), run.settings.get(name)
        if asked == "auto" and stored is not None:
            asked = stored      # what the first start chose
        if known.keep is Keep.ALWAYS and name in run.settings and asked not in (None, stored):
            raise _other(run, _flag(name, stored), f"--{name}={asked}")
        if known.keep is Keep.FIRST and name in run.settings:
            if name == "checkpoint" and asked not in (None, stored):
                raise _other(run, _flag(name, stored), f"--{name}={asked}")
            asked = stored
        if asked is None and known.keep is not Keep.START:
            asked = stored
        decided[name] = known.default if asked is None else asked
    if decided["data_dir"]:
        decided["data_dir"] = os.path.abspath(decided["data_dir"])
    hparams = run.hparams
    if hparams is None:
        beside = decided["checkpoint"] and contents.read_hparams(
            os.path.dirname(decided["checkpoint"]))
        hparams = (beside or models.default_hparams(decided["model"])).override(
            decided["hparams_override"])
    for name, asked in parse_overrides(config.hparams_override).items():
        if asked != getattr(hparams, name):
            raise _other(run, f"{name}={getattr(hparams, name)}",
                         f"--hparams_override {name}={asked}")
    return dataclasses.replace(config, **decided), hparams


def for_evaluation(config, runs):
    """Completes what is asked of an evaluation by what the training decided.

    The training decides the network, the number of targets, how images are read, which are held
    out and, unless other data are named, the data.

    Args:
      config: Config, what is asked for.
      runs: list of StoredRun: of the checkpoint, or of each of an ensemble's.

    Returns:
      Config without open settings.

    Raises:
      RunError: if another network is asked for than the run has, or if images that it was
        trained on would be counted as held out.
    """
    decided = {name: _agreed(name, getattr(config, name), runs)
               for name in ("model", "num_targets")}
    first = runs[0].settings
    decided["dataset"] = config.dataset or first.get("dataset")
    same_data = decided["dataset"] == first.get("dataset")
    if same_data and config.data_dir is None:
        decided["data_dir"] = _data_to_evaluate(runs[0])
    for run in runs:
        _refuse_training_records(config, run)
        if same_data and run.settings:
            _decide_reading(config, run, decided)
    for name, known in SETTINGS.items():
        asked = decided.get(name, getattr(config, name))
        if asked is None and name not in ("batch_size", "max_steps"):
            asked = known.default
        decided[name] = asked
    return dataclasses.replace(config, **decided)


def is_record_file(data_dir):
    """Whether data are named as records: all of one split, unlike folders and archives."""
    return not os.path.isdir(data_dir) and (
        "@" in os.path.basename(data_dir)
        or (os.path.isfile(data_dir) and not data_dir.endswith(".zip")))


def warn_of_seen(config, run, data):
    """Warns if images to be evaluated as held out were not held out of a training.

    Args:
      config: Config of the evaluation, without open settings.
      run: StoredRun of the training.
      data: Dataset to evaluate on.
    """
    if (config.validate and run.settings.get("validate") is False
            and run.settings.get("dataset") == config.dataset and not data.never_trained):
        screen.warn(f"{run.where}: trained without --validate, so also on the images that are "
                    "evaluated now.")


def _agreed(name, asked, runs):
    """Returns a setting that all runs and the flags agree on."""
    for run in runs:
        stored = run.settings.get(name)
        if stored is not None and asked not in (None, stored):
            raise RunError(f"{run.where}: trained with {_flag(name, stored)}, found "
                           f"{_flag(name, asked)}; leave it out.")
        asked = stored if asked is None else asked
    return asked


def _data_to_evaluate(run):
    """Returns the folder of a run's data, to find its test data in, or None for the sample."""
    data_dir = run.settings.get("data_dir")
    if data_dir and is_record_file(data_dir):
        raise RunError(f"{run.where}: trained on the records {data_dir}; name those to evaluate "
                       "on by --data_dir.")
    return data_dir


def _refuse_training_records(config, run):
    trained_on = run.settings.get("data_dir")
    if config.data_dir and trained_on and is_record_file(trained_on) and (
            os.path.abspath(config.data_dir) == trained_on):
        raise RunError(f"{run.where}: trained on the records {trained_on}; an evaluation needs "
                       "others.")


def _decide_reading(config, run, decided):
    """Adds to a dict of settings how a run's images were read and held out."""
    for name in ("image_size", "skip_broken", "validation_fraction", "validation_seed"):
        stored = run.settings.get(name)
        asked = decided.get(name, getattr(config, name))
        if asked is None and name not in decided:
            decided[name] = stored
        elif name.startswith("validation_") and asked != stored:
            raise RunError(f"{run.where}: trained with {_flag(name, stored)}, found "
                           f"{_flag(name, asked)}: images that were trained on would be counted "
                           "as held out.")


def _other(run, expected, found):
    return RunError(f"{run.where} was started with {expected}, found {found}; {run.instead}.")


def _flag(name, value):
    """Returns a flag in words, for errors: --name=value, or that there was none."""
    return f"no --{name}" if value is None else f"--{name}={value}"
