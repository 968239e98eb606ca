"""Evaluates several checkpoints of one network together: the sum of their logits."""

import math
import os
import time

from commands.errors import RunError
from training.checkpoints.read import StoredCheckpoint
from training.evaluation import result_file
from training.evaluation.counts import Answers
from training.evaluation.evaluate import Evaluator
from training.run_folder import resume


def evaluate(config):
    """Evaluates the members, then their ensemble; prints and writes all results.

    The members' names are config.checkpoint with 0 to num_trials - 1 in place of {}; or 1 to
    num_trials, if all of those exist and 0 does not. Missing members are named and left out.

    Args:
      config: Config.

    Raises:
      RunError: if there are no members, or one is of another network.
    """
    start = time.monotonic()
    members = [StoredCheckpoint(name) for name in member_names(config)]
    evaluator = Evaluator(config, [resume.read(stored.folder) for stored in members])
    evaluations, answers = zip(*map(evaluator.evaluate, members))
    print(f"Ensemble of {len(members)}:")
    ensemble = evaluator.count(together(answers), start)
    if evaluator.config.test_folder:
        result_file.write(
            evaluator.config.test_folder,
            {**evaluator.result(members[-1], ensemble), "checkpoint": config.checkpoint,
             "members": list(map(evaluator.result, members, evaluations))},
            ensemble.confusion)


def together(answers):
    """Returns the Answers of an ensemble, from those of its members: the sum of their logits."""
    logits = sum(one.logits for one in answers)
    return Answers(answers[0].targets, logits, math.nan, math.nan)


def member_names(config):
    """Returns the names of an ensemble's checkpoints; prints which are missing.

    Args:
      config: Config.

    Raises:
      RunError: if all are missing.
    """
    def there(number):
        return os.path.exists(config.member(number) + ".index")

    from_1 = range(1, config.num_trials + 1)
    first = 1 if not there(0) and all(map(there, from_1)) else 0
    if first:
        print(f"There is no member 0: members are 1 to {config.num_trials}.")
    numbers = range(first, first + config.num_trials)
    missing = [number for number in numbers if not there(number)]
    if len(missing) == len(numbers):
        raise RunError(f"--checkpoint={config.checkpoint}: there is no member from "
                       f"{config.member(first)} on.")
    for number in missing:
        print(f"Member {number} is missing and left out: {config.member(number)}")
    return [config.member(number) for number in numbers if number not in missing]
