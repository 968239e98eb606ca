"""A run as its settings ask for it: a training, an evaluation, or following a training."""

import dataclasses
import os
import sys
import time

import keras

import input_data
import models
from models.hparams import HParams, parse_overrides
from training import checkpoints, optimization, run_files, trainer
from training.errors import NonFiniteLossError, RunError
from training.evaluator import Evaluator
from training.settings import EVALUATION_BATCH, TRAINING_BATCH
from training.summaries import EVALUATION_TAGS, Summaries

MAX_STEPS = 1000
NON_FINITE_STATUS = 3


def run(settings):
    """Does what the settings ask for, and says on the screen how it goes.

    Args:
      settings: Settings.

    Returns:
      int exit status, or None for 0.

    Raises:
      DataError, HParamsError, RunError: for what the user can mend.
    """
    if settings.train:
        return train(settings)
    if settings.checkpoint:
        return evaluate(settings)
    return follow(settings)


def train(settings):
    """Trains, from the last checkpoint in summary_dir/train if there is one.

    Args, Returns, Raises: as for `run`.
    """
    folder = settings.train_folder
    run_files.make_folder(folder)
    newest = checkpoints.latest(folder)
    stored = checkpoints.Stored(newest) if newest else None
    settings, hparams = _as_started(settings, folder if stored else None)
    if stored:
        if stored.step > settings.max_steps:
            raise RunError(f"--max_steps={settings.max_steps} is below step {stored.step}, "
                           f"which {folder} has reached; give more, or another --summary_dir.")
        print(f"Resuming from {newest}.")
    elif settings.checkpoint:
        stored = checkpoints.Stored(settings.checkpoint)
        print(f"Starting from {settings.checkpoint}.")

    split = _open_split(settings)
    keras.utils.set_random_seed(settings.seed)
    network = models.build(settings.model, hparams, split.info)
    optimizer = optimization.make_optimizer(network)
    if stored:
        stored.restore_network(network)
        stored.restore_optimizer(network, optimizer)
    run_files.write_settings(folder, settings, hparams)
    _print_variables(network)
    if int(optimizer.iterations) >= settings.max_steps:
        print(f"Step {stored.step} was reached already: {stored.name}")
        return None

    run_files.remove(folder, run_files.FINISHED)
    try:
        status = trainer.train(network, optimizer, split, folder, settings.max_steps,
                               settings.save_step, settings.batch_size, settings.seed)
    except NonFiniteLossError as error:
        print(error, file=sys.stderr)
        return NON_FINITE_STATUS
    if status is None:
        run_files.write(folder, run_files.FINISHED, {"step": settings.max_steps})
    return status


def evaluate(settings):
    """Evaluates one checkpoint.

    Args, Returns, Raises: as for `run`.
    """
    stored = checkpoints.Stored(settings.checkpoint)
    _Evaluations(settings, stored).add(stored)


def follow(settings):
    """Evaluates the checkpoints of a training, each once, until the training ends.

    It ends with the checkpoint of max_steps, with the mark that a finished training leaves, or
    when no checkpoint has come for patience_minutes.

    Args, Returns, Raises: as for `run`.
    """
    folder = settings.train_folder
    print(f"Following the checkpoints in {folder}.")
    evaluations, seen = None, set()
    last_news = time.monotonic()
    while True:
        # Read before the list: what is then not in the list will not come.
        finished = run_files.read(folder, run_files.FINISHED)
        new = [name for name in checkpoints.all_names(folder) if name not in seen]
        for name in new:
            stored = checkpoints.Stored(name)
            evaluations = evaluations or _Evaluations(settings, stored)
            evaluations.add(stored)
            seen.add(name)
            last_news = time.monotonic()
            if settings.max_steps is not None and stored.step >= settings.max_steps:
                return
        if finished and not new:
            return
        if time.monotonic() - last_news > 60 * settings.patience_minutes:
            if not seen:
                raise RunError(f"{folder}: no checkpoint for {settings.patience_minutes:g} "
                               "minutes (--patience_minutes).")
            print(f"No new checkpoint for {settings.patience_minutes:g} minutes.")
            return
        if not new:
            time.sleep(settings.poll_seconds)


