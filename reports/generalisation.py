"""Compares how capsule network and baseline generalise to affine-transformed digits.

    python -m reports.generalisation --data_dir=DIR --affnist=AFFNIST_DIR

Both are trained on MNIST placed at random on 40x40 until they read the same share of the held-out
digits right, and are then evaluated on affNIST, which they never saw (paper, section 5.2). Without
--affnist they are evaluated on generated affine digits, which are not affNIST. If a network does
not reach --accuracy within --max_steps, both are compared at the highest accuracy that both
reached. The same command continues a comparison that was interrupted.
"""

import dataclasses
import os
import sys
from typing import NamedTuple

import numpy as np
from absl import flags

import input_data
import models
from commands import command_line
from commands.errors import RunError, UsageError, check_path
from models.hparams import parse_overrides
from training.config import from_flags, new_flags
from training.run_folder import contents

PAPER = {"capsule": "79", "baseline": "66"}     # accuracy on affNIST, in percent (section 5.2)
# On digits of 40x40 the baseline hardly learns with the margin loss, and its ReLUs die at a
# learning rate of 0.001.
CHOICES = {"capsule": {}, "baseline": {"loss_type": "softmax", "learning_rate": 0.0001}}
EVALUATIONS = "held_out.json"                   # beside a network's train/
TABLE = "generalisation.md"
MARK = "generalisation.json"                    # names the digits of a folder's runs

FLAGS = new_flags("eval_size", "batch_size", "seed")
flags.DEFINE_string("data_dir", None, "Folder of MNIST's IDX files. Without it: the sample that "
                    "comes with the project.", flag_values=FLAGS)
flags.DEFINE_string("affnist", None, "What to evaluate on: affNIST's folder, or the name of its "
                    ".mat file or of a record file. Without it: generated affine digits.",
                    flag_values=FLAGS)
flags.DEFINE_string("summary_dir", "runs/generalisation", "Folder of both runs and of the table.",
                    flag_values=FLAGS)
flags.DEFINE_float("accuracy", 99.23, "Percent of the held-out digits to train up to.",
                   lower_bound=0, upper_bound=100, flag_values=FLAGS)
flags.DEFINE_integer("max_steps", 20000, "Most training steps of each network.", lower_bound=1,
                     flag_values=FLAGS)
flags.DEFINE_integer("eval_every", 500, "Training steps between evaluations on held-out digits.",
                     lower_bound=1, flag_values=FLAGS)
flags.DEFINE_string("hparams_override", "", "Hyperparameters of both networks, as key=value,...",
                    flag_values=FLAGS)


class Score(NamedTuple):
    """How many of a split's digits a network classifies correctly."""

    right: int
    examples: int

    @property
    def percent(self):
        return 100 * self.right / self.examples

    def __str__(self):
        """The percentage with its 95 % interval, by the normal approximation."""
        share = self.right / self.examples
        return f"{self.percent:.2f} ± {196 * (share * (1 - share) / self.examples)**0.5:.2f}"


def compare(plan):
    """Trains and evaluates both networks, prints the table and writes it.

    Takes the flags and the Config of each network; returns the exit status of an early end.
    """
    from input_data.affnist import expanded
    from input_data.mnist.mnist_input import SAMPLE

    asked, trainings = plan
    _check_and_mark(asked)
    digits, source = asked.data_dir or SAMPLE, asked.data_dir or "the sample"
    held_out, test = (expanded.from_digits(digits, split, source)
                      for split in ("valid_test", "test"))
    affine = _affine_digits(asked, digits, test.info.num_examples)
    histories = {}
    for model, settings in trainings.items():
        status, histories[model] = _train(asked, settings, held_out)
        if status is not None:
            return status
    level, steps = compared_at(histories, asked.accuracy)
    rows = []
    for model, step in steps.items():
        parameters, scores = _evaluate(trainings[model], step, [test, affine], asked.eval_size)
        rows.append([model, f"{parameters:,}", f"{step:,}", str(histories[model][step]),
                     *map(str, scores), PAPER[model]])
    text = _report(asked, level, rows, affine.source)
    contents.write_text(asked.summary_dir, TABLE, text)
    print(f"\n{text}\nWrote {os.path.join(asked.summary_dir, TABLE)}.")
    return None


def _check_and_mark(asked):
    """Notes the digits in the folder, after comparing them with an earlier note."""
    of = os.path.abspath(asked.data_dir) if asked.data_dir else "the sample"
    contents.make_folder(asked.summary_dir)
    before = (contents.read(asked.summary_dir, MARK) or {}).get("digits", of)
    if before != of:
        raise RunError(f"{asked.summary_dir} was started with the digits of {before}, found {of}; "
                       "give the same --data_dir, or another --summary_dir.")
    contents.write(asked.summary_dir, MARK, {"digits": of})


def compared_at(histories, accuracy):
    """Returns the percentage to compare networks at, and the first step of each that reached it.

    Histories hold a dict from step to Score for each network.
    """
    level = min(accuracy, *map(_best, histories.values()))
    return level, {model: min(step for step, score in history.items() if score.percent >= level)
                   for model, history in histories.items()}


