"""What the project asks of its speed and memory, and the rows of a report."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Target:
    """What is asked of one measurement.

    Attributes:
      work: str, what is measured.
      limit: float.
      at_least: whether the limit is the smallest value allowed, or else the largest.
      unit: str, behind the numbers.
    """

    work: str
    limit: float
    at_least: bool
    unit: str

    @property
    def asked(self):
        """The limit in words."""
        return f"{self.limit:g}{self.unit} or {'more' if self.at_least else 'less'}"

    def met(self, value):
        """Returns whether a value keeps to the limit."""
        return value >= self.limit if self.at_least else value <= self.limit


# By the name of the row that answers it. "Plain" is benchmarks.plain.
TARGETS = {
    "training": Target("training step, float32, times as fast as plain", 5, True, "x"),
    "bfloat16": Target("training step, bfloat16 products, times as fast as plain", 6, True, "x"),
    "direct_floor": Target("training step, float32, over the floor of direct convolutions",
                           0.6, False, "x"),
    "own_floor": Target("training step, float32, over the floor of the transformed convolution",
                        2.2, False, "x"),
    "memory": Target("peak memory of training, over plain", 0.4, False, "x"),
    "evaluation": Target("evaluation, times as many images a second as plain", 5, True, "x"),
    "cifar10_memory": Target("CIFAR10 network, batch 128, peak memory of training",
                             5, False, " GB"),
    "cifar10_speed": Target("CIFAR10 network, batch 128, training, times as many images a second "
                            "as plain at batch 32", 4, True, "x"),
    "records": Target("MultiMNIST records a second, over the plain loop", 10, True, "x"),
    "startup": Target("from start to the end of the first training step", 12, False, " s"),
    "input": Target("what the input pipeline adds to a training step", 3, False, " %"),
    "batches": Target("time for an image as the batch grows, over the smallest batch's, at most",
                      1, False, "x"),
}


@dataclasses.dataclass(frozen=True)
class Row:
    """What was measured for a target.

    Attributes:
      name: a key of TARGETS.
      network: str, or "" where a row is about none in particular.
      value: float, or None where nothing could be measured.
      low, high: float, quartiles; or None.
      note: str, the numbers behind the value, or why there is none.
      is_asked: whether the target is about this measurement: its network and its batch.
    """

    name: str
    network: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""
    is_asked: bool = True

    @property
    def target(self):
        return TARGETS[self.name]

    @property
    def met(self):
        """bool, or None where nothing is asked or nothing was measured."""
        if not self.is_asked or self.value is None:
            return None
        return self.target.met(self.value)
