"""The devices that share a run's batches: one, several of a machine, or those of a cluster.

Each device takes its share of every batch and has a copy of the variables. Results are sums over
the devices, so they depend on the number of devices by rounding alone.
"""

import contextlib
import re

import numpy as np
import tensorflow as tf

from commands.errors import RunError, reason

# In TensorFlow's errors, of various types, after a worker has gone.
LOST = re.compile(r"Collective ops is aborted|/job:(chief|worker)/|heartbeat")


class Replicas:
    """The devices of a run.

    Args:
      strategy: tf.distribute.Strategy, or None for TensorFlow's first device.
      spec: ClusterSpec, or None for a single process.

    Attributes:
      count: int, devices of all workers.
      workers: int.
      is_chief: whether this process writes the run's files.
    """

    def __init__(self, strategy=None, spec=None):
        self._several = strategy
        self._number = spec.number if spec else 0
        self.count = strategy.num_replicas_in_sync if strategy else 1
        self.workers = len(spec.addresses) if spec else 1
        self.is_chief = self._number == 0
        self._traced_sum = tf.function(self.sum)        # twice as fast as the eager one

    @property
    def _strategy(self):
        # Asking for TensorFlow's own strategy starts threads, which an import must not do.
        return self._several or tf.distribute.get_strategy()

    def scope(self):
        """Returns a context manager that creates variables on all devices."""
        return self._strategy.scope()

    def for_batch(self, size):
        """Returns the Replicas for a batch: one device if there are fewer examples than devices."""
        return self if size >= self.count else ONE

    def part(self, size):
        """Returns (start, end), this worker's examples of a batch of some size."""
        bounds, here = shares(size, self.count), self.count // self.workers
        return bounds[self._number * here], bounds[(self._number + 1) * here]

    def spread(self, batch, size):
        """Splits this worker's `part` of a batch, a dict of tensors, over its devices."""
        if self.count == 1:
            return batch
        bounds, first = shares(size, self.count), self.part(size)[0]

        def share(context):
            device = context.replica_id_in_sync_group
            return {key: values[bounds[device] - first:bounds[device + 1] - first]
                    for key, values in batch.items()}

        return self._strategy.experimental_distribute_values_from_function(share)

    def run(self, function, *arguments):
        """Calls a function on each device, with the device's share of the arguments."""
        return self._strategy.run(function, args=arguments)

    def sum(self, value):
        """Sums over all devices what `run` returned."""
        return self._strategy.reduce("SUM", value, axis=None)

    def each(self, value):
        """Returns a tuple: what `run` returned on each of this worker's devices."""
        return self._strategy.experimental_local_results(value)

    def joined(self, value):
        """Returns the tensors [examples, ...] that `run` returned as one NumPy array."""
        return np.concatenate([part.numpy() for part in self.each(value)])

    def from_chief(self, array):
        """Returns the chief's array; all workers call it, with NumPy arrays of one shape.

        They travel as float32, which holds integers up to 2^24 exactly.
        """
        if self.workers == 1:
            return array
        mine = array if self.is_chief else np.zeros_like(array)
        total = self.sum(self._on_first_device(np.asarray(mine, np.float32)))
        return total.numpy().astype(array.dtype)

    def tell(self, text):
        """Returns the chief's text; all workers call it, the others with any text."""
        told = np.frombuffer(text.encode(), np.uint8)
        length = int(self.from_chief(np.array(len(told))))
        return self.from_chief(np.resize(told, length)).tobytes().decode()

    def highest(self, number):
        """Returns the highest number, of 0 to 255, that a worker calls this with."""
        if self.workers == 1:
            return number
        counts = np.zeros(256, np.float32)
        counts[number] = 1
        return int(np.flatnonzero(self._traced_sum(self._on_first_device(counts)))[-1])

    def wait(self):
        """Returns when all workers have called it."""
        self.highest(0)

    def _on_first_device(self, array):
        """Returns a value for `sum`: the array on this worker's first device, zeros on others."""
        first = self.part(self.count)[0]

        def value(context):
            return tf.constant(array if context.replica_id_in_sync_group == first
                               else np.zeros_like(array))

        return self._strategy.experimental_distribute_values_from_function(value)

    @contextlib.contextmanager
    def plain_errors(self):
        """Raises RunError in the block when another worker has gone."""
        try:
            yield
        except tf.errors.OpError as error:
            if self.workers == 1 or not LOST.search(error.message or ""):
                raise
            # The first error stands behind the one that TensorFlow noticed.
            found = re.search(r"aborted by: (.*)", error.message or "")
            raise RunError(
                f"Worker {self._number}: another worker has gone "
                f"({found[1] if found else reason(error)}); its own screen may say why. Start all "
                "workers again: they go on from the newest checkpoint.") from None


ONE = Replicas()


def shares(size, count):
    """Returns the bounds of a batch's shares, as equal as possible: count + 1 ints from 0 on."""
    return [size * number // count for number in range(count + 1)]
