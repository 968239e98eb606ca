"""What the project's commands have in common: flags, help, errors of one line."""

import os
import re
import sys

from absl import flags

from input_data import READERS, interruption, is_dataset, quiet_tensorflow
from input_data.dataset import DataError

USAGE_ERROR = 2


class UsageError(ValueError):
    """A flag, or a combination of flags, that makes no sense; says what would."""


def new_flags():
    """Returns an empty set of flags for a command, with --help and --verbosity."""
    values = flags.FlagValues()
    flags.DEFINE_boolean("help", False, "Show this help.", short_name="h", flag_values=values)
    flags.DEFINE_integer("verbosity", -1, "0 or more shows TensorFlow's own log lines.",
                         flag_values=values)
    return values


def define_dataset(flag_values, default="mnist", about="The dataset"):
    """Defines a command's flag --dataset."""
    flags.DEFINE_string("dataset", default, f"{about}: {', '.join(READERS)}.",
                        flag_values=flag_values)
    flags.register_validator("dataset", lambda name: name is None or is_dataset(name),
                             f"expected one of {', '.join(READERS)}.", flag_values=flag_values)


def define_reader_options(flag_values):
    """Defines a command's flags that say which of a dataset's images are read, and how."""
    flags.DEFINE_string("image_size", None, "HxW or HxWxC: images are scaled to H by W pixels and "
                        "converted to C channels (1, 3 or 4). Without it: the first image's, and "
                        "all must have it.", flag_values=flag_values)
    flags.DEFINE_float("validation_fraction", None, "Share of the examples that is held out, where "
                       "the dataset itself does not say which. Without it: 0.2, of digits 0.3.",
                       flag_values=flag_values)
    flags.DEFINE_integer("validation_seed", None, "Decides which examples --validation_fraction "
                         "holds out; --seed does not. Without it: the last ones of digits, others "
                         "as with 0.", lower_bound=0, upper_bound=2**32 - 1,
                         flag_values=flag_values)
    flags.DEFINE_boolean("skip_broken", None, "Leave files out that cannot be read, instead of "
                         "ending with the first of them.", flag_values=flag_values)


def image_size(text):
    """Returns what --image_size says, or None where it was left out.

    Args:
      text: str "HxW" or "HxWxC", or None.

    Returns:
      (height, width) or (height, width, channels).

    Raises:
      UsageError: if the text is neither.
    """
    if text is None:
        return None
    found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)(?:x([134]))?", text)
    if not found:
        raise UsageError("--image_size: expected HxW or HxWxC in pixels and 1, 3 or 4 channels, "
                         f"such as 32x32x3, found {text!r}.")
    return tuple(int(number) for number in found.groups() if number)


def run(argv, flag_values, settings, main, about, errors=(), tensorflow=True,
        takes_arguments=False, before_use=None):
    """Parses and checks a command's flags, then imports TensorFlow, then does the work.

    Args:
      argv: list of str, the command and its arguments.
      flag_values: what `new_flags` returned, with the command's flags defined.
      settings: function of the parsed flags that checks them and returns what main takes; with
        takes_arguments, a function of the flags and the list of the other arguments.
      main: function of the settings that does the work; returns an exit status, None for 0.
      about: str, what the command does, for --help.
      errors: exception classes, besides those of flags and data, that are the user's to mend:
        they are shown as one line and end the command with status 2.
      tensorflow: whether the work needs TensorFlow.
      takes_arguments: whether the command takes arguments that are no flags.
      before_use: function of what settings returned that chooses TensorFlow's devices, or None.

    Returns:
      int, the exit status; 130 and 143 after Ctrl-C and SIGTERM.
    """
    kept_lines = ""
    try:
        with interruption.leaving_at_once():
            flag_values.unparse_flags()
            arguments = flag_values(argv)[1:]
            if flag_values.help:
                print(f"{about}\nFlags:\n{flag_values.get_help()}")
                return 0
            if arguments and not takes_arguments:
                raise UsageError(f"unexpected argument {arguments[0]!r}: flags are --name=value.")
            checked = settings(flag_values, *([arguments] if takes_arguments else []))
            if tensorflow:
                kept_lines = quiet_tensorflow.load(
                    show_lines=flag_values.verbosity >= 0,
                    before_use=lambda: before_use and before_use(checked))
        with interruption.raised():
            return main(checked) or 0
    except (flags.Error, UsageError, DataError, *errors) as error:
        line = " ".join(str(error).split())
        print(f"{os.path.basename(argv[0])}: error: {line}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt as error:
        print(interruption.line(os.path.basename(argv[0]), error), file=sys.stderr)
        return interruption.status(error)
    except Exception:
        sys.stderr.write(kept_lines)
        raise
