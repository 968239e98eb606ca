"""Evaluates several checkpoints of one network together: the sum of their logits."""

import os
import time

from commands.errors import RunError
from training.checkpoints.read import StoredCheckpoint
from training.evaluation import result_file
from training.evaluation.evaluate import Evaluator
from training.evaluation.tally import Tally
from training.run_folder import resume


def evaluate(config):
    """Evaluates the members, then their ensemble; prints and writes all results.

    The members' names are config.checkpoint with 0 to num_trials - 1 in place of {}; or 1 to
    num_trials, where all of those are there and 0 is not. Those that are missing are named and
    left out.

    Args:
      config: Config.

    Raises:
      RunError: if there are no members, or one is of another network.
    """
    start = time.monotonic()
    members = [StoredCheckpoint(name) for name in member_names(config)]
    evaluator = Evaluator(config, [resume.read(stored.folder) for stored in members])
    sums, results = [], []
    for stored in members:
        batches = []
        evaluation = evaluator.evaluate(stored, batches)
        sums = with_member(sums, batches)
        results.append(evaluator.result(stored, evaluation))
    tally = Tally(evaluator.split.info.num_classes)
    for targets, logits in sums:
        tally.add(targets, logits)
    ensemble = tally.evaluation(evaluator.split.info.num_examples, time.monotonic() - start)
    print(f"Ensemble of {len(members)}:")
    evaluator.print_result(ensemble)
    if evaluator.config.test_folder:
        together = evaluator.result(members[-1], ensemble)
        result_file.write(evaluator.config.test_folder,
                          {**together, "checkpoint": config.checkpoint, "members": results},
                          ensemble.confusion)


def with_member(sums, batches):
    """Returns an ensemble's batches, each as (targets, logits), with another member's logits added.

    Args:
      sums: list of (targets, logits) of the members before; empty for the first.
      batches: list of (targets, logits) of the member, of the same batches.
    """
    if not sums:
        return batches
    return [(targets, before + logits) for (targets, before), (_, logits) in zip(sums, batches)]


def member_names(config):
    """Returns the names of an ensemble's checkpoints; says which are missing.

    Args, Raises: as for `evaluate`.
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
