"""Test images with what a network reads in them: those read right, those read wrong."""

import dataclasses

import numpy as np

from reports import trained_network


@dataclasses.dataclass(frozen=True)
class Cases:
    """Images with what a network reads in them.

    Attributes:
      images: float32 [n, height, width, depth].
      target_images: float32 [n, num_targets, height, width, depth].
      labels: int [n, num_targets].
      predictions: int [n, num_targets]; classes that are among the labels stand in their place.
      others: int [n], of the remaining classes the one with the highest logit.
    """

    images: np.ndarray
    target_images: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray
    others: np.ndarray

    def __len__(self):
        return len(self.images)

    def take(self, chosen):
        """Returns the Cases that an index chooses."""
        return Cases(**{field.name: getattr(self, field.name)[chosen]
                        for field in dataclasses.fields(self)})


def find_cases(network, split, right, wrong, most=10000):
    """Returns the first Cases of a split that are read right, and the first read wrong.

    Args:
      network: Network.
      split: Split.
      right, wrong: int, how many of each to look for.
      most: int, number of images to look at.
    """
    found = {True: [], False: []}
    for batch, predictions, logits in trained_network.answers(network, split, most):
        labels = batch["targets"]
        cases = Cases(batch["images"], batch["target_images"], labels,
                      _in_place(labels, predictions), _next_class(labels, predictions, logits))
        is_right = trained_network.right(labels, predictions)
        for kind, parts in found.items():
            parts.append(cases.take(is_right == kind))
        if all(sum(map(len, found[kind])) >= wanted
               for kind, wanted in ((True, right), (False, wrong))):
            break
    return tuple(
        Cases(**{field.name: np.concatenate([getattr(part, field.name) for part in found[kind]])
                 for field in dataclasses.fields(Cases)}).take(slice(wanted))
        for kind, wanted in ((True, right), (False, wrong)))


def _in_place(labels, predictions):
    """Returns the predictions, those that are among the labels in the labels' places."""
    placed = np.where((labels[:, :, None] == predictions[:, None, :]).any(axis=2), labels, -1)
    for row, found in zip(placed, predictions):
        row[row < 0] = found[~np.isin(found, row)]
    return placed


def _next_class(labels, predictions, logits):
    """Returns int [n], the class of the highest logit that is neither label nor prediction."""
    taken = np.concatenate([labels, predictions], axis=1)
    left = np.array(logits)
    np.put_along_axis(left, taken, -np.inf, axis=1)
    return left.argmax(axis=1)
