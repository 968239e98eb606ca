"""Starts a training, or goes on with one."""

import dataclasses
import math
import os
import sys
import time

import keras

import models
from capsules.convolution import ALGORITHMS
from models.hparams import parse_overrides
from training import (
    checkpoints,
    lock,
    optimization,
    run_files,
    saving,
    summaries,
    trained_on,
    trainer,
)
from training.errors import NonFiniteLossError, RunError
from training.loading import open_split, warn_of_unused
from training.settings import KEPT, MAX_STEPS, MAY_CHANGE, TRAINING_BATCH, flag

NON_FINITE_STATUS = 3
# What the flags of an earlier start may be that this one takes over without being asked.
POSSIBLE = {
    "seed": lambda value: type(value) is int and 0 <= value < 2**32,
    "batch_size": lambda value: type(value) is int and value >= 1,
    "convolution": lambda value: value in ALGORITHMS,
    "precision": lambda value: value in ("float32", "bfloat16"),
    "data_dir": lambda value: value is None or isinstance(value, str),
}


def train(settings):
    """Trains, from the last checkpoint in summary_dir/train if there is one.

    Args, Returns, Raises: as for `run`.
    """
    deadline = time.monotonic() + 60 * settings.max_minutes if settings.max_minutes else math.inf
    run_files.make_folder(settings.train_folder)
    with lock.only_writer(settings.train_folder):
        return _train(settings, deadline)


def _train(settings, deadline):
    folder = settings.train_folder
    saving.remove_leftovers(folder)
    run_files.remove_leftovers(folder, saving.STATE, summaries.HISTORY)
    stored = checkpoints.newest_whole(folder)
    settings, hparams = _as_started(settings, folder if stored else None)
    resumed = stored is not None
    if not resumed and settings.checkpoint:
        stored = checkpoints.Stored(settings.checkpoint)
    if stored:
        if stored.step > settings.max_steps:
            raise RunError(f"--max_steps={settings.max_steps} is below step {stored.step} of "
                           f"{stored.name}; give more, or another --summary_dir.")
        print(f"{'Resuming' if resumed else 'Starting'} from {stored.name}.")
    if stored is None or stored.step < settings.max_steps:
        # Who follows shall not take an earlier end for this one.
        run_files.remove(folder, run_files.FINISHED)

    split = open_split(settings)
    if resumed:
        trained_on.check(folder, split.info)
    keras.utils.set_random_seed(settings.seed)
    network = models.build(settings.model, hparams, split.info, settings.convolution,
                           settings.precision)
    warn_of_unused(network, settings.hparams_override)
    optimizer = optimization.make_optimizer(network)
    if stored:
        stored.restore_network(network)
        stored.restore_optimizer(network, optimizer)
    run_files.write_settings(folder, settings, hparams)
    trained_on.write(folder, split.info)
    _describe(network)
    if stored and stored.step == settings.max_steps:
        print(f"Step {stored.step} was reached already: {stored.name}")
        run_files.write(folder, run_files.FINISHED, {"step": stored.step})
        return None

    writer = saving.Writer(folder, network, optimizer, settings.keep_checkpoints,
                           stored.name if resumed else None)
    try:
        return trainer.train(network, optimizer, split, writer, settings.max_steps,
                             settings.save_step, settings.batch_size, settings.seed, deadline,
                             settings.micro_batch)
    except NonFiniteLossError as error:
        print(error, file=sys.stderr)
        return NON_FINITE_STATUS


def _as_started(settings, folder):
    """Returns settings and hparams of a training, with what an earlier start decided.

    A new training's hyperparameters are those beside the checkpoint it starts from, if any.

    Args:
      settings: Settings.
      folder: where the training that is resumed left its files, or None.

    Raises:
      RunError: if the flags ask for something else than the training was started with.
    """
    started = _started_flags(folder) if folder else {}
    hparams = folder and run_files.read_hparams(folder)
    defaults = {"seed": 0, "batch_size": TRAINING_BATCH, "max_steps": MAX_STEPS,
                "convolution": "auto", "precision": "float32"}
    decided = {}
    for name in KEPT:
        asked = getattr(settings, name)
        fixed = name in started and name not in MAY_CHANGE
        if fixed and asked not in (None, started[name]):
            raise RunError(f"{folder} was started with {flag(name, started[name])}, found "
                           f"--{name}={asked}; give the same, or another --summary_dir.")
        decided[name] = started.get(name) if asked is None else asked
    decided["max_steps"] = settings.max_steps
    # Data may have moved; without a word on them, they are where they were.
    decided["data_dir"] = settings.data_dir or started.get("data_dir")
    if decided["data_dir"]:
        decided["data_dir"] = os.path.abspath(decided["data_dir"])
    decided = {name: defaults.get(name) if value is None else value
               for name, value in decided.items()}
    if hparams is None:
        beside = settings.checkpoint and run_files.read_hparams(
            os.path.dirname(settings.checkpoint))
        hparams = (beside or models.default_hparams(settings.model)).override(
            settings.hparams_override)
    for name, asked in parse_overrides(settings.hparams_override).items():
        if asked != getattr(hparams, name):
            raise RunError(f"{folder} was started with {name}={getattr(hparams, name)}, found "
                           f"--hparams_override {name}={asked}; give the same, or another "
                           "--summary_dir.")
    return dataclasses.replace(settings, **decided), hparams


def _started_flags(folder):
    """Returns the flags that a training was started with, {} where it left none.

    Raises:
      RunError: if no training can have had them.
    """
    started = run_files.read(folder, run_files.FLAGS) or {}
    for name, possible in POSSIBLE.items():
        if name in started and not possible(started[name]):
            raise RunError(f"{os.path.join(folder, run_files.FLAGS)}: {name} cannot be "
                           f"{started[name]!r}; mend the file or move it away.")
    return started


def _describe(network):
    for name, convolution in network.convolutions().items():
        print(f"{name}: {convolution.algorithm} convolution ({convolution.reason}).")
    paths = network.variable_paths()
    width = max(map(len, paths))
    for path, variable in paths.items():
        print(f"{path:{width}}  {'x'.join(map(str, variable.shape)):>14}")
    print(f"total_params: {network.count_params()}", flush=True)
