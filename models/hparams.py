"""Hyperparameters: their defaults, and overrides such as "routing=1,leaky=true"."""

import dataclasses
import json

from commands.errors import UserError
from commands.settings import setting, settings_of

# Those that every network's training reads.
TRAINING = ("decay_rate", "decay_steps", "ema_decay", "learning_rate", "loss_type", "optimizer",
            "schedule", "verbose", "warmup_steps")
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class HParamsError(UserError):
    """A hyperparameter that does not exist, or a value that it cannot take."""


@dataclasses.dataclass(frozen=True)
class HParams:
    """Hyperparameters of networks and their training; a network reads those that concern it."""

    decay_rate: float = setting(
        "Factor on the learning rate every decay_steps, applied continuously.",
        default=0.96, above=0)
    decay_steps: float = setting(
        "Training steps of decay_rate, or of the whole cosine schedule.", default=2000, above=0)
    ema_decay: float = setting(
        "Decay of the moving average of weights that is evaluated; 0 keeps none.",
        default=0.0, lowest=0, below=1)
    leaky: bool = setting("Routing may leave a share of a vote to no capsule.", default=False)
    learning_rate: float = setting("Learning rate at step 0.", default=0.001, above=0)
    loss_scale: str = setting(
        "Scale of the margin loss: the paper's is 2 x classes times the reference's.",
        default="reference", choices=lambda: ("reference", "paper"))
    loss_type: str = setting("Classification loss.", default="margin",
                             choices=lambda: ("margin", "sigmoid", "softmax"))
    num_prime_capsules: int = setting("Types of primary capsules.", default=32, lowest=1,
                                      highest=1_000_000)
    optimizer: str = setting("Adam, or LAMB: Adam's updates scaled to the weights' lengths.",
                             default="adam", choices=lambda: ("adam", "lamb"))
    padding: str = setting("Padding of the convolutions.", default="VALID",
                           choices=lambda: ("VALID", "SAME"))
    remake: bool = setting("Reconstruct the images from the class capsules.", default=True)
    routing: int = setting("Routing iterations.", default=3, lowest=1, highest=100)
    routing_type: str = setting(
        "Algorithm of routing; self_attention takes one pass.", default="dynamic",
        choices=lambda: ("dynamic", "max_min", "self_attention"))
    schedule: str = setting(
        "How the learning rate falls; cosine: half a wave, down to 1e-6 at decay_steps.",
        default="exponential", choices=lambda: ("exponential", "cosine"))
    verbose: bool = setting("Write histograms, pictures and routing diagnostics.",
                            default=False)
    warmup_steps: int = setting("Steps in which the learning rate rises from 0.", default=0,
                                lowest=0, highest=1_000_000)

    def __post_init__(self):
        for name, known in settings_of(HParams).items():
            if problem := known.problem(getattr(self, name)):
                raise HParamsError(f"Hyperparameter {name}: {problem}.")

    def override(self, overrides):
        """Returns a copy with some values replaced.

        Args:
          overrides: str "key=value,key=value"; may be empty.

        Raises:
          HParamsError: for an unknown key, a value of the wrong type, or one out of range.
        """
        return dataclasses.replace(self, **parse_overrides(overrides))

    def to_json(self):
        """Returns the hyperparameters as JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text, source):
        """Returns the hyperparameters that `to_json` wrote; keys left out have their defaults.

        Args:
          text: str.
          source: str, where the text came from, for the error.

        Raises:
          HParamsError: if the text is not the JSON of hyperparameters.
        """
        try:
            values = json.loads(text)
            if not isinstance(values, dict):
                raise HParamsError(f"expected an object, found {type(values).__name__}")
            for key in values:
                _known(key)
            return cls(**values)
        except (ValueError, RecursionError) as error:
            raise HParamsError(f"{source}: not a file of hyperparameters ({error}).") from None


def parse_overrides(overrides):
    """Returns the dict of typed values that "key=value,key=value" names.

    Raises:
      HParamsError: for an unknown key, a key named twice, or a value of the wrong type.
    """
    values = {}
    for item in overrides.split(",") if overrides.strip() else []:
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals:
            raise HParamsError(f"Hyperparameter override: expected key=value, found {item!r}.")
        if key in values:
            raise HParamsError(f"Hyperparameter override: {key} is given twice.")
        values[key] = _typed(key, value)
    return values


def _typed(key, text):
    """Returns a hyperparameter's value from its text."""
    known = _known(key)
    try:
        return BOOLEANS[text.lower()] if known.type is bool else known.type(text)
    except (KeyError, ValueError):
        raise HParamsError(f"Hyperparameter {key}: expected {known.expected}, "
                           f"found {text!r}.") from None


def _known(key):
    """Returns a hyperparameter's Setting."""
    known = settings_of(HParams)
    if key not in known:
        raise HParamsError(f"Hyperparameter {key!r}: expected one of {', '.join(known)}.")
    return known[key]
