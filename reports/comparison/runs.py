"""The trainings and evaluations of a comparison, each in a folder of its own."""

import os
from dataclasses import replace

import input_data
import models
from commands.errors import RunError
from models.hparams import parse_overrides
from reports.comparison.outcome import Result
from training.checkpoints.read import CHECKPOINT_NAME, StoredCheckpoint, newest_whole_checkpoint
from training.evaluation.evaluate import Evaluator
from training.monitoring import screen
from training.monitoring.history import read_history, training_seconds
from training.run_folder import contents, resume
from training.train import train

MARK = "comparison.json"        # in the folder of each comparison


# How networks are trained; shift is the most that images are moved each way, over their width.
USUAL = {"batch_size": 1000, "shift": 0.1, "hparams": {}}
CHOICES = {"mlp": {"batch_size": 128, "shift": 0},
           "capsule": {"hparams": {"loss_scale": "paper"}}}


class Comparison:
    """The runs of a compare.Plan, new or continued."""

    def __init__(self, plan):
        self._plan = plan
        folder = plan.common.summary_dir
        if os.path.isdir(folder) and os.listdir(folder) and MARK not in os.listdir(folder):
            raise RunError(f"--output: {folder} holds other files; give a new folder, or that of "
                           "an earlier comparison.")
        both = [replace(plan.common, train=train).load_data() for train in (True, False)]
        for data in both:
            screen.show_data(data)
        self._train_info, self._held_out_info = (data.info for data in both)
        self._chosen = {name: self._choose(name) for name in plan.networks}
        # A network that cannot be built is an error before anything is trained.
        self._parameters = {
            name: models.count_params(
                name, models.default_hparams(name).override(chosen["hparams"]), self._train_info)
            for name, chosen in self._chosen.items()}
        used = {key for chosen in self._chosen.values()
                for key in parse_overrides(chosen["hparams"])}
        for key in sorted(parse_overrides(plan.common.hparams_override).keys() - used):
            screen.warn(f"--hparams_override: {key}: without effect on any of the networks.")
        self.about = {"dataset": plan.common.dataset,
                      "trained on": self._train_info.num_examples,
                      "held out": self._held_out_info.num_examples}
        self._check_and_mark(folder)

    def train(self, name, seed):
        """Trains a network, or continues; returns the exit status of an early end, or None."""
        settings = self._settings(name, seed)
        stored = newest_whole_checkpoint(settings.train_folder)
        if stored and stored.step >= settings.max_steps:
            return None
        print(f"\nTraining {name}, seed {seed}: {self._plan.epochs} epochs of "
              f"{settings.save_step} steps of {settings.batch_size} images.", flush=True)
        return train(settings)

    def evaluate(self, name, seed):
        """Evaluates the epochs of a training that were not evaluated yet."""
        settings = replace(self._settings(name, seed), train=False, batch_size=None,
                           micro_batch=None, eval_size=self._held_out_info.num_examples)
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
        wrong, steps = [_wrong_by_step(settings) for settings in runs], self._steps(name)
        return Result(
            name, self._parameters[name], self._chosen[name], steps,
            [[by_step[step] for step in steps] for by_step in wrong],
            self._held_out_info.num_examples,
            [training_seconds(settings.train_folder) for settings in runs])

    def _choose(self, name):
        """Returns a network's batch size, shift and hyperparameters."""
        chosen, common = {**USUAL, **CHOICES.get(name, {})}, self._plan.common
        shift = None        # the dataset's
        if input_data.has_option(common.dataset, "shift"):
            shift = int(chosen["shift"] * self._train_info.width)
        overrides = {**chosen["hparams"], **parse_overrides(common.hparams_override)}
        unused = models.network_class(name).unused(
            overrides, replace(models.default_hparams(name), **overrides))
        asked = self._plan.batch_sizes.get(name, chosen["batch_size"])
        return {"batch_size": min(asked, self._train_info.num_examples), "shift": shift,
                "hparams": ",".join(f"{key}={value}" for key, value in overrides.items()
                                    if key not in unused)}

    def _steps(self, name):
        """Returns the step at each epoch's end; an epoch has a whole number of steps."""
        count, batch = self._train_info.num_examples, self._chosen[name]["batch_size"]
        steps = max(1, round(count / batch))
        return [epoch * steps for epoch in range(1, self._plan.epochs + 1)]

    def _settings(self, name, seed):
        chosen, steps, common = self._chosen[name], self._steps(name), self._plan.common
        return replace(
            common, model=name, seed=seed, hparams_override=chosen["hparams"],
            summary_dir=os.path.join(common.summary_dir, name, f"seed{seed}"),
            batch_size=chosen["batch_size"], shift=chosen["shift"], save_step=steps[0],
            max_steps=steps[-1], keep_checkpoints=max(common.keep_checkpoints or 0, len(steps)))

    def _check_and_mark(self, folder):
        """Notes data and choices in the folder, after comparing them with an earlier note."""
        mark = {**self._plan.data, "micro_batch": self._plan.common.micro_batch, **self.about}
        noted = {"networks": {}, **(contents.read(folder, MARK) or {})}
        try:
            before = {**noted, **_named(noted["networks"])}
        except AttributeError:
            raise RunError(f"{os.path.join(folder, MARK)}: expected the choices for each network; "
                           "move the folder away, or give another --output.") from None
        for key, value in {**mark, **_named(self._chosen)}.items():
            if before.get(key, value) != value:
                raise RunError(f"{folder} was started with {key}={before[key]}, found {value}; "
                               "give the same, or another --output.")
        contents.make_folder(folder)
        contents.write(folder, MARK, {**mark, "networks": {**noted["networks"], **self._chosen}})


def _named(networks):
    """Returns the choices for networks as a flat dict, such as {"mlp's shift": 0}."""
    return {f"{name}'s {key}": value for name, chosen in networks.items()
            for key, value in chosen.items()}


def _wrong_by_step(settings):
    """Returns the number of wrong predictions by step, from the evaluations' history."""
    return {row["step"]: int(row["wrong_prediction"])
            for row in read_history(settings.test_folder)}
