"""Writes a run's row in TensorBoard's HParams tab.

Training and evaluation write into different folders, train and test. They share one row because
both name the folder above as their trial. The columns have tags of their own, because TensorBoard
takes the mean of a tag that both folders have.
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
    """Writes a row's names and values with the default summary writer.

    Args:
      folder: str, of the summaries: train or test of the run.
      train_folder: str, with the training's flags.json and hparams.json; without them there is no
        row.
    """
    values = _values(train_folder)
    if values:
        hp.hparams_config(
            [hp.HParam(name, _domain(known)) for name, known in _columns().items()],
            [hp.Metric("hparams/" + name, display_name=words) for name, words in METRICS.items()])
        hp.hparams(values, trial_id=os.path.dirname(os.path.abspath(folder)))


def write_metric(name, value):
    """Writes the value of one of METRICS with the default summary writer."""
    tf.summary.scalar("hparams/" + name, value)


def _values(train_folder):
    run = resume.read(train_folder)
    if not run.settings or run.hparams is None:
        return None
    return {**{name: run.settings[name] for name in COLUMNS
               if run.settings.get(name) is not None},
            **dataclasses.asdict(run.hparams)}


def _columns():
    """Returns the columns as {name: Setting}."""
    return {**{name: SETTINGS[name] for name in COLUMNS}, **settings_of(HParams)}


def _domain(known):
    if known.choices:
        return hp.Discrete(known.choices())
    if known.name == "dataset":
        return hp.Discrete(tuple(input_data.READERS))
    if known.type is bool:
        return hp.Discrete([False, True])
    # The tab needs ranges, but uses only their type.
    return hp.IntInterval(0, 2**32) if known.type is int else hp.RealInterval(0.0, 1e9)
