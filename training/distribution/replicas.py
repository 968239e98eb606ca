"""The devices that share a run's batches: one, several of a machine (replicas), or a cluster's.

Every device has its share of each batch and a copy of the variables. What they compute is summed,
so that results do not depend, but for rounding, on their number.
"""

import contextlib
import re

import numpy as np
import tensorflow as tf

from commands.errors import RunError, reason

# What TensorFlow's errors say when a worker has gone, of whatever type they are.
LOST = re.compile(r"Collective ops is aborted|/job:(chief|worker)/|heartbeat")


class Replicas:
    """The devices of a run.

    Args:
      strategy: tf.distribute.Strategy, or None for TensorFlow's first device.
      spec: ClusterSpec of the workers, or None for this process alone.

    Attributes:
      count: int, the devices of all workers.
      workers: int.
      is_chief: whether this process writes the run's files.
    """

    def __init__(self, strategy=None, spec=None):
        self._several = strategy
        self._number = spec.number if spec else 0
        self.count = strategy.num_replicas_in_sync if strategy else 1
        self.workers = len(spec.addresses) if spec else 1
        self.is_chief = self._number == 0
        self._sum_in_steps = tf.function(self.sum)      # takes half the time of one outside

    @property
    def _strategy(self):
        # Not before it is needed: to ask for TensorFlow's is a first use of TensorFlow.
        return self._several or tf.distribute.get_strategy()

    def scope(self):
        """Returns a context manager: variables that are made in it are on all devices."""
        return self._strategy.scope()

    def for_batch(self, size):
        """Returns these Replicas; or the first device's, for less than an example for each.

        Args:
          size: int, examples in a batch.
        """
        return self if size >= self.count else ONE

    def part(self, size):
        """Returns (start, end), which examples of a batch this worker's devices take.

        Args:
          size: int, examples in the batch.
        """
        bounds, here = shares(size, self.count), self.count // self.workers
        return bounds[self._number * here], bounds[(self._number + 1) * here]

    def spread(self, batch, size):
        """Returns a batch as `run` takes it: for each of this worker's devices its share.

        Args:
          batch: dict of tensors, of the examples that `part` says.
          size: int, examples in the whole batch.
        """
        if self.count == 1:
            return batch
        bounds, first = shares(size, self.count), self.part(size)[0]

        def share(context):
            device = context.replica_id_in_sync_group
            return {key: values[bounds[device] - first:bounds[device + 1] - first]
                    for key, values in batch.items()}

        return self._strategy.experimental_distribute_values_from_function(share)

    def run(self, function, *arguments):
        """Calls a function on each device, with its share of the arguments; in a tf.function."""
        return self._strategy.run(function, args=arguments)

    def sum(self, value):
        """Returns the sum of what `run` returned on all devices; in a tf.function, if often."""
        return self._strategy.reduce("SUM", value, axis=None)

    def each(self, value):
        """Returns what `run` returned on each of this worker's devices: a tuple."""
        return self._strategy.experimental_local_results(value)

    def joined(self, value):
        """Returns what `run` returned of each example, on this worker's devices, as a NumPy array.

        Args:
          value: of tensors [examples, ...].
        """
        return np.concatenate([part.numpy() for part in self.each(value)])

    def from_chief(self, array):
        """Returns the chief's array; all workers call it, with arrays of one shape.

        Args:
          array: NumPy array, of a dtype that float32 holds whole.
        """
        if self.workers == 1:
            return array
        mine = array if self.is_chief else np.zeros_like(array)
        total = self.sum(self._on_one_device(np.asarray(mine, np.float32)))
        return total.numpy().astype(array.dtype)

    def tell(self, text):
        """Returns the chief's text; all workers call it, the others with anything."""
        told = np.frombuffer(text.encode(), np.uint8)
        length = int(self.from_chief(np.array(len(told))))
        return self.from_chief(told if self.is_chief else
                               np.zeros(length, np.uint8)).tobytes().decode()

    def highest(self, number):
        """Returns the highest of all workers' numbers, ints from 0 to 255."""
        if self.workers == 1:
            return number
        counts = np.zeros(256, np.float32)
        counts[number] = 1
        return int(np.flatnonzero(self._sum_in_steps(self._on_one_device(counts)))[-1])

    def wait(self):
        """Returns when all workers have called it."""
        self.highest(0)

    def _on_one_device(self, array):
        """Returns a value for `sum`: this worker's array, float32, once for all its devices."""
        first = self.part(self.count)[0]

        def share(context):
            return tf.constant(array if context.replica_id_in_sync_group == first
                               else np.zeros_like(array))

        return self._strategy.experimental_distribute_values_from_function(share)

    @contextlib.contextmanager
    def plain_errors(self):
        """Raises RunError in the block when another worker has gone."""
        try:
            yield
        except tf.errors.OpError as error:
            if self.workers == 1 or not LOST.search(error.message or ""):
                raise
            # What came first stands behind where it was noticed.
            found = re.search(r"aborted by: (.*)", error.message or "")
            raise RunError(
                f"Worker {self._number}: another worker has gone "
                f"({found[1] if found else reason(error)}); its own screen may say why. Start all "
                "workers again: they go on from the newest checkpoint.") from None


ONE = Replicas()


def shares(size, count):
    """Returns the bounds of a batch's shares, as equal as they can be: count + 1 ints from 0.

    Args:
      size: int, examples.
      count: int, devices.
    """
    return [size * number // count for number in range(count + 1)]
