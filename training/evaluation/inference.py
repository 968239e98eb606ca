"""Evaluation: how many of a split's examples a network gets wrong."""

import dataclasses
import time

import tensorflow as tf

import capsules
from input_data.pipeline import evaluation_batches, plain_data_errors
from training.distribution.replicas import ONE
from training.monitoring import progress
from training.monitoring.confusion import Confusion
from training.step import StepMetrics, loss_and_metrics, summed_metrics


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What an evaluation counted; losses are means over the examples."""

    examples: int
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
        """Returns the values of summaries.EVALUATION_TAGS."""
        return {"correct_prediction": self.correct, "wrong_prediction": self.wrong,
                "almost_wrong_prediction": self.almost_wrong,
                "batch_classification_cost": self.classification,
                "reconstruction_error": self.reconstruction,
                "total_loss": self.classification + self.reconstruction,
                "accuracy": self.correct / self.examples}


class Evaluator:
    """Evaluates one network, with whatever variables it has at the time.

    Args:
      network: Network.
      split: Split.
      batch_size: examples in a batch.
      limit: most examples to count, from the first on.
      towers: Towers, in whose scope the network was made.
    """

    def __init__(self, network, split, batch_size, limit, towers=ONE):
        self._network = network
        self._towers = towers
        self._split = split
        self._batch_size = batch_size
        self._limit = min(limit, split.info.num_examples)

        def device_step(batch):
            inferred = network(batch)
            outcome = loss_and_metrics(network.hparams, batch, inferred)
            predicted = capsules.predicted(inferred.logits, batch["targets"].shape[1])
            return summed_metrics(outcome), inferred.logits, predicted

        @tf.function(reduce_retracing=True)
        def step(towers, batch):
            return towers.run(device_step, batch)

        self._step = step

    def evaluate(self, collect=None):
        """Returns the Evaluation of every example once.

        Args:
          collect: None, or a function that is called with each batch's targets, int32
            [batch, num_targets], and logits, float32 [batch, num_classes].

        Raises:
          DataError: for damaged examples.
        """
        start = time.monotonic()
        confusion = Confusion.empty(self._split.info.num_classes)
        sums = [0.0] * len(StepMetrics._fields)
        with (plain_data_errors(), self._network.cache_kernels(),
              progress.bar("Evaluating", self._limit) as bar):
            for batch in evaluation_batches(self._split, self._batch_size, self._limit):
                size = len(batch["images"])
                towers = self._towers.for_batch(size)
                outcome, logits, predicted = self._step(towers, towers.spread(batch, size))
                targets = batch["targets"].numpy()
                confusion.add(targets, towers.joined(predicted))
                sums = [total + sum(map(float, towers.each(values)))
                        for total, values in zip(sums, outcome)]
                if collect is not None:
                    collect(targets, towers.joined(logits))
                bar.update(size)
        outcome = StepMetrics(*sums)
        return Evaluation(
            self._limit, round(outcome.correct), round(outcome.almost_correct),
            outcome.classification / self._limit, outcome.reconstruction / self._limit,
            round(time.monotonic() - start, 3), confusion)
