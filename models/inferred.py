"""What every network returns."""

from typing import Any, NamedTuple


class Inferred(NamedTuple):
    """A network's answer to a batch.

    Attributes:
      logits: float32 [batch, num_classes]; the highest are the predicted classes.
      capsules: float32 [batch, num_classes, atoms], or None where a network has none.
      reconstructions: float32 [batch, num_targets, height, width, depth] in [0, 1], or None.
    """

    logits: Any
    capsules: Any = None
    reconstructions: Any = None