def load_network(checkpoint, model, overrides, info):
    """Returns the network of a checkpoint, for the shapes of a dataset.

    Args:
      checkpoint: checkpoints.Stored.
      model: str, the network's name.
      overrides: str, of the hyperparameters beside the checkpoint, or of the defaults.
      info: DatasetInfo.

    Raises:
      RunError: if the checkpoint is of another network.
    """
    hparams = run_files.read_hparams(os.path.dirname(checkpoint.name)) or HParams()
    network = models.build(model, hparams.override(overrides), info)
    checkpoint.restore_network(network)
    return network


class _Evaluations:
    """Evaluates checkpoints of one network, one after another.

    Args:
      settings: Settings.
      stored: checkpoints.Stored, the first of the checkpoints.
    """

    def __init__(self, settings, stored):
        self._settings = settings
        split = _open_split(settings)
        self._network = load_network(stored, settings.model, settings.hparams_override,
                                     split.info)
        self._evaluator = Evaluator(self._network, split,
                                    settings.batch_size or EVALUATION_BATCH, settings.eval_size)
        if settings.test_folder:
            run_files.make_folder(settings.test_folder)
            run_files.write_settings(settings.test_folder, settings, self._network.hparams)

    def add(self, stored):
        """Evaluates a checkpoint, prints the result, and writes it if there is a folder."""
        settings, folder = self._settings, self._settings.test_folder
        stored.restore_network(self._network)
        print(f"Evaluating {stored.name}, step {stored.step}.")
        evaluation = self._evaluator.evaluate()
        print(evaluation.line(), flush=True)
        if not folder:
            return
        with Summaries(folder, EVALUATION_TAGS, stored.step) as summaries:
            summaries.scalars(stored.step, evaluation.scalars())
        run_files.write(folder, run_files.RESULT, {
            "dataset": settings.dataset, "model": settings.model, "checkpoint": stored.name,
            "step": stored.step, "examples": evaluation.examples, "wrong": evaluation.wrong,
            "wrong_percent": evaluation.wrong_percent, "almost_wrong": evaluation.almost_wrong,
            "seconds": evaluation.seconds})


def _as_started(settings, folder):
    """Returns settings and hparams of a training, with what an earlier start decided.

    Args:
      settings: Settings.
      folder: where the training that is resumed left its files, or None.

    Raises:
      RunError: if the flags ask for something else than the training was started with.
    """
    started = (folder and run_files.read(folder, run_files.FLAGS)) or {}
    hparams = folder and run_files.read_hparams(folder)
    defaults = {"seed": 0, "batch_size": TRAINING_BATCH, "max_steps": MAX_STEPS}
    decided = {}
    for name in ("dataset", "model", "validate", "seed", "batch_size"):
        asked = getattr(settings, name)
        if name in started and asked not in (None, started[name]):
            raise RunError(f"{folder} was started with --{name}={started[name]}, found "
                           f"--{name}={asked}; give the same, or another --summary_dir.")
        decided[name] = started.get(name, asked)
    decided["max_steps"] = settings.max_steps
    decided = {name: defaults.get(name) if value is None else value
               for name, value in decided.items()}
    if hparams is None:
        hparams = HParams().override(settings.hparams_override)
    for name, asked in parse_overrides(settings.hparams_override).items():
        if asked != getattr(hparams, name):
            raise RunError(f"{folder} was started with {name}={getattr(hparams, name)}, found "
                           f"--hparams_override {name}={asked}; give the same, or another "
                           "--summary_dir.")
    return dataclasses.replace(settings, **decided), hparams


def _open_split(settings):
    split = input_data.load(settings.dataset, settings.data_dir, settings.split)
    info = split.info
    print(f"Data: {split.source}: {info.num_examples} images of "
          f"{info.height}x{info.width}x{info.depth}.")
    return split


def _print_variables(network):
    paths = network.variable_paths()
    width = max(map(len, paths))
    for path, variable in paths.items():
        print(f"{path:{width}}  {'x'.join(map(str, variable.shape)):>14}")
    print(f"total_params: {network.count_params()}", flush=True)
