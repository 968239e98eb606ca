"""The trainings and evaluations of a comparison, each once, in a folder of its own."""

import dataclasses
import os

import input_data
import models
from commands.errors import RunError
from models.hparams import parse_overrides
from training.checkpoints.read import CHECKPOINT_NAME, StoredCheckpoint, newest_whole_checkpoint
from training.checkpoints.write import KEEP_CHECKPOINTS
from training.evaluation.evaluate import Evaluator
from training.monitoring import screen
from training.monitoring.history import read_history, training_seconds
from training.run_folder import contents, resume
from training.train import train

MARK = "comparison.json"        # what says that a folder is a comparison's


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
      batch_size: examples in a batch.
      shift: most that images are moved, each way, as a share of their width.
      hparams: dict of hyperparameters other than the network's own.
    """

    batch_size: int = 1000
    shift: float = 0.1
    hparams: dict = dataclasses.field(default_factory=dict)


# The capsule network's losses are the paper's.
RECIPES = {"mlp": Recipe(batch_size=128, shift=0),
           "capsule": Recipe(hparams={"loss_scale": "paper"})}


@dataclasses.dataclass(frozen=True)
class Result:
    """A network's outcome.

    Attributes:
      name: str, the network.
      parameters: int.
      recipe: dict from what was chosen to its value, in words.
      steps: list of int, the step at each epoch's end.
      wrong: list by seed of lists by epoch of int.
      examples: int, number of examples that were evaluated.
      seconds: list by seed of float, wall time of the training.
    """

    name: str
    parameters: int
    recipe: dict
    steps: list
    wrong: list
    examples: int
    seconds: list

    def accuracies(self):
        """Returns percentages: lists by seed of lists by epoch."""
        return [[100 * (1 - wrong / self.examples) for wrong in epochs] for epochs in self.wrong]


class Comparison:
    """A comparison's runs, new or as far as they came.

    Args:
      plan: compare.Plan.

    Raises:
      RunError: if the output folder is not a comparison's, or one of other data or networks.
      DataError: if the data are missing or damaged.
    """

    def __init__(self, plan):
        self._plan = plan
        _check_folder(plan.output)
        self._train_info, self._held_out_info = (
            _open(plan.settings(train=kind)).info for kind in (True, False))
        self._chosen = {name: self._choose(name) for name in plan.networks}
        # What cannot be built is found before anything is trained.
        self._parameters = {
            name: models.count_params(name, self._hparams(name), self._train_info)
            for name in plan.networks}
        self._warn_of_unused()
        self.about = {"dataset": plan.dataset, "trained on": self._train_info.num_examples,
                      "held out": self._held_out_info.num_examples}
        self._check_and_mark()

    def train(self, name, seed):
        """Trains a network, or goes on with it; returns the exit status of an early end."""
        settings = self._settings(name, seed)
        stored = newest_whole_checkpoint(settings.train_folder)
        if stored and stored.step >= settings.max_steps:
            return None
        print(f"\nTraining {name}, seed {seed}: {self._plan.epochs} epochs of "
              f"{settings.save_step} steps of {settings.batch_size} images.", flush=True)
        return train(settings)

    def evaluate(self, name, seed):
        """Evaluates the epochs of a training that were not evaluated yet."""
        settings = self._settings(name, seed, train=False, batch_size=None, micro_batch=None,
                                  eval_size=self._held_out_info.num_examples)
        evaluator = None
        for step in self._steps(name):
            if step in _wrong_by_step(settings):
                continue
            stored = StoredCheckpoint(
                os.path.join(settings.train_folder, f"{CHECKPOINT_NAME}-{step}"))
            evaluator = evaluator or Evaluator(settings, [resume.read(stored.folder)])
            evaluator.evaluate_and_write(stored)

    def result(self, name):
        """Returns the Result of a network whose trainings were all evaluated."""
        runs = [self._settings(name, seed) for seed in range(self._plan.seeds)]
        wrong = [_wrong_by_step(settings) for settings in runs]
        return Result(
            name, self._parameters[name], self._chosen[name], self._steps(name),
            [[by_step[step] for step in self._steps(name)] for by_step in wrong],
            self._held_out_info.num_examples,
            [training_seconds(settings.train_folder) for settings in runs])

    def _choose(self, name):
        """Returns what is chosen for a network: batch size, shift, hyperparameters."""
        recipe = RECIPES.get(name, Recipe())
        asked = self._plan.batch_sizes.get(name, recipe.batch_size)
        shift = None        # as the dataset has it
        if input_data.has_option(self._plan.dataset, "shift"):
            shift = int(recipe.shift * self._train_info.width)
        overrides = {**recipe.hparams, **parse_overrides(self._plan.hparams_override)}
        hparams = dataclasses.replace(models.default_hparams(name), **overrides)
        unused = models.network_class(name).unused(overrides, hparams)
        return {"batch_size": min(asked, self._train_info.num_examples), "shift": shift,
                "hparams": ",".join(f"{key}={value}" for key, value in overrides.items()
                                    if key not in unused)}

    def _warn_of_unused(self):
        """Says which hyperparameters no network uses."""
        used = {key for chosen in self._chosen.values()
                for key in parse_overrides(chosen["hparams"])}
        for key in sorted(parse_overrides(self._plan.hparams_override).keys() - used):
            screen.warn(f"--hparams_override: {key}: without effect on any of the networks.")

    def _hparams(self, name):
        return models.default_hparams(name).override(self._chosen[name]["hparams"])

    def _steps(self, name):
        """Returns the step at each epoch's end; an epoch has a whole number of steps."""
        count, batch = self._train_info.num_examples, self._chosen[name]["batch_size"]
        steps = max(1, round(count / batch))
        return [epoch * steps for epoch in range(1, self._plan.epochs + 1)]

    def _settings(self, name, seed, **others):
        chosen, steps = self._chosen[name], self._steps(name)
        return self._plan.settings(**{
            **dict(model=name, seed=seed, hparams_override=chosen["hparams"],
                   summary_dir=os.path.join(self._plan.output, name, f"seed{seed}"),
                   batch_size=chosen["batch_size"], shift=chosen["shift"],
                   micro_batch=self._plan.micro_batch, save_step=steps[0], max_steps=steps[-1],
                   keep_checkpoints=max(KEEP_CHECKPOINTS, len(steps))),
            **others})

    def _check_and_mark(self):
        """Writes down what the runs are made of, after a look that it is what it was."""
        plan = self._plan
        mark = {**plan.data, "micro_batch": plan.micro_batch, **self.about}
        before = {"networks": {}, **(contents.read(plan.output, MARK) or {})}
        if not isinstance(before["networks"], dict) or not all(
                isinstance(values, dict) for values in before["networks"].values()):
            raise RunError(f"{os.path.join(plan.output, MARK)}: expected what was chosen for each "
                           "of its networks; move the folder away, or give another --output.")
        chosen = {f"{name}'s {key}": value for name, values in self._chosen.items()
                  for key, value in values.items()}
        was = {**before, **{f"{name}'s {key}": value for name, values in
                            before["networks"].items() for key, value in values.items()}}
        for key, value in {**mark, **chosen}.items():
            if key in was and was[key] != value:
                raise RunError(f"{plan.output} was started with {key}={was[key]}, found "
                               f"{value}; give the same, or another --output.")
        contents.make_folder(plan.output)
        contents.write(plan.output, MARK,
                       {**mark, "networks": {**before["networks"], **self._chosen}})


def _open(settings):
    """Returns the Split that a Config reads, and says on the screen what it is."""
    split = settings.load_data()
    screen.show_data(split)
    return split


def _check_folder(folder):
    if os.path.isdir(folder) and os.listdir(folder) and not os.path.exists(
            os.path.join(folder, MARK)):
        raise RunError(f"--output: {folder} holds other files; give a new folder, or that of an "
                       "earlier comparison.")


def _wrong_by_step(settings):
    """Returns the number of wrong predictions by step, from the evaluations' history."""
    return {row["step"]: int(row["wrong_prediction"])
            for row in read_history(settings.test_folder)}
