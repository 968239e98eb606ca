"""What the benchmark is asked, and what it finds."""

import dataclasses

STANDARD_BATCH = 128


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the benchmark is asked to do: its flags."""

    networks: tuple = ("mnist",)
    rows: tuple = ()
    batch_size: int = STANDARD_BATCH
    batch_sizes: tuple = (32, 64, 128, 256)
    steps: int = 10
    threads: int = 0


@dataclasses.dataclass(frozen=True)
class Findings:
    """What a measurement found.

    Attributes:
      rows: list of Row.
      timings: dict from a name to Timing.
      peaks: dict from a precision to floating-point operations a second.
      floors: dict from a network to a dict from a part of a step to its operations.
      gpu: str or None.
    """

    rows: list
    timings: dict = dataclasses.field(default_factory=dict)
    peaks: dict = dataclasses.field(default_factory=dict)
    floors: dict = dataclasses.field(default_factory=dict)
    gpu: str | None = None

    def plus(self, other):
        """Returns these Findings and others together."""
        return Findings(self.rows + other.rows, self.timings | other.timings,
                        self.peaks | other.peaks, self.floors | other.floors,
                        other.gpu or self.gpu)
