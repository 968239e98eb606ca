"""Compares how capsule network and baseline generalise to affine-transformed digits.

    python -m reports.generalisation --data_dir=DIR --affnist=AFFNIST_DIR

Both are trained on MNIST placed at random on 40x40, until they read as many of the held-out
digits right, and are then evaluated on affNIST, which they never saw (paper, section 5.2).
Without --affnist they are evaluated on generated affine digits, which are not affNIST. Where a
network does not get to --accuracy within --max_steps, both are compared at the highest accuracy
that both did reach. An interrupted comparison goes on where it was when it is started again.
"""

import dataclasses
import math
import os
import sys

from absl import flags

import input_data
import models
from commands import command_line
from commands.errors import RunError, UsageError, check_path
from models.hparams import parse_overrides
from training.config import Config
from training.run_folder import contents

PAPER = {"capsule": "79", "baseline": "66"}     # accuracy on affNIST, in percent (section 5.2)
# Hyperparameters other than the networks' own. Of digits of 40x40 the baseline hardly learns with
# the margin loss, and nothing at a rate of 0.001, where its ReLUs die.
RECIPES = {"capsule": {}, "baseline": {"loss_type": "softmax", "learning_rate": 0.0001}}
EVALUATIONS = "held_out.json"                   # beside a network's train/
TABLE = "generalisation.md"
MARK = "generalisation.json"                    # which digits the runs in a folder are of

FLAGS = command_line.new_flags()
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
flags.DEFINE_integer("eval_every", 500, "Training steps between looks at the held-out digits.",
                     lower_bound=1, flag_values=FLAGS)
flags.DEFINE_integer("eval_size", 10000, "Most digits of an evaluation, from the first on.",
                     lower_bound=1, flag_values=FLAGS)
flags.DEFINE_integer("batch_size", 128, "Digits in a batch of training.", lower_bound=1,
                     flag_values=FLAGS)
flags.DEFINE_string("hparams_override", "", "As for experiment.py, for both networks.",
                    flag_values=FLAGS)
flags.DEFINE_integer("seed", 0, "As for experiment.py, for both networks.", lower_bound=0,
                     upper_bound=2**32 - 1, flag_values=FLAGS)


@dataclasses.dataclass(frozen=True)
class Plan:
    """The flags of the same names, and the training of each network."""

    data_dir: str | None
    affnist: str | None
    folder: str
    accuracy: float
    max_steps: int
    eval_every: int
    eval_size: int
    trainings: dict         # of Config, by the network's name


