"""Evaluates a checkpoint."""

import os
import time

import models
from commands.errors import RunError
from models.precision import choose_precision
from training.checkpoints.read import StoredCheckpoint
from training.config import EVALUATION_BATCH
from training.distribution import devices
from training.evaluation import result_file
from training.evaluation.counts import Evaluation, gather
from training.evaluation.inference import Inference
from training.monitoring import screen
from training.monitoring.tensorboard import Summaries
from training.run_folder import contents, resume, trained_data

# What decides which images are evaluated.
IMAGES = ("dataset", "data_dir", "num_targets", "image_size", "validate", "validation_fraction",
          "validation_seed", "eval_size")


def evaluate(config):
    """Evaluates one checkpoint, prints the result, and writes it if there is a summary_dir.

    Args:
      config: Config.

    Raises:
      UserError: for faults that the user can mend.
    """
    stored = StoredCheckpoint(config.checkpoint)
    Evaluator(config, [resume.read(stored.folder)]).evaluate_and_write(stored)


class Evaluator:
    """Evaluates checkpoints of one network on the same data, one after another.

    Writes settings and hyperparameters into the evaluation's folder, if it has one. A history of
    other images there is set aside as history-1.csv.

    Args:
      config: Config of the evaluation.
      runs: list of StoredRun: the trainings whose checkpoints will be evaluated.
      unlabelled: whether to read the dataset's images without labels.
      quiet: whether to print nothing about the data.

    Attributes:
      config: Config, completed by the trainings' settings.
      data: Dataset.
      network: Network, with the variables of the last checkpoint.

    Raises:
      UserError: for data that are missing, damaged, or do not fit the trainings, and for
        trainings of different networks.
    """

    def __init__(self, config, runs, unlabelled=False, quiet=False):
        self._asked = config
        self.config = config = resume.for_evaluation(config, runs)
        self._limit = None if unlabelled else config.eval_size
        self.data = config.load_unlabelled() if unlabelled else config.load_data()
        if not quiet:
            screen.show_data(self.data)
        for run in runs:
            trained_data.check(run, self.data)
            resume.warn_of_seen(config, run, self.data)
        replicas = devices.replicas(config)
        hparams = self._hparams(runs[0])
        with replicas.scope():
            self.network = models.build(config.model, hparams, self.data.info, config.convolution,
                                        choose_precision(config.precision),
                                        config.routing_implementation)
        screen.compile_routing(self.network)
        screen.warn_of_unused(self.network, config.hparams_override)
        for run in runs:
            self._check_same_network(run)
        self._inference = Inference(self.network, config.batch_size or EVALUATION_BATCH, replicas)
        if config.test_folder:
            contents.make_folder(config.test_folder)
            earlier = contents.read(config.test_folder, contents.FLAGS) or {}
            if any(earlier.get(name, getattr(config, name)) != getattr(config, name)
                   for name in IMAGES):
                contents.set_aside(config.test_folder, contents.HISTORY)
            contents.write_config(config.test_folder, config, hparams)

    def fits(self, run):
        """Whether a StoredRun of the same training would be evaluated in the same way."""
        return (resume.for_evaluation(self._asked, [run]) == self.config
                and self._hparams(run) == self.network.hparams)

    def answers(self, stored, what="Evaluating"):
        """Restores a checkpoint, and returns an iterator over (batch, Answer), up to eval_size.

        Args:
          stored: StoredCheckpoint.
          what: str, the label of the progress bar.
        """
        stored.restore_network(self.network)
        return self._inference.over(self.data, self._limit, what)

    def evaluate(self, stored):
        """Evaluates a checkpoint and prints the result.

        Args:
          stored: StoredCheckpoint.

        Returns:
          Evaluation, Answers.

        Raises:
          RunError: if the checkpoint is of another network.
        """
        start = time.monotonic()
        batches = self.answers(stored)
        print(f"Evaluating {stored.name}, step {stored.step}.")
        answers = gather(batches)
        return self.count(answers, start), answers

    def count(self, answers, start):
        """Returns the Evaluation of Answers, and prints it.

        Args:
          answers: Answers.
          start: float, what time.monotonic() said at the start of the evaluation.
        """
        evaluation = Evaluation.of(answers, self.data.info.num_examples, time.monotonic() - start)
        if evaluation.examples < evaluation.split_examples:
            print(f"The first {evaluation.examples:,} of {evaluation.split_examples:,}; "
                  f"--eval_size={evaluation.split_examples} takes all.")
        print(evaluation.line(), flush=True)
        return evaluation

    def evaluate_and_write(self, stored):
        """Evaluates a checkpoint, prints the result, and writes it if there is a folder."""
        folder = self.config.test_folder
        evaluation, _ = self.evaluate(stored)
        if folder:
            scalars = evaluation.scalars()
            with Summaries(folder, tuple(scalars), lambda step: step == stored.step) as summary:
                summary.scalars(stored.step, scalars)
                summary.row(os.path.dirname(stored.name))
                summary.metrics(stored.step, evaluation_error=evaluation.wrong_percent,
                                evaluation_loss=scalars["total_loss"])
                picture = result_file.write(folder, self.result(stored, evaluation),
                                            evaluation.confusion)
                if picture is not None:
                    summary.picture(stored.step, "confusion", picture)
            if summary.failure:
                raise RunError(f"{summary.failure}.")

    def result(self, stored, evaluation):
        """Returns the contents of result.json for a checkpoint's Evaluation: a dict."""
        return {"dataset": self.config.dataset, "model": self.config.model,
                "checkpoint": stored.name, "step": stored.step, "examples": evaluation.examples,
                "split_examples": evaluation.split_examples, "wrong": evaluation.wrong,
                "wrong_percent": evaluation.wrong_percent,
                "almost_wrong": evaluation.almost_wrong, "seconds": evaluation.seconds,
                "classes": evaluation.confusion.by_class(self.data.info.class_names),
                "confusion": evaluation.confusion.matrix.tolist()}

    def _hparams(self, run):
        """Returns the hyperparameters of a StoredRun's network, with the overrides."""
        stored = run.hparams or models.default_hparams(self.config.model)
        return stored.override(self.config.hparams_override)

    def _check_same_network(self, run):
        found = self._hparams(run)
        for name in self.network.uses:
            expected = getattr(self.network.hparams, name)
            if getattr(found, name) != expected:
                raise RunError(f"{run.where} is of a network with {name}={getattr(found, name)}, "
                               f"expected {name}={expected} as in the first; "
                               "--hparams_override makes them the same.")
