"""What the benchmark measures, its settings, and the results."""

import dataclasses

STANDARD_BATCH = 128


# What is measured, by the name of its row in the report, and the unit. "Plain" is benchmarks.plain.
WORK = {
    "routing": ("routing with gradients, fused, times as fast as products", "x"),
    "training": ("training step, float32, times as fast as plain", "x"),
    "bfloat16": ("training step, bfloat16, times as fast as plain", "x"),
    "memory": ("peak memory of training, over plain", "x"),
    "evaluation": ("evaluation, times as many images a second as plain", "x"),
    "multimnist": ("MultiMNIST training step, batch 64, bfloat16, fused routing, times as fast as "
                   "with products", "x"),
    "cifar10_memory": ("CIFAR10 network, batch 128, peak memory of training", " GB"),
    "cifar10_speed": ("CIFAR10 network, batch 128, training, times as many images a second as "
                      "plain at batch 32", "x"),
    "records": ("MultiMNIST records a second, over the plain loop", "x"),
    "startup": ("from start to the end of the first training step", " s"),
    "input": ("what the input pipeline adds to a training step", " %"),
}


@dataclasses.dataclass(frozen=True)
class Row:
    """A measurement."""

    name: str                       # a key of WORK
    network: str = ""
    value: float | None = None      # None if it failed
    low: float | None = None        # quartiles
    high: float | None = None
    note: str = ""                  # the numbers behind the value, or the failure


@dataclasses.dataclass(frozen=True)
class Settings:
    """The flags of the benchmark."""

    networks: tuple = ("mnist",)
    rows: tuple = ()
    batch_size: int = STANDARD_BATCH
    steps: int = 10
    threads: int = 0


@dataclasses.dataclass(frozen=True)
class Findings:
    """The results of measurements."""

    rows: list
    timings: dict = dataclasses.field(default_factory=dict)     # of Timing
    gpu: str | None = None

    def plus(self, other):
        """Returns these Findings and others together."""
        return Findings(self.rows + other.rows, self.timings | other.timings,
                        other.gpu or self.gpu)