@dataclasses.dataclass(frozen=True)
class Score:
    """How many of a split's digits a network reads right."""

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

    Args:
      plan: Plan.

    Returns:
      Exit status of a training that was interrupted or failed, else None.
    """
    from input_data.affnist import expanded
    from input_data.mnist.mnist_input import SAMPLE

    _check_and_mark(plan)
    held_out, test = (expanded.from_digits(plan.data_dir or SAMPLE, split, plan.data_dir or
                                           "the sample") for split in ("valid_test", "test"))
    affine = _affine_digits(plan, test.info.num_examples)
    histories = {}
    for model, settings in plan.trainings.items():
        status, histories[model] = train(plan, settings, held_out)
        if status is not None:
            return status
    level, steps = compared_at(histories, plan.accuracy)
    rows = []
    for model, step in steps.items():
        parameters, scores = evaluate(plan, plan.trainings[model], step, [test, affine])
        rows.append([model, f"{parameters:,}", f"{step:,}", str(histories[model][step]),
                     *map(str, scores), PAPER[model]])
    text = report(plan, level, rows, affine.source)
    contents.write_text(plan.folder, TABLE, text)
    print(f"\n{text}\nWrote {os.path.join(plan.folder, TABLE)}.")
    return None


def _check_and_mark(plan):
    """Writes down which digits a comparison is of, after a look that they are what they were."""
    of = os.path.abspath(plan.data_dir) if plan.data_dir else "the sample"
    contents.make_folder(plan.folder)
    before = (contents.read(plan.folder, MARK) or {}).get("digits", of)
    if before != of:
        raise RunError(f"{plan.folder} was started with the digits of {before}, found {of}; give "
                       "the same --data_dir, or another --summary_dir.")
    contents.write(plan.folder, MARK, {"digits": of})


def compared_at(histories, accuracy):
    """Returns the accuracy at which networks are compared, and the first step of each with it.

    Args:
      histories: dict from a network to a dict from step to its Score on the held-out digits.
      accuracy: float, the percentage wished for.

    Returns:
      float, the lower of that and of what all of them reached at their best; dict from network
      to step.
    """
    level = min(accuracy, *map(_best, histories.values()))
    return level, {model: min(step for step, score in history.items() if score.percent >= level)
                   for model, history in histories.items()}


def _best(history):
    """Returns the highest percentage of a dict from step to Score; less than any without one."""
    return max((score.percent for score in history.values()), default=-1)


def train(plan, settings, held_out):
    """Trains a network until it reads enough of the held-out digits right, or to max_steps.

    Args:
      plan: Plan.
      settings: Config of the training.
      held_out: Split.

    Returns:
      The exit status of a training that ended early, or None; dict from step to Score.
    """
    from training.checkpoints.read import StoredCheckpoint, checkpoint_names
    from training.train import train as go_on

    about = {"data": held_out.source,
             "examples": min(plan.eval_size, held_out.info.num_examples)}
    kept = contents.read(settings.summary_dir, EVALUATIONS) or {}
    right = kept.get("right") if kept.get("about") == about else {}
    if not isinstance(right, dict) or not all(type(count) is int for count in right.values()):
        raise RunError(f"{os.path.join(settings.summary_dir, EVALUATIONS)}: expected counts of "
                       "digits as right; move it away.")
    history = {}
    while True:
        for name in checkpoint_names(settings.train_folder):
            step = StoredCheckpoint(name).step
            if step in history or step > plan.max_steps:
                continue
            if str(step) not in right:
                right[str(step)] = evaluate(plan, settings, step, [held_out])[1][0].right
                contents.write(settings.summary_dir, EVALUATIONS,
                               {"about": about, "right": right})
            history[step] = Score(right[str(step)], about["examples"])
            print(f"{settings.model}, step {step}: {history[step]} % of the held-out digits "
                  "right.", flush=True)
        last = max(history, default=0)
        if _best(history) >= plan.accuracy or last >= plan.max_steps:
            return None, history
        end = min((last // plan.eval_every + 1) * plan.eval_every, plan.max_steps)
        status = go_on(dataclasses.replace(settings, max_steps=end))
        if status is not None:
            return status, history


def evaluate(plan, settings, step, splits):
    """Evaluates a network as it was at a step of its training.

    Args:
      plan: Plan.
      settings: Config of the training.
      step: int, of a checkpoint.
      splits: list of Split.

    Returns:
      int, the network's parameters, and a Score for each split.
    """
    from training.checkpoints.read import CHECKPOINT_NAME, StoredCheckpoint
    from training.evaluation.counts import Evaluation, gather
    from training.evaluation.inference import Inference

    stored = StoredCheckpoint(os.path.join(settings.train_folder, f"{CHECKPOINT_NAME}-{step}"))
    info = splits[0].info
    network = models.build(settings.model, contents.read_hparams(stored.folder), info)
    stored.restore_network(network)
    inference = Inference(network)
    found = (Evaluation.of(gather(inference.over(split, plan.eval_size)), 0, 0) for split in splits)
    return network.count_params(), [Score(one.correct, one.examples) for one in found]


def report(plan, level, rows, source):
    """Returns the table and what it is about, as Markdown.

    Args:
      plan: Plan.
      level: float, percent of the held-out digits at which the networks are compared.
      rows: list of lists of str.
      source: str, where the affine digits come from.
    """
    from input_data.affnist import affnist_input

    name = "affNIST" if source.endswith(affnist_input.PUBLISHED) else "affine digits (not affNIST)"
    header = ["network", "parameters", "steps", "held-out expanded MNIST, %",
              "expanded MNIST test, %", f"{name}, %", "paper, affNIST, %"]
    lines = ["| " + " | ".join(cells) + " |"
             for cells in [header, ["---"] + ["---:"] * (len(header) - 1), *rows]]
    reached = (f"Both networks reached {plan.accuracy:g} % of the held-out digits."
               if level == plan.accuracy else
               f"Not both networks reached {plan.accuracy:g} % of the held-out digits within "
               f"{plan.max_steps:,} steps: they are compared at {level:.2f} %, the highest that "
               "both reached.")
    return "\n".join([
        "# Generalisation from shifted to affine-transformed digits", "",
        f"Trained on {plan.data_dir or 'the sample of MNIST'}, placed at random on 40x40; affine "
        f"digits: {source}. {reached} Intervals are of 95 %.", "", *lines, ""])


def _affine_digits(plan, count):
    """Returns the Split to evaluate on; makes it of the test digits if none is named."""
    from input_data.affnist import affine_digits, affnist_input
    from input_data.mnist.mnist_input import SAMPLE

    if plan.affnist:
        return input_data.load("affnist", plan.affnist, "test")
    path = os.path.join(plan.folder, affnist_input.GENERATED)
    if not os.path.exists(path):
        affine_digits.generate(plan.data_dir or SAMPLE, plan.folder)
    split = input_data.load("affnist", path, "test")
    if split.info.num_examples != count:
        raise RunError(f"{path}: expected {count} digits, found {split.info.num_examples}, of an "
                       "earlier comparison; move it away or give another --summary_dir.")
    return split


def _settings(values):
    common = dict(dataset="affnist", validate=True, data_dir=values.data_dir,
                  save_step=values.eval_every, batch_size=values.batch_size, seed=values.seed)
    check_path("--summary_dir", values.summary_dir)
    check_path("--data_dir", values.data_dir)
    if values.data_dir is not None and not os.path.isdir(values.data_dir):
        raise UsageError(f"--data_dir: expected a folder, found {values.data_dir}.")
    if values.affnist is not None and not os.path.exists(values.affnist):
        raise UsageError(f"--affnist: there is no folder or file {values.affnist}.")
    if not math.isfinite(values.accuracy):
        raise UsageError(f"--accuracy: expected a percentage, found {values.accuracy}.")
    asked = parse_overrides(values.hparams_override)
    trainings = {model: Config(
        model=model, **common, summary_dir=os.path.join(values.summary_dir, model),
        hparams_override=",".join(f"{key}={value}"
                                  for key, value in {**recipe, **asked}.items()))
        for model, recipe in RECIPES.items()}
    return Plan(values.data_dir, values.affnist, values.summary_dir, values.accuracy,
                values.max_steps, values.eval_every, values.eval_size, trainings)


def main(argv):
    """Runs the command line, and returns its exit status."""
    return command_line.run(argv, FLAGS, _settings, compare, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
