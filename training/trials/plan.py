"""The trials of an ensemble: folder, seed and checkpoint of each, and whether it is done."""

import contextlib
import dataclasses
import functools
import os

from commands.errors import RunError, UsageError
from models.hparams import HParamsError
from training.config import Config
from training.run_folder import contents, resume

SEEDS = 2**32


@dataclasses.dataclass(frozen=True)
class Plan:
    """The trials to train, and how to evaluate them."""

    common: Config          # of each training, but for folder and seed
    evaluation: Config      # of the ensemble
    max_steps: int          # where trainings end
    num_trials: int
    trial: int | None       # the only one to train
    shares: list            # of dicts, environment variables for each training at work

    def __post_init__(self):
        for number in range(self.num_trials):
            self.training(number)       # a UsageError, if its folder is a file

    def training(self, number):
        """Returns the Config of a trial."""
        return dataclasses.replace(self.common, summary_dir=self._path(number),
                                   seed=self._seeds[number])

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

    @functools.cached_property
    def _seeds(self):
        """The trials' seeds: asked for, kept, or counted on from the first trial that has one."""
        if self.common.seed is not None:
            return [self.common.seed + number for number in range(self.num_trials)]
        kept = [self._kept_seed(number) for number in range(self.num_trials)]
        first = next((seed - number for number, seed in enumerate(kept) if seed is not None
                      and 0 <= seed - number <= SEEDS - self.num_trials), 0)
        return [first + number if seed is None else seed for number, seed in enumerate(kept)]

    def _kept_seed(self, number):
        with contextlib.suppress(RunError, HParamsError):
            return resume.read(self._path(number, "train")).settings.get("seed")
        return None
