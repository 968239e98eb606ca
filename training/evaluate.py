"""Evaluates one checkpoint, or those of a training as they come."""

import os
import time

from training import checkpoints, run_files
from training.errors import RunError
from training.evaluator import Evaluator
from training.loading import as_trained, check_same_network, load_network, open_split
from training.settings import EVALUATION_BATCH
from training.summaries import EVALUATION_TAGS, Summaries


def evaluate(settings):
    """Evaluates one checkpoint.

    Args, Returns, Raises: as for `run`.
    """
    stored = checkpoints.Stored(settings.checkpoint)
    settings = as_trained(settings, os.path.dirname(stored.name))
    CheckpointEvaluations(settings, stored, open_split(settings)).add(stored)


def follow(settings):
    """Evaluates the checkpoints of a training, each once, until the training ends.

    It ends with the checkpoint of max_steps, with the mark that a finished training leaves, or
    when no checkpoint has come for patience_minutes.

    Args, Returns, Raises: as for `run`.
    """
    folder = settings.train_folder
    print(f"Following the checkpoints in {folder}"
          + (", which is not there yet." if not os.path.isdir(folder) else "."), flush=True)
    # What is wrong with these shall not be found hours later.
    run_files.make_folder(settings.test_folder)
    settings = as_trained(settings, folder)
    split = open_split(settings)
    evaluations, seen = None, set()
    last_news = time.monotonic()
    while True:
        # Read before the list: what is then not in the list will not come.
        finished = run_files.read(folder, run_files.FINISHED)
        new = [name for name in checkpoints.all_names(folder) if name not in seen]
        for name in new:
            stored = checkpoints.Stored(name)
            if as_trained(settings, folder) != settings:    # it started after this did
                settings = as_trained(settings, folder)
                split = open_split(settings)
            evaluations = evaluations or CheckpointEvaluations(settings, stored, split)
            evaluations.add(stored)
            seen.add(name)
            last_news = time.monotonic()
            if settings.max_steps is not None and stored.step >= settings.max_steps:
                return
        if finished and not new and finished.get("step", 0) >= (settings.max_steps or 0):
            return
        if time.monotonic() - last_news > 60 * settings.patience_minutes:
            if not seen:
                raise RunError(f"{folder}: no checkpoint for {settings.patience_minutes:g} "
                               "minutes (--patience_minutes).")
            print(f"No new checkpoint for {settings.patience_minutes:g} minutes.")
            return
        if not new:
            time.sleep(settings.poll_seconds)


class CheckpointEvaluations:
    """Evaluates checkpoints of one network, one after another.

    The network is built once.

    Args:
      settings: Settings.
      stored: checkpoints.Stored, the first of the checkpoints.
      split: Split to evaluate on.
    """

    def __init__(self, settings, stored, split):
        self._settings = settings
        self._network = load_network(
            stored, settings.model, settings.hparams_override, split.info,
            settings.convolution or "auto", settings.precision or "float32")
        self._evaluator = Evaluator(self._network, split,
                                    settings.batch_size or EVALUATION_BATCH, settings.eval_size)
        if settings.test_folder:
            run_files.make_folder(settings.test_folder)
            run_files.write_settings(settings.test_folder, settings, self._network.hparams)

    def evaluate(self, stored, collect=None):
        """Evaluates a checkpoint and prints the result.

        Args:
          stored: checkpoints.Stored.
          collect: as for `Evaluator.evaluate`.

        Returns:
          Evaluation.

        Raises:
          RunError: if the checkpoint is of another network than the first.
        """
        check_same_network(stored, self._network, self._settings.hparams_override)
        stored.restore_network(self._network)
        print(f"Evaluating {stored.name}, step {stored.step}.")
        evaluation = self._evaluator.evaluate(collect)
        print(evaluation.line(), flush=True)
        return evaluation

    def add(self, stored):
        """Evaluates a checkpoint, prints the result, and writes it if there is a folder."""
        evaluation = self.evaluate(stored)
        folder = self._settings.test_folder
        if folder:
            with Summaries(folder, EVALUATION_TAGS, lambda step: step == stored.step) as summary:
                summary.scalars(stored.step, evaluation.scalars())
            run_files.write(folder, run_files.RESULT, result(self._settings, stored, evaluation))


def result(settings, stored, evaluation):
    """Returns what result.json holds of a checkpoint's Evaluation."""
    return {"dataset": settings.dataset, "model": settings.model, "checkpoint": stored.name,
            "step": stored.step, "examples": evaluation.examples, "wrong": evaluation.wrong,
            "wrong_percent": evaluation.wrong_percent, "almost_wrong": evaluation.almost_wrong,
            "seconds": evaluation.seconds}