def _best(history):
    """Returns the highest percentage in a history, or -1."""
    return max((score.percent for score in history.values()), default=-1)


def _train(asked, settings, held_out):
    """Trains up to --accuracy or --max_steps; returns the status of an early end and a history."""
    from training.checkpoints.read import StoredCheckpoint, checkpoint_names
    from training.train import train

    about = {"data": held_out.source,
             "examples": min(asked.eval_size, held_out.info.num_examples)}
    kept = contents.read(settings.summary_dir, EVALUATIONS) or {}
    right = kept.get("right") if kept.get("about") == about else {}
    if not isinstance(right, dict) or not all(type(count) is int for count in right.values()):
        raise RunError(f"{os.path.join(settings.summary_dir, EVALUATIONS)}: expected numbers of "
                       "digits as right; move it away.")
    history = {}
    while True:
        for name in checkpoint_names(settings.train_folder):
            step = StoredCheckpoint(name).step
            if step in history or step > asked.max_steps:
                continue
            if str(step) not in right:
                _, [score] = _evaluate(settings, step, [held_out], asked.eval_size)
                right[str(step)] = score.right
                contents.write(settings.summary_dir, EVALUATIONS,
                               {"about": about, "right": right})
            history[step] = Score(right[str(step)], about["examples"])
            print(f"{settings.model}, step {step}: {history[step]} % of the held-out digits "
                  "right.", flush=True)
        last = max(history, default=0)
        if _best(history) >= asked.accuracy or last >= asked.max_steps:
            return None, history
        end = min((last // asked.eval_every + 1) * asked.eval_every, asked.max_steps)
        status = train(dataclasses.replace(settings, max_steps=end))
        if status is not None:
            return status, history


def _evaluate(settings, step, datasets, most):
    """Returns a network's number of parameters, and its Score of each split at a step."""
    import capsules
    from training.checkpoints.read import CHECKPOINT_NAME, StoredCheckpoint
    from training.evaluation.counts import gather
    from training.evaluation.inference import Inference

    stored = StoredCheckpoint(os.path.join(settings.train_folder, f"{CHECKPOINT_NAME}-{step}"))
    info = datasets[0].info
    network = models.build(settings.model, contents.read_hparams(stored.folder), info)
    stored.restore_network(network)
    inference = Inference(network)
    found = (gather(inference.over(data, most)) for data in datasets)
    return network.count_params(), [
        Score(int(np.count_nonzero(capsules.correct(answers.logits, answers.targets))),
              len(answers.targets)) for answers in found]


def _report(asked, level, rows, source):
    """Returns the table of both networks and its conditions, as Markdown."""
    from input_data.affnist import affnist_input

    name = "affNIST" if source.endswith(affnist_input.PUBLISHED) else "affine digits (not affNIST)"
    header = ["network", "parameters", "steps", "held-out expanded MNIST, %",
              "expanded MNIST test, %", f"{name}, %", "paper, affNIST, %"]
    lines = ["| " + " | ".join(cells) + " |"
             for cells in [header, ["---"] + ["---:"] * (len(header) - 1), *rows]]
    reached = (f"Both networks reached {asked.accuracy:g} % of the held-out digits."
               if level == asked.accuracy else
               f"Not both networks reached {asked.accuracy:g} % of the held-out digits within "
               f"{asked.max_steps:,} steps: they are compared at {level:.2f} %, the highest that "
               "both reached.")
    return "\n".join([
        "# Generalisation from shifted to affine-transformed digits", "",
        f"Trained on {asked.data_dir or 'the sample of MNIST'}, placed at random on 40x40; affine "
        f"digits: {source}. {reached} Intervals are of 95 %.", "", *lines, ""])


def _affine_digits(asked, digits, count):
    """Returns the Dataset to evaluate on, generated from the test digits if none is named."""
    from input_data.affnist import affine_digits, affnist_input

    if asked.affnist:
        return input_data.load("affnist", asked.affnist, "test")
    path = os.path.join(asked.summary_dir, affnist_input.GENERATED)
    if not os.path.exists(path):
        affine_digits.generate(digits, asked.summary_dir)
    data = input_data.load("affnist", path, "test")
    if data.info.num_examples != count:
        raise RunError(f"{path}: expected {count} digits, found {data.info.num_examples} of an "
                       "earlier comparison; move it away or give another --summary_dir.")
    return data


def _settings(values):
    check_path("--summary_dir", values.summary_dir)
    check_path("--data_dir", values.data_dir)
    if values.data_dir is not None and not os.path.isdir(values.data_dir):
        raise UsageError(f"--data_dir: expected a folder, found {values.data_dir}.")
    if values.affnist is not None and not os.path.exists(values.affnist):
        raise UsageError(f"--affnist: there is no folder or file {values.affnist}.")
    asked = parse_overrides(values.hparams_override)
    return values, {model: from_flags(
        values, model=model, dataset="affnist", validate=True, save_step=values.eval_every,
        summary_dir=os.path.join(values.summary_dir, model),
        hparams_override=",".join(f"{key}={value}" for key, value in {**chosen, **asked}.items()))
        for model, chosen in CHOICES.items()}


main = command_line.command(FLAGS, _settings, compare, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
