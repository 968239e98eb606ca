"""Evaluates one checkpoint, or those of a training as they come."""

import os
import time

from commands.errors import DamagedError, RunError
from training.checkpoints.read import StoredCheckpoint, checkpoint_names
from training.config import EVALUATION_BATCH
from training.distribution import devices
from training.evaluation import result_file
from training.evaluation.inference import Evaluator
from training.evaluation.loading import check_same_network, load_network, open_split
from training.monitoring import progress
from training.monitoring.tensorboard import EVALUATION_TAGS, Summaries
from training.run_folder import contents, trained_on


def evaluate(settings):
    """Evaluates one checkpoint.

    Args, Returns, Raises: as for `run`.
    """
    stored = StoredCheckpoint(settings.checkpoint)
    settings = trained_on.as_trained(settings, stored.folder)
    CheckpointEvaluations(settings, stored, open_split(settings)).add(stored)


def follow(settings):
    """Evaluates the checkpoints of a training, each once, until the training ends.

    It ends with the checkpoint of max_steps, with the mark that a finished training leaves, or
    when no checkpoint has come for patience_minutes.

    Checkpoints that are damaged are named and passed over; if the last one is, that is an error.

    Args, Returns, Raises: as for `run`.
    """
    folder = settings.train_folder
    print(f"Following the checkpoints in {folder}"
          + (", which is not there yet." if not os.path.isdir(folder) else "."), flush=True)
    # What is wrong with these shall not be found hours later.
    contents.make_folder(settings.test_folder)
    opened = trained_on.as_trained(settings, folder)
    split = open_split(opened)
    evaluations, seen, missed = None, set(), None
    last_news = time.monotonic()
    while True:
        # Read before the list: what is then not in the list will not come.
        finished = contents.read_finished(folder)
        new = [name for name in checkpoint_names(folder) if name not in seen]
        for name in new:
            seen.add(name)
            last_news = time.monotonic()
            try:
                stored = StoredCheckpoint(name)
                if evaluations is None:
                    # A training that was not there yet may have been started with other flags.
                    if (now := trained_on.as_trained(settings, folder)) != opened:
                        opened, split = now, open_split(now)
                    evaluations = CheckpointEvaluations(opened, stored, split)
                evaluations.add(stored)
            except DamagedError as error:       # or removed by the training, as too old
                progress.warn(f"{error} It is passed over.")
                missed = error
                continue
            missed = None
            if settings.max_steps is not None and stored.step >= settings.max_steps:
                return
        if finished is not None and not new and finished >= (settings.max_steps or 0):
            break
        if time.monotonic() - last_news > 60 * settings.patience_minutes:
            if not seen:
                raise RunError(f"{folder}: no checkpoint for {settings.patience_minutes:g} "
                               "minutes (--patience_minutes).")
            print(f"No new checkpoint for {settings.patience_minutes:g} minutes.")
            break
        if not new:
            time.sleep(settings.poll_seconds)
    if missed:
        raise RunError(f"The last checkpoint was not evaluated: {missed}")


class CheckpointEvaluations:
    """Evaluates checkpoints of one network, one after another.

    The network is built once.

    Args:
      settings: Settings.
      stored: StoredCheckpoint, the first of the checkpoints.
      split: Split to evaluate on.
    """

    def __init__(self, settings, stored, split):
        self._settings = settings
        self._info = split.info
        trained_on.check(stored.folder, split.info)
        trained_on.warn_of_seen(settings, stored.folder)
        towers = devices.towers(settings)
        with towers.scope():
            self._network = load_network(
                stored, settings.model, settings.hparams_override, split.info,
                settings.convolution or "auto", settings.precision or "float32")
        self._evaluator = Evaluator(self._network, split, settings.batch_size or EVALUATION_BATCH,
                                    settings.eval_size, towers)
        if settings.test_folder:
            contents.make_folder(settings.test_folder)
            contents.write_settings(settings.test_folder, settings, self._network.hparams)

    def evaluate(self, stored, collect=None):
        """Evaluates a checkpoint and prints the result.

        Args:
          stored: StoredCheckpoint.
          collect: as for `Evaluator.evaluate`.

        Returns:
          Evaluation.

        Raises:
          RunError: if the checkpoint is of another network than the first, or trained on other
            data.
        """
        trained_on.check(stored.folder, self._info)
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
                summary.row(os.path.dirname(stored.name))
                summary.metrics(stored.step, evaluation_error=evaluation.wrong_percent,
                                evaluation_loss=evaluation.scalars()["total_loss"])
                picture = result_file.write(folder, self.result(stored, evaluation),
                                        evaluation.confusion)
                summary.picture(stored.step, "confusion", picture)
            if summary.failure:
                raise RunError(f"{summary.failure}.")

    def result(self, stored, evaluation):
        """Returns what result.json holds of a checkpoint's Evaluation: a dict."""
        return result_file.result(self._settings, stored, evaluation, self._info.class_names)
