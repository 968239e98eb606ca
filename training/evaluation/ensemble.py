"""Evaluates several checkpoints of one network together: the sum of their logits."""

import os
import time

import tensorflow as tf

import capsules
from commands.errors import RunError
from training.checkpoints.read import StoredCheckpoint
from training.evaluation import result_file
from training.evaluation.evaluate import CheckpointEvaluations
from training.evaluation.inference import Evaluation
from training.evaluation.loading import open_split
from training.monitoring.confusion import Confusion
from training.run_folder import trained_on


def evaluate_ensemble(settings):
    """Evaluates the members, then their ensemble; prints and writes all results.

    The members' names are settings.checkpoint with 0 to num_trials - 1 in place of {}; or 1 to
    num_trials, where all of those are there and 0 is not. Those that are missing are named and
    left out.

    Args:
      settings: Settings.

    Raises:
      RunError: if there are no members, or one is of another network.
    """
    start = time.monotonic()
    members = [StoredCheckpoint(name) for name in member_names(settings)]
    settings = trained_on.as_trained(settings, *(stored.folder for stored in members))
    evaluations = CheckpointEvaluations(settings, members[0], open_split(settings))
    sums = _SummedLogits()
    each = []
    for stored in members:
        sums.start_member()
        evaluation = evaluations.evaluate(stored, sums.add)
        each.append(evaluations.result(stored, evaluation))
    ensemble = sums.evaluation(seconds=round(time.monotonic() - start, 3))
    print(f"Ensemble of {len(members)}:")
    print(ensemble.line(), flush=True)
    if settings.test_folder:
        together = evaluations.result(members[-1], ensemble)
        result_file.write(settings.test_folder,
                      {**together, "checkpoint": settings.checkpoint, "members": each},
                      ensemble.confusion)


def member_names(settings):
    """Returns the names of an ensemble's checkpoints; says which are missing.

    Args, Raises: as for `evaluate_ensemble`.
    """
    def there(number):
        return os.path.exists(settings.checkpoint.replace("{}", str(number)) + ".index")

    from_1 = range(1, settings.num_trials + 1)
    first = 1 if not there(0) and all(map(there, from_1)) else 0
    if first:
        print(f"There is no member 0: members are 1 to {settings.num_trials}.")
    names = {number: settings.checkpoint.replace("{}", str(number))
             for number in range(first, first + settings.num_trials)}
    missing = [number for number in names if not there(number)]
    if len(missing) == len(names):
        raise RunError(f"--checkpoint={settings.checkpoint}: there is no member from "
                       f"{names[first]} on.")
    for number in missing:
        print(f"Member {number} is missing and left out: {names[number]}")
    return [name for number, name in names.items() if number not in missing]


class _SummedLogits:
    """The members' logits, summed by example."""

    def __init__(self):
        self._targets, self._logits = [], []

    def start_member(self):
        """Begins again with the first batch."""
        self._batch = 0

    def add(self, targets, logits):
        """Takes the current member's next batch."""
        if self._batch == len(self._logits):
            self._targets.append(targets)
            self._logits.append(logits)
        else:
            self._logits[self._batch] = self._logits[self._batch] + logits
        self._batch += 1

    def evaluation(self, seconds):
        """Returns the Evaluation of the sums; it has no losses."""
        batches = list(zip(self._logits, self._targets))
        counts = [sum(int(tf.math.count_nonzero(count(*batch))) for batch in batches)
                  for count in (capsules.correct, capsules.almost_correct)]
        confusion = Confusion.empty(self._logits[0].shape[1])
        for logits, targets in batches:
            confusion.add(targets, capsules.predicted(logits, targets.shape[1]))
        return Evaluation(sum(map(len, self._targets)), *counts, 0.0, 0.0, seconds, confusion)
