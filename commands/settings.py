"""Settings as fields of a dataclass, each with its type, range, default and meaning.

    @dataclasses.dataclass(frozen=True)
    class Config:
        seed: int | None = setting("Decides everything random.", lowest=0, default=0)

Flags, their --help, and the checks of values read from files follow from these fields.
"""

import dataclasses
import math
import typing
from collections.abc import Callable

from absl import flags

WORDS = {bool: "true or false", int: "a whole number", float: "a finite number", str: "text"}


@dataclasses.dataclass(frozen=True)
class Setting:
    """A setting's type, range and meaning.

    Attributes:
      name: str.
      type: bool, int, float or str.
      about: str, its meaning, for --help.
      default: the value of an unset setting; None where something else decides.
      optional: whether the value may be None.
      group: str, its heading in --help.
      keep: the owner's rule for keeping it, or None.
      choices: function that returns the possible values, or None for any.
      lowest, highest: inclusive bounds, or None.
      above, below: exclusive bounds, or None.
      check: function of a value that returns another problem with it, or None; or None.
      is_pairs: whether it is text of key=value,...: a flag that is given again adds keys to it.
    """

    name: str
    type: type
    about: str
    default: typing.Any
    optional: bool
    group: str = ""
    keep: typing.Any = None
    choices: Callable | None = None
    lowest: float | None = None
    highest: float | None = None
    above: float | None = None
    below: float | None = None
    check: Callable | None = None
    is_pairs: bool = False

    def problem(self, value):
        """Returns the problem with a value, such as "expected 1 or more, found 0", or None."""
        if value is None and self.optional:
            return None
        return self._misfit(value) or (self.check and self.check(value))

    def _misfit(self, value):
        """Returns the problem with a value's type or range, or None."""
        of_type = (type(value) is self.type
                   or (self.type is float and type(value) is int and abs(value) < 2**1000))
        if of_type and self.type is float:
            of_type = math.isfinite(value)
        if not of_type or not self._in_range(value):
            shown = repr(value) if len(repr(value)) < 60 else repr(value)[:50] + "..."
            return f"expected {self.expected}, found {shown}"
        return None

    @property
    def expected(self):
        """The type and range in words, for errors."""
        if self.choices:
            return " or ".join(map(str, self.choices()))
        return WORDS[self.type] + self._range()

    def _range(self):
        if self.above is not None and self.below is not None:
            return f" between {self.above} and {self.below}"
        if self.above is not None:
            return f" above {self.above}"
        if self.lowest is None:
            return ""
        if self.highest is not None:
            return f" from {self.lowest} to {self.highest}"
        if self.below is not None:
            return f" from {self.lowest} to below {self.below}"
        return f" of at least {self.lowest}"

    def _in_range(self, value):
        return ((self.choices is None or value in self.choices())
                and (self.lowest is None or value >= self.lowest)
                and (self.highest is None or value <= self.highest)
                and (self.above is None or value > self.above)
                and (self.below is None or value < self.below))


def setting(about, optional=False, **known):
    """Returns a dataclass field with the attributes of a `Setting`.

    Optional fields start as None, others with their default.
    """
    default = None if optional else known["default"]
    return dataclasses.field(
        default=default, metadata={"about": about, "optional": optional, "default": None, **known})


def settings_of(owner):
    """Returns {name: Setting} of a dataclass whose fields were made by `setting`."""
    return {field.name: Setting(name=field.name, type=_plain_type(field.type), **field.metadata)
            for field in dataclasses.fields(owner)}


class _PairsFlag(flags.Flag):
    """A flag of key=value,... that may be given again; a key's last value counts."""

    def parse(self, argument):
        keys = {_key(pair) for pair in argument.split(",")}
        kept = [pair for pair in (self.value or "").split(",") if pair and _key(pair) not in keys]
        super().parse(",".join([*kept, argument] if argument else kept))


def _key(pair):
    return pair.partition("=")[0].strip()


def define_flags(settings, flag_values):
    """Defines a flag for each Setting; absl's --help lists them by group."""
    for one in settings:
        _define(one, flag_values)


def _define(one, flag_values):
    default = None if one.optional else one.default
    about = one.about
    if one.default not in (None, ""):
        shown = str(one.default).lower() if one.type is bool else one.default
        about = f"{about} (default: {shown})"
    common = {"flag_values": flag_values, **({"module_name": one.group} if one.group else {})}
    if one.type is bool:
        flags.DEFINE_boolean(one.name, default, about, **common)
    elif one.type is str and one.choices and one.check is None:
        flags.DEFINE_enum(one.name, default, list(one.choices()), about, **common)
    elif one.is_pairs:
        text = flags.ArgumentParser(), flags.ArgumentSerializer()
        flags.DEFINE_flag(_PairsFlag(*text, one.name, default, about), **common)
    elif one.type is str:
        flags.DEFINE_string(one.name, default, about, **common)
    else:
        define = flags.DEFINE_integer if one.type is int else flags.DEFINE_float
        define(one.name, default, about, lower_bound=one.lowest, upper_bound=one.highest, **common)
    flag_values[one.name].default_as_str = None     # which absl would show in quotes


def _plain_type(annotation):
    """Returns bool, int, float or str of an annotation such as `int | None`."""
    return next((part for part in typing.get_args(annotation) if part is not type(None)),
                annotation)
