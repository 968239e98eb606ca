"""What an earlier start, or the chief of a cluster, decided for a training."""

import dataclasses
import os

import input_data
import models
from commands.errors import RunError
from models.hparams import parse_overrides
from training.config import (
    CONVOLUTIONS,
    KEPT,
    MAX_STEPS,
    MAY_CHANGE,
    PRECISIONS,
    TRAINING_BATCH,
    flag,
)
from training.run_folder import contents

DEFAULTS = {"seed": 0, "batch_size": TRAINING_BATCH, "max_steps": MAX_STEPS,
            "convolution": "auto", "precision": "float32"}
# What the flags of an earlier start may be.
POSSIBLE = {
    "model": lambda value: isinstance(value, str) and value in models.NETWORKS,
    "dataset": lambda value: isinstance(value, str) and input_data.is_dataset(value),
    "num_targets": lambda value: type(value) is int and value >= 1,
    "validate": lambda value: isinstance(value, bool),
    "seed": lambda value: type(value) is int and 0 <= value < 2**32,
    "batch_size": lambda value: type(value) is int and value >= 1,
    "convolution": lambda value: value in CONVOLUTIONS,
    "precision": lambda value: value in PRECISIONS,
    "micro_batch": lambda value: value is None or (type(value) is int and value >= 1),
    "validation_fraction": lambda value: value is None or isinstance(value, float),
    "validation_seed": lambda value: value is None or type(value) is int,
    **{name: lambda value: value is None or isinstance(value, str)
       for name in ("data_dir", "image_size", "checkpoint")},
    "hparams_override": lambda value: isinstance(value, str),
}


@dataclasses.dataclass(frozen=True)
class Started:
    """A training that was started.

    Attributes:
      where: str, who says so, for errors.
      flags: dict, its flags.
      hparams: HParams, or None where they are not known.
      instead: str, what to do about another flag, for errors.
    """

    where: str
    flags: dict
    hparams: object
    instead: str = "give the same, or another --summary_dir"


def read(folder):
    """Returns the Started whose files are in a folder.

    Raises:
      RunError: if no training can have left them.
    """
    flags = contents.read(folder, contents.FLAGS) or {}
    for name, possible in POSSIBLE.items():
        if name in flags and not possible(flags[name]):
            raise RunError(f"{os.path.join(folder, contents.FLAGS)}: {name} cannot be "
                           f"{flags[name]!r}; mend the file or move it away.")
    return Started(folder, flags, contents.read_hparams(folder))


def go_on(settings, started):
    """Returns settings and hparams of a training, with what was decided when it started.

    A new training's hyperparameters are those beside the checkpoint it starts from, if any.

    Args:
      settings: Settings.
      started: Started, or None for a new training.

    Raises:
      RunError: if the flags ask for something else than the training was started with.
    """
    flags = started.flags if started else {}
    decided = {}
    for name in KEPT:
        asked = getattr(settings, name)
        if name in flags and name not in MAY_CHANGE and asked not in (None, flags[name]):
            raise _other(started, flag(name, flags[name]), f"--{name}={asked}")
        decided[name] = flags.get(name) if asked is None else asked
    decided["max_steps"] = settings.max_steps
    for name in ("checkpoint", "hparams_override"):     # of the start alone
        decided[name] = flags.get(name, getattr(settings, name))
    # Data may have moved; without a word on them, they are where they were.
    decided["data_dir"] = settings.data_dir or flags.get("data_dir")
    if decided["data_dir"]:
        decided["data_dir"] = os.path.abspath(decided["data_dir"])
    decided = {name: DEFAULTS.get(name) if value is None else value
               for name, value in decided.items()}
    hparams = started.hparams if started else None
    if hparams is None:
        beside = decided["checkpoint"] and contents.read_hparams(
            os.path.dirname(decided["checkpoint"]))
        hparams = (beside or models.default_hparams(settings.model)).override(
            decided["hparams_override"])
    for name, asked in parse_overrides(settings.hparams_override).items():
        if asked != getattr(hparams, name):
            raise _other(started, f"{name}={getattr(hparams, name)}",
                         f"--hparams_override {name}={asked}")
    return dataclasses.replace(settings, **decided), hparams


def _other(started, expected, found):
    return RunError(f"{started.where} was started with {expected}, found {found}; "
                    f"{started.instead}.")
