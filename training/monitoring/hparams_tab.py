"""A run's row in TensorBoard's tab HParams.

Training and evaluation write into folders of their own, train and test. They form one row
because both name the folder above as their trial; what its columns show has tags of its own,
since TensorBoard takes the mean of a tag that both have.
"""

import dataclasses
import os

import tensorflow as tf
from tensorboard.plugins.hparams import api as hp

import input_data
from commands.settings import settings_of
from models.hparams import HParams
from training.config import SETTINGS
from training.run_folder import resume

METRICS = {"training_loss": "training: loss of a batch", "evaluation_loss": "evaluation: loss",
           "evaluation_error": "evaluation: error, %"}
# Settings that have columns, beside the hyperparameters.
COLUMNS = ("model", "dataset", "num_targets", "batch_size", "seed", "precision")


def write_row(folder, train_folder):
    """Writes a row's names and values with the summary writer that is the default one.

    Args:
      folder: str, of the summaries: train or test of the run.
      train_folder: str, where the training left flags and hyperparameters. Without them there
        is no row.
    """
    values = _values(train_folder)
    if values:
        hp.hparams_config(
            [hp.HParam(name, _domain(known)) for name, known in _columns().items()],
            [hp.Metric("hparams/" + name, display_name=words) for name, words in METRICS.items()])
        hp.hparams(values, trial_id=os.path.dirname(os.path.abspath(folder)))


def write_metric(name, value):
    """Writes the value, at the default writer's step, of one of METRICS."""
    tf.summary.scalar("hparams/" + name, value)


def _values(train_folder):
    run = resume.read(train_folder)
    if not run.settings or run.hparams is None:
        return None
    return {**{name: run.settings[name] for name in COLUMNS
               if run.settings.get(name) is not None},
            **dataclasses.asdict(run.hparams)}


def _columns():
    """Returns {name: Setting} of what the columns show."""
    return {**{name: SETTINGS[name] for name in COLUMNS}, **settings_of(HParams)}


def _domain(known):
    if known.choices:
        return hp.Discrete(known.choices())
    if known.name == "dataset":
        return hp.Discrete(tuple(input_data.READERS))
    if known.type is bool:
        return hp.Discrete([False, True])
    # The table asks for the ends of ranges, and uses their type alone.
    return hp.IntInterval(0, 2**32) if known.type is int else hp.RealInterval(0.0, 1e9)
