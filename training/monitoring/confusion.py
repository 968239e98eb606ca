"""The confusion matrix: examples by class, and what was predicted for them."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Confusion:
    """A confusion matrix for any number of targets.

    Row t, column t counts the examples with target t in which t was found. Row t, column p counts
    the examples with target t in which t was missed, and p predicted though it is no target. With
    one target this is the usual matrix, whose rows sum to the examples. With two, an example that
    misses both counts in four places, as nothing says which prediction stands for which target.

    Attributes:
      matrix: int64 [num_classes, num_classes].
      examples: int64 [num_classes], the examples that have the class among their targets.
    """

    matrix: np.ndarray
    examples: np.ndarray

    @classmethod
    def of(cls, targets, predicted, num_classes):
        """Counts examples.

        Args:
          targets, predicted: int [examples, num_targets], classes in any order.
          num_classes: int.
        """
        targets, predicted = (_multi_hot(classes, num_classes) for classes in (targets, predicted))
        # The sums are exact in floating point, which is far faster to multiply.
        missed, mistaken = ((one & ~other).astype(float)
                            for one, other in ((targets, predicted), (predicted, targets)))
        found = (targets & predicted).sum(axis=0)
        return cls((missed.T @ mistaken).astype(np.int64) + np.diag(found), targets.sum(axis=0))

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


def _multi_hot(classes, num_classes):
    """Returns bool [examples, num_classes]."""
    chosen = np.zeros((len(classes), num_classes), bool)
    np.put_along_axis(chosen, np.asarray(classes, np.int64), True, axis=1)
    return chosen
