"""The targets of the benchmark, its settings, and the results."""

import dataclasses

STANDARD_BATCH = 128


@dataclasses.dataclass(frozen=True)
class Target:
    """The limit of one measurement."""

    work: str           # what is measured
    limit: float
    at_least: bool      # whether the limit is the smallest value allowed, or the largest
    unit: str

    @property
    def asked(self):
        """The limit in words."""
        return f"{self.limit:g}{self.unit} or {'more' if self.at_least else 'less'}"


# By the name of the row in the report. "Plain" is benchmarks.plain.
TARGETS = {
    "routing": Target("routing with gradients, fused, times as fast as products", 1.7, True, "x"),
    "training": Target("training step, float32, times as fast as plain", 4.4, True, "x"),
    "bfloat16": Target("training step, bfloat16, times as fast as plain", 6.8, True, "x"),
    "direct_floor": Target("training step, float32, over the floor of direct convolutions",
                           0.6, False, "x"),
    "own_floor": Target("training step, float32, over the floor of the transformed convolution",
                        2.2, False, "x"),
    "memory": Target("peak memory of training, over plain", 0.38, False, "x"),
    "evaluation": Target("evaluation, times as many images a second as plain", 5, True, "x"),
    "multimnist": Target("MultiMNIST training step, batch 64, bfloat16, fused routing, times as "
                         "fast as with products", 1.25, True, "x"),
    "cifar10_memory": Target("CIFAR10 network, batch 128, peak memory of training",
                             4.4, False, " GB"),
    "cifar10_speed": Target("CIFAR10 network, batch 128, training, times as many images a second "
                            "as plain at batch 32", 4, True, "x"),
    "records": Target("MultiMNIST records a second, over the plain loop", 10, True, "x"),
    "startup": Target("from start to the end of the first training step", 8, False, " s"),
    "input": Target("what the input pipeline adds to a training step", 3, False, " %"),
    "batches": Target("time for an image as the batch grows, over the smallest batch's, at most",
                      1, False, "x"),
}


@dataclasses.dataclass(frozen=True)
class Row:
    """A measurement for a target."""

    name: str                       # a key of TARGETS
    network: str = ""
    value: float | None = None      # None if it failed
    low: float | None = None        # quartiles
    high: float | None = None
    note: str = ""                  # the numbers behind the value, or the failure
    is_asked: bool = True           # whether the target is about this network and batch

    @property
    def target(self):
        return TARGETS[self.name]

    @property
    def met(self):
        """bool, or None without a target or a value."""
        if not self.is_asked or self.value is None:
            return None
        limit = self.target.limit
        return self.value >= limit if self.target.at_least else self.value <= limit


@dataclasses.dataclass(frozen=True)
class Settings:
    """The flags of the benchmark."""

    networks: tuple = ("mnist",)
    rows: tuple = ()
    batch_size: int = STANDARD_BATCH
    batch_sizes: tuple = (32, 64, 128, 256)
    steps: int = 10
    threads: int = 0


@dataclasses.dataclass(frozen=True)
class Findings:
    """The results of measurements."""

    rows: list
    timings: dict = dataclasses.field(default_factory=dict)     # of Timing
    peaks: dict = dataclasses.field(default_factory=dict)   # operations a second, by precision
    floors: dict = dataclasses.field(default_factory=dict)  # operations, by network and part
    gpu: str | None = None

    def plus(self, other):
        """Returns these Findings and others together."""
        return Findings(self.rows + other.rows, self.timings | other.timings,
                        self.peaks | other.peaks, self.floors | other.floors,
                        other.gpu or self.gpu)
