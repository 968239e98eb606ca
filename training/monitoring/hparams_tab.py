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
import models
from models.hparams import CHOICES, HParams
from training.run_folder import contents

METRICS = {"training_loss": "training: loss of a batch", "evaluation_loss": "evaluation: loss",
           "evaluation_error": "evaluation: error, %"}
FLAGS = {"model": tuple(models.NETWORKS), "dataset": tuple(input_data.READERS),
         "num_targets": int, "batch_size": int, "seed": int, "precision": ("float32", "bfloat16")}


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
            [hp.HParam(name, _domain(kind)) for name, kind in _kinds().items()],
            [hp.Metric("hparams/" + name, display_name=words) for name, words in METRICS.items()])
        hp.hparams(values, trial_id=os.path.dirname(os.path.abspath(folder)))


def write_metric(name, value):
    """Writes the value, at the default writer's step, of one of METRICS."""
    tf.summary.scalar("hparams/" + name, value)


def _values(train_folder):
    flags = contents.read(train_folder, contents.FLAGS)
    hparams = contents.read_hparams(train_folder)
    if flags is None or hparams is None:
        return None
    return {**{name: flags[name] for name in FLAGS if flags.get(name) is not None},
            **dataclasses.asdict(hparams)}


def _kinds():
    """Returns {name: type, or tuple of the values that there are}."""
    return {**FLAGS, **{field.name: CHOICES.get(field.name, field.type)
                        for field in dataclasses.fields(HParams)}}


def _domain(kind):
    if isinstance(kind, tuple):
        return hp.Discrete(kind)
    if kind is bool:
        return hp.Discrete([False, True])
    # The table asks for the ends of ranges, and uses their type alone.
    return hp.IntInterval(0, 2**32) if kind is int else hp.RealInterval(0.0, 1e9)
