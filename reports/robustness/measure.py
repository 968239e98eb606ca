"""Counts what a network misreads, by kind and strength of disturbance."""

import csv
import functools
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy import stats

import capsules
from reports.drawing import figures
from reports.robustness import attacks, disturbances
from training.config import EVALUATION_BATCH
from training.monitoring import screen

SEED = 0


class Scale(NamedTuple):
    """The strengths of a disturbance, one of which leaves images intact."""

    unit: str
    strengths: tuple
    intact: float = 0


SCALES = {
    "rotation": Scale("degrees", (0, 15, 30, 45, 60, 90)),
    "shift": Scale("pixels", (0, 2, 4, 6, 8)),
    "scale": Scale("factor", (0.4, 0.5, 0.7, 1, 1.4, 1.7, 2), intact=1),
    "noise": Scale("standard deviation", (0, 0.1, 0.2, 0.3, 0.45)),
    "FGSM": Scale("epsilon", (0, 0.05, 0.1, 0.2, 0.3)),
    "PGD": Scale("epsilon", (0, 0.025, 0.05, 0.1, 0.2)),
}
COUNT = sum(len(scale.strengths) for scale in SCALES.values())


class Row(NamedTuple):
    """How many examples a network misreads at a strength of a disturbance."""

    network: str
    checkpoint: str
    disturbance: str
    strength: float
    examples: int
    wrong: int

    @property
    def percents(self):
        """The error and the ends of its 95 % interval (Wilson 1927), in percent: three floats."""
        interval = stats.binomtest(self.wrong, self.examples).proportion_ci(method="wilson")
        return (100 * self.wrong / self.examples, *(100 * float(end) for end in interval))


def count_errors(name, checkpoint, network, images, targets):
    """Yields a list of Rows for each disturbance of SCALES.

    Every network meets the same changed images, but for the attacks, which are its own.

    Args:
      name, checkpoint: str, for the Rows.
      network: Network, with trained weights.
      images: float32 NumPy array [examples, height, width, depth] in [0, 1].
      targets: int32 NumPy array [examples].
    """
    def row(kind, strength, wrong):
        return Row(name, checkpoint, kind, strength, len(images), wrong)

    with network.cache_kernels(), screen.bar(name, COUNT * len(images)) as bar:
        count_wrong, changes = _compiled(network, images, targets)
        intact = count_wrong(images)
        for number, (kind, scale) in enumerate(SCALES.items()):
            rows = []
            for strength in scale.strengths:
                wrong = intact
                if strength != scale.intact:
                    rng = np.random.default_rng([SEED, number])
                    wrong = count_wrong(changes[kind](strength, rng))
                rows.append(row(kind, strength, wrong))
                bar.update(len(images))
            yield rows


def _compiled(network, images, targets):
    """Returns a function that counts errors, and those that change the images: two values.

    The first is of changed images, the others, {name: function}, of a strength and a Generator.
    """
    logits = tf.function(lambda images: network({"images": images}).logits,
                         input_signature=[tf.TensorSpec([None, *network.image_shape])])
    climb = functools.partial(_in_batches, attacks.margin_gradient(network))
    gradients = functools.cache(lambda: climb(images, targets)[1])

    def count_wrong(changed):
        [answers] = _in_batches(lambda part: [logits(part)], changed)
        return int(np.count_nonzero(~capsules.correct(answers, targets[:, None]).numpy()))

    return count_wrong, {
        "rotation": functools.partial(disturbances.rotated, images),
        "shift": functools.partial(disturbances.shifted, images),
        "scale": functools.partial(disturbances.scaled, images),
        "noise": functools.partial(disturbances.noisy, images),
        "FGSM": lambda epsilon, rng: attacks.fgsm(images, gradients(), epsilon),
        "PGD": lambda epsilon, rng: attacks.pgd(climb, images, targets, epsilon, rng),
    }


def _in_batches(function, *arrays):
    """Returns what a function of batches returns for whole arrays: a list of NumPy arrays."""
    parts = [function(*(array[start:start + EVALUATION_BATCH] for array in arrays))
             for start in range(0, len(arrays[0]), EVALUATION_BATCH)]
    return [np.concatenate(values) for values in zip(*parts)]


def write_csv(rows, path):
    """Writes Rows as a CSV file; raises RunError if it cannot be written or is there."""
    def make(aside):
        with open(aside, "w") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow((*Row._fields, "wrong_percent", "low", "high"))
            table.writerows((*row, *(f"{value:.3f}" for value in row.percents)) for row in rows)

    figures.write(path, make)
