"""A run as a command: its flags and its work, for experiment.py and others that start runs."""

import dataclasses
import os

from absl import flags

import models
from commands import command_line
from training import config
from training.config import CONVOLUTIONS, DEVICE_TYPES, MAX_STEPS, PRECISIONS, Settings
from training.distribution import cluster


def define():
    """Returns the flags of a run, with --help and --verbosity, as absl has them."""
    values = command_line.new_flags()
    flags.DEFINE_string(
        "data_dir", None, "Folder of the dataset's files, or name of a record file (NAME@N: N "
        "shards). Without it: the sample that comes with the project.", flag_values=values)
    config.define_dataset(values)
    config.define_reader_options(values)
    flags.DEFINE_integer("shift", None, "Pixels by which images to train on are moved at most, "
                         "each way. Without it: 2 for MNIST's IDX files, 0 for its records and "
                         "for digits.", lower_bound=0, flag_values=values)
    flags.DEFINE_enum("model", "capsule", list(models.NETWORKS), "The network.", flag_values=values)
    flags.DEFINE_string("hparams_override", "", "Hyperparameters other than the defaults, as "
                        "key=value,key=value; models/hparams.py lists them.", flag_values=values)
    flags.DEFINE_integer("num_targets", 1, "Classes in an image: 2 for pairs of MNIST digits.",
                         lower_bound=1, flag_values=values)
    flags.DEFINE_boolean("train", True, "Train; false evaluates.", flag_values=values)
    flags.DEFINE_boolean("validate", False, "Hold part of the training data out, and evaluate on "
                         "it instead of the test data.", flag_values=values)
    flags.DEFINE_string("summary_dir", None, "Folder of the run: train/ takes checkpoints and "
                        "summaries of the training, test/ those of evaluations.",
                        flag_values=values)
    flags.DEFINE_string("checkpoint", None, "Checkpoint to evaluate, or to start training from. "
                        "Without it evaluation follows the checkpoints in summary_dir/train.",
                        flag_values=values)
    flags.DEFINE_string("predictions", None, "Instead of evaluating, write the classes of the "
                        "dataset's unlabelled images into this new CSV file.", flag_values=values)
    flags.DEFINE_integer("num_trials", 1, "Evaluate an ensemble of so many checkpoints: {} in "
                         "--checkpoint stands for their numbers, from 0.", lower_bound=1,
                         flag_values=values)
    flags.DEFINE_integer("max_steps", MAX_STEPS, "Step to end at.", lower_bound=1,
                         flag_values=values)
    flags.DEFINE_float("max_minutes", 0, "Minutes after which a training saves and ends, "
                       "wherever it is; the same command goes on. 0: no limit.", lower_bound=0,
                       flag_values=values)
    flags.DEFINE_integer("save_step", 1500, "Steps between checkpoints.", lower_bound=1,
                         flag_values=values)
    flags.DEFINE_integer("keep_checkpoints", 1000, "Newest checkpoints to keep; older ones are "
                         "removed. One of the MNIST network takes 99 MB.", lower_bound=1,
                         flag_values=values)
    flags.DEFINE_integer("eval_size", 10000, "Most examples to evaluate, from the first on.",
                         lower_bound=1, flag_values=values)
    flags.DEFINE_integer("batch_size", None, "Examples in a batch. Without it: 128 for training, "
                         "100 for evaluation.", lower_bound=1, flag_values=values)
    flags.DEFINE_integer("micro_batch", None, "Most examples that training computes at once; a "
                         "larger batch is computed in parts, in less memory. Without it: the whole "
                         "batch.", lower_bound=1, flag_values=values)
    flags.DEFINE_integer("seed", None, "Decides initial weights, and order and augmentation of the "
                         "examples. Without it: 0, or the run's own when it resumes.",
                         lower_bound=0, upper_bound=2**32 - 1, flag_values=values)
    flags.DEFINE_enum("convolution", None, list(CONVOLUTIONS), "Algorithm of the large "
                      "convolutions: auto, the default, takes the faster one. Checkpoints are "
                      "the same.",
                      flag_values=values)
    flags.DEFINE_enum("precision", None, list(PRECISIONS), "Of the convolutions' products, "
                      "float32 by default; weights, routing and losses are always float32.",
                      flag_values=values)
    flags.DEFINE_integer("num_gpus", 1, "Devices that share each batch.", lower_bound=1,
                         flag_values=values)
    flags.DEFINE_enum("device_type", "gpu", list(DEVICE_TYPES), "Of those devices: GPUs (one falls "
                      "back to the CPU), or parts of the CPU.", flag_values=values)
    flags.DEFINE_float("poll_seconds", 10, "Following: seconds between looks for a new checkpoint.",
                       lower_bound=0.1, flag_values=values)
    flags.DEFINE_float("patience_minutes", 120, "Minutes to wait: following, for a new checkpoint; "
                       "with TF_CONFIG, for the other workers.", lower_bound=0, flag_values=values)
    return values


def settings(values, **others):
    """Returns the Settings that parsed flags ask for.

    Args:
      values: what `define` returned.
      **others: settings to take in place of what the flags of their names say.

    Raises:
      UsageError, HParamsError: as for `Settings`, and for a TF_CONFIG that does not fit.
    """
    given = {field.name: values[field.name].value for field in dataclasses.fields(Settings)}
    if not values["max_steps"].present:
        given["max_steps"] = None       # following: the training's own end
    found = Settings(**{**given, **others})
    cluster.check(found, cluster.from_environment(os.environ))
    return found


def run(argv, values, about, settings=settings):
    """Parses a command's flags, and does what they ask for.

    Args:
      argv: list of str, the command and its arguments.
      values: what `define` returned.
      about: str, what the command does, for --help.
      settings: function of the parsed flags that returns Settings.

    Returns:
      int, the exit status.
    """
    return command_line.run(argv, values, settings, _run, about,
                       before_use=_choose_devices)


def _choose_devices(settings):
    from training.distribution import devices  # which imports TensorFlow

    devices.prepare(settings)


def _run(settings):
    from training.run import run

    return run(settings)
