"""Counts by class: examples, those not found, and what was predicted in their place."""

import dataclasses

import numpy as np


@dataclasses.dataclass
class Confusion:
    """The confusion matrix of the batches that it was given, for any number of targets.

    Row t, column t of the matrix counts the examples with target t in which t was found. Row t,
    column p counts the examples with target t in which t was missed and p predicted though it is
    no target. With one target this is the usual matrix: its rows sum to the examples. With two,
    an example that misses both counts in four places, as nothing says which prediction stands
    for which target.

    Attributes:
      matrix: int64 [num_classes, num_classes].
      examples: int64 [num_classes], the examples that have the class among their targets.
    """

    matrix: np.ndarray
    examples: np.ndarray

    @classmethod
    def empty(cls, num_classes):
        """Returns the Confusion of no examples."""
        return cls(np.zeros((num_classes, num_classes), np.int64), np.zeros(num_classes, np.int64))

    def add(self, targets, predicted):
        """Counts a batch.

        Args:
          targets, predicted: int [batch, num_targets], classes in any order.
        """
        targets, predicted = (self._chosen(classes) for classes in (targets, predicted))
        missed, mistaken = targets & ~predicted, predicted & ~targets   # [batch, num_classes]
        # A batch's sums are exact in floating point, which is far faster to multiply.
        self.matrix += (missed.T.astype(float) @ mistaken.astype(float)).astype(np.int64)
        self.matrix[np.diag_indices_from(self.matrix)] += (targets & predicted).sum(axis=0)
        self.examples += targets.sum(axis=0)

    @property
    def wrong(self):
        """int64 [num_classes], the examples of each class in which it was not found."""
        return self.examples - self.matrix.diagonal()

    @property
    def wrong_percent(self):
        """float64 [num_classes], of the examples of each class; NaN where there are none."""
        with np.errstate(invalid="ignore"):
            return 100 * self.wrong / self.examples

    def by_class(self, class_names):
        """Returns what result.json holds of each class, a list of dicts."""
        return [{"name": name, "examples": int(examples), "wrong": int(wrong),
                 "wrong_percent": float(percent) if examples else None}
                for name, examples, wrong, percent in zip(
                    class_names, self.examples, self.wrong, self.wrong_percent)]

    def _chosen(self, classes):
        """Returns bool [batch, num_classes]."""
        chosen = np.zeros((len(classes), len(self.examples)), bool)
        np.put_along_axis(chosen, np.asarray(classes, np.int64), True, axis=1)
        return chosen
