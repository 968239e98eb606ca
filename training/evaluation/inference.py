"""Runs a network over a split: the loop of evaluations, predictions and reports."""

from typing import Any, NamedTuple

import tensorflow as tf

from input_data.pipeline import evaluation_batches, plain_data_errors
from training.config import EVALUATION_BATCH
from training.distribution.replicas import ONE
from training.monitoring import screen
from training.step import StepMetrics, loss_and_metrics, summed_metrics


class Answer(NamedTuple):
    """A network's answer to a batch.

    Attributes:
      logits: float32 NumPy array [batch, num_classes].
      metrics: StepMetrics of floats, summed over the batch; None where targets are not known.
    """

    logits: Any
    metrics: Any


class Inference:
    """Runs one network over splits, with its variables of that time.

    Args:
      network: Network.
      batch_size: int, examples in a batch.
      replicas: Replicas, in whose scope the network was made.
    """

    def __init__(self, network, batch_size=EVALUATION_BATCH, replicas=ONE):
        self._network = network
        self._batch_size = batch_size
        self._replicas = replicas

        def on_each_device(batch):
            inferred = network(batch)
            if "targets" not in batch:
                return inferred.logits, None
            metrics = loss_and_metrics(network.hparams, batch, inferred)
            return inferred.logits, summed_metrics(metrics)

        @tf.function(reduce_retracing=True)
        def step(replicas, batch):
            return replicas.run(on_each_device, batch)

        self._step = step

    def over(self, data, limit=None, what="Evaluating"):
        """Yields each batch of a split, in its order, with the network's Answer.

        Args:
          data: Dataset.
          limit: number of examples from the first on, or None for all.
          what: str, the label of the progress bar, or None for no bar.

        Yields:
          dict of tensors, Answer.

        Raises:
          DataError: for damaged examples.
        """
        count = min(limit or data.info.num_examples, data.info.num_examples)
        with (plain_data_errors(), self._network.cache_kernels(),
              screen.bar(what, count) as bar):
            for batch in evaluation_batches(data, self._batch_size, limit):
                size = len(batch["images"])
                replicas = self._replicas.for_batch(size)
                logits, metrics = self._step(replicas, replicas.spread(batch, size))
                if metrics is not None:
                    metrics = StepMetrics(*(sum(map(float, replicas.each(values)))
                                            for values in metrics))
                yield batch, Answer(replicas.joined(logits), metrics)
                bar.update(size)
