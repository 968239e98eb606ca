"""The trials of an ensemble: folder, seed and checkpoint of each, and whether it is done."""

import contextlib
import dataclasses
import os

from commands.errors import RunError, UsageError
from models.hparams import HParamsError
from training.config import Config
from training.run_folder import contents, resume

SEEDS = 2**32


@dataclasses.dataclass(frozen=True)
class Plan:
    """The trials to train, and how to evaluate them.

    Attributes:
      common: Config of each training, but for folder and seed.
      evaluation: Config of the ensemble's evaluation.
      max_steps: int, the step that trainings end at.
      num_trials: int.
      trial: int, the only one to train, or None.
      shares: list of dicts, the environment variables of each training at work.

    Raises:
      UsageError: if a trial's folder is a file.
    """

    common: Config
    evaluation: Config
    max_steps: int
    num_trials: int
    trial: int | None
    shares: list

    def __post_init__(self):
        for number in range(self.num_trials):
            self.training(number)

    def training(self, number):
        """Returns the Config of a trial."""
        if self.common.seed is not None:
            seed = self.common.seed + number
        else:
            seed = self._started_seed(number)
            seed = self._first_seed() + number if seed is None else seed
        return dataclasses.replace(self.common, summary_dir=self._path(number), seed=seed)

    def evaluating(self):
        """Returns the Config of the evaluation, once trials were started.

        Without --validate, trials that held images out are evaluated on those.
        """
        if self.evaluation.validate is not None:
            return self.evaluation
        held_out = resume.read(self._path(0, "train")).settings.get("validate")
        return dataclasses.replace(self.evaluation, validate=held_out)

    def log(self, number):
        """Returns the file for a trial's output, or None for the screen."""
        return self._path(number, "log.txt") if len(self.shares) > 1 else None

    def is_done(self, number):
        """Whether a trial has ended at max_steps, with the settings that are asked for."""
        settings = self.training(number)
        with contextlib.suppress(RunError, HParamsError, UsageError):   # left to the training
            finished = contents.read_finished(settings.train_folder)
            if finished is None or finished < self.max_steps:
                return False
            resume.for_training(settings, resume.read(settings.train_folder))
            return os.path.exists(self.evaluation.member(number) + ".index")
        return False

    def _path(self, number, *names):
        return os.path.join(self.common.summary_dir, f"trial{number}", *names)

    def _started_seed(self, number):
        """Returns the seed that a trial was started with, or None."""
        with contextlib.suppress(RunError, HParamsError):
            return resume.read(self._path(number, "train")).settings.get("seed")
        return None

    def _first_seed(self):
        """Returns trial 0's seed, from the first trial that was started, or 0."""
        for number in range(self.num_trials):
            seed = self._started_seed(number)
            if seed is not None and 0 <= seed - number <= SEEDS - self.num_trials:
                return seed - number
        return 0
