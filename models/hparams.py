"""Hyperparameters: their defaults, and overrides such as "routing=1,leaky=true"."""

import dataclasses
import json
import math

from commands.errors import UserError

CHOICES = {
    "loss_scale": ("reference", "paper"),
    "loss_type": ("margin", "sigmoid", "softmax"),
    "padding": ("VALID", "SAME"),
    "schedule": ("exponential", "cosine"),
}
POSITIVE = ("decay_rate", "decay_steps", "learning_rate", "num_prime_capsules", "routing")
# Those that every network's training reads.
TRAINING = ("decay_rate", "decay_steps", "ema_decay", "learning_rate", "loss_type", "schedule",
            "verbose")
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class HParamsError(UserError):
    """A hyperparameter that does not exist, or a value that it cannot take."""


@dataclasses.dataclass(frozen=True)
class HParams:
    """Hyperparameters of networks and their training; a network reads those that concern it."""

    decay_rate: float = 0.96        # factor on the learning rate every decay_steps, continuously
    decay_steps: float = 2000       # in training steps; those of the whole cosine schedule
    ema_decay: float = 0.0          # of the moving average of weights that is evaluated; 0: none
    leaky: bool = False             # routing may leave a share of a vote to no capsule
    learning_rate: float = 0.001    # of Adam, at step 0
    loss_scale: str = "reference"   # of the margin loss: paper is 2 x classes times as much
    loss_type: str = "margin"       # margin, sigmoid or softmax
    num_prime_capsules: int = 32    # types of primary capsules
    padding: str = "VALID"          # of the convolutions
    remake: bool = True             # reconstruct the images from the class capsules
    routing: int = 3                # routing iterations
    schedule: str = "exponential"   # of the learning rate; cosine: half a wave, down to 1e-6
    verbose: bool = False           # histograms and reconstructions in the summaries

    def __post_init__(self):
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise HParamsError(f"Hyperparameter {name}: expected {' or '.join(choices)}, "
                                   f"found {getattr(self, name)!r}.")
        for name in POSITIVE:
            if not 0 < getattr(self, name) < math.inf:
                raise HParamsError(f"Hyperparameter {name}: expected a finite number above 0, "
                                   f"found {getattr(self, name)}.")

        if not 0 <= self.ema_decay < 1:
            raise HParamsError("Hyperparameter ema_decay: expected a number from 0 to below 1, "
                               f"found {self.ema_decay}.")

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
          source: where the text came from, for the error's sake.

        Raises:
          HParamsError: if the text is not the JSON of hyperparameters.
        """
        try:
            values = json.loads(text)
            if not isinstance(values, dict):
                raise HParamsError(f"expected an object, found {type(values).__name__}")
            return cls(**{key: _typed(key, json.dumps(value).strip('"'))
                          for key, value in values.items()})
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
    """Returns a hyperparameter's value from its text, with the type of its default."""
    types = {field.name: field.type for field in dataclasses.fields(HParams)}
    if key not in types:
        raise HParamsError(f"Hyperparameter {key!r}: expected one of {', '.join(types)}.")
    convert = BOOLEANS.__getitem__ if types[key] is bool else types[key]
    try:
        return convert(text.lower() if types[key] is bool else text)
    except (KeyError, ValueError):
        expected = {bool: "true or false", int: "a whole number", float: "a number"}[types[key]]
        raise HParamsError(f"Hyperparameter {key}: expected {expected}, "
                           f"found {text!r}.") from None
