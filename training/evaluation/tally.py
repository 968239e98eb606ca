"""How many of a split's examples a network, or an ensemble of them, gets wrong."""

import dataclasses

import numpy as np

import capsules
from training.monitoring.confusion import Confusion


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What an evaluation counted; losses are means over the examples."""

    examples: int
    split_examples: int     # how many the split has
    correct: int            # all targets found
    almost_correct: int     # at least one target found
    classification: float
    reconstruction: float
    seconds: float
    confusion: Confusion

    @property
    def wrong(self):
        return self.examples - self.correct

    @property
    def almost_wrong(self):
        return self.examples - self.almost_correct

    @property
    def wrong_percent(self):
        return 100 * self.wrong / self.examples

    def line(self):
        """Returns the result in one line of text."""
        return (f"Total wrong predictions: {self.wrong}, "
                f"wrong percent: {self.wrong_percent:.4g}%")

    def scalars(self):
        """Returns the values of tensorboard.EVALUATION_TAGS."""
        return {"correct_prediction": self.correct, "wrong_prediction": self.wrong,
                "almost_wrong_prediction": self.almost_wrong,
                "batch_classification_cost": self.classification,
                "reconstruction_error": self.reconstruction,
                "total_loss": self.classification + self.reconstruction,
                "accuracy": self.correct / self.examples}


def tally(answers, num_classes, collect=None):
    """Returns the Tally of what `Inference.over` yields.

    Args:
      answers: iterable of (batch, Answer).
      num_classes: int.
      collect: list that takes each batch's (targets, logits), or None.
    """
    found = Tally(num_classes)
    for batch, answer in answers:
        targets = batch["targets"].numpy()
        found.add(targets, answer.logits, answer.metrics)
        if collect is not None:
            collect.append((targets, answer.logits))
    return found


class Tally:
    """Counts batch after batch.

    Args:
      num_classes: int.

    Attributes:
      examples: int, how many were counted.
      correct: int, those whose targets were all found.
    """

    def __init__(self, num_classes):
        self._confusion = Confusion.empty(num_classes)
        self.examples = self.correct = self._almost_correct = 0
        self._classification = self._reconstruction = 0.0

    def add(self, targets, logits, metrics=None):
        """Counts a batch.

        Args:
          targets: int32 [batch, num_targets].
          logits: float32 [batch, num_classes].
          metrics: StepMetrics of the batch, for the losses, or None.
        """
        targets = np.asarray(targets)
        self.examples += len(targets)
        self.correct += int(np.count_nonzero(capsules.correct(logits, targets)))
        self._almost_correct += int(np.count_nonzero(capsules.almost_correct(logits, targets)))
        self._confusion.add(targets, capsules.predicted(logits, targets.shape[1]))
        if metrics is not None:
            self._classification += metrics.classification
            self._reconstruction += metrics.reconstruction

    def evaluation(self, split_examples, seconds):
        """Returns the Evaluation of all that was counted.

        Args:
          split_examples: int, how many examples the split has.
          seconds: float, how long it took.
        """
        return Evaluation(
            self.examples, split_examples, self.correct, self._almost_correct,
            self._classification / self.examples, self._reconstruction / self.examples,
            round(seconds, 3), self._confusion)
