"""How many of a split's examples a network, or an ensemble of networks, gets wrong."""

import dataclasses
from typing import NamedTuple

import numpy as np

import capsules
from training.monitoring.confusion import Confusion


class Answers(NamedTuple):
    """What a network says of all examples of a split.

    Attributes:
      targets: int32 [examples, num_targets].
      logits: float32 [examples, num_classes].
      classification, reconstruction: float, mean losses.
    """

    targets: np.ndarray
    logits: np.ndarray
    classification: float
    reconstruction: float


def gather(batches):
    """Returns the Answers in the (batch, Answer) pairs of `Inference.over`."""
    targets, logits, metrics = zip(*((batch["targets"].numpy(), answer.logits, answer.metrics)
                                     for batch, answer in batches))
    targets = np.concatenate(targets)
    return Answers(targets, np.concatenate(logits),
                   sum(part.classification for part in metrics) / len(targets),
                   sum(part.reconstruction for part in metrics) / len(targets))


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

    @classmethod
    def of(cls, answers, split_examples, seconds):
        """Counts Answers.

        Args:
          answers: Answers.
          split_examples: int, how many examples the split has.
          seconds: float, how long the evaluation took.
        """
        targets, logits = answers.targets, answers.logits
        predicted = capsules.predicted(logits, targets.shape[1])
        correct, almost_correct = (
            int(np.count_nonzero(found(logits, targets)))
            for found in (capsules.correct, capsules.almost_correct))
        return cls(len(targets), split_examples, correct, almost_correct, answers.classification,
                   answers.reconstruction, round(seconds, 3),
                   Confusion.of(targets, predicted, logits.shape[1]))

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
        """Returns the values of an evaluation's summaries: {tag: float}."""
        return {"correct_prediction": self.correct, "wrong_prediction": self.wrong,
                "almost_wrong_prediction": self.almost_wrong,
                "batch_classification_cost": self.classification,
                "reconstruction_error": self.reconstruction,
                "total_loss": self.classification + self.reconstruction,
                "accuracy": self.correct / self.examples}
