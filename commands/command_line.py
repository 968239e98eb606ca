"""Parses a command's flags, runs it, and turns errors into one line."""

import os
import sys

from absl import flags

from commands import quiet_tensorflow, signals, streams
from commands.errors import UsageError, UserError, is_out_of_memory, reason

USAGE_ERROR = 2


def new_flags():
    """Returns an empty set of flags for a command, with --help and --verbosity."""
    values = flags.FlagValues()
    flags.DEFINE_boolean("help", False, "Show this help.", short_name="h", flag_values=values)
    flags.DEFINE_integer("verbosity", -1, "0 or more shows TensorFlow's own log lines.",
                         flag_values=values)
    return values


@streams.outlasted
def run(argv, flag_values, settings, main, about, tensorflow=True, takes_arguments=False,
        before_use=None, help_text=None):
    """Checks a command's flags, imports TensorFlow, and does the command's work.

    Args:
      argv: list of str, the command and its arguments.
      flag_values: the command's flags, from `new_flags`.
      settings: function of the parsed flags that checks them and returns what main takes; with
        takes_arguments, a function of the flags and the list of the other arguments.
      main: function of the settings that does the work; returns an exit status, None for 0.
      about: str, what the command does, for --help.
      tensorflow: whether the work needs TensorFlow.
      takes_arguments: whether the command takes arguments besides flags.
      before_use: function of the settings that chooses TensorFlow's devices, or None.
      help_text: function of flag_values that describes them for --help, or None for absl's.

    Returns:
      int, the exit status: 2 for a UserError or a wrong flag; 129, 130 and 143 after SIGHUP, Ctrl-C
      and SIGTERM.
    """
    name, kept_lines = os.path.basename(argv[0]), ""
    try:
        with signals.leaving_at_once():
            flag_values.unparse_flags()
            arguments = _parsed(flag_values, argv)
            if flag_values.help:
                flags_help = (help_text or flags.FlagValues.get_help)(flag_values)
                print(f"{about}\nFlags:\n{flags_help}")
                return 0
            if arguments and not takes_arguments:
                raise UsageError(f"unexpected argument {arguments[0]!r}; flags are --name=value.")
            checked = settings(flag_values, *([arguments] if takes_arguments else []))
            if tensorflow:
                kept_lines = quiet_tensorflow.load(
                    show_lines=flag_values.verbosity >= 0,
                    before_use=lambda: before_use and before_use(checked))
        with signals.raised():
            return main(checked) or 0
    except (flags.Error, UserError) as error:
        return _usage_error(name, str(error))
    except KeyboardInterrupt as error:
        print(signals.line(name, error), file=sys.stderr)
        return signals.status(error)
    except Exception as error:
        if is_out_of_memory(error):
            return _usage_error(name, _out_of_memory(error, flag_values))
        sys.stderr.write(kept_lines)
        raise


def command(flag_values, settings, main, about, **options):
    """Returns the function of argv that calls `run` with the other arguments."""
    return lambda argv: run(argv, flag_values, settings, main, about, **options)


def _parsed(flag_values, argv):
    """Parses flags, and returns the other arguments."""
    try:
        return flag_values(argv)[1:]
    except flags.CantOpenFlagFileError as error:
        unread = error.__context__
        raise UsageError(
            f"--flagfile: {unread.filename} cannot be read ({unread.strerror}).") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"--flagfile: expected text in UTF-8 ({error}).") from None


def _usage_error(name, text):
    print(f"{name}: error: {' '.join(text.split())}", file=sys.stderr)
    return USAGE_ERROR


def _out_of_memory(error, flag_values):
    names = [f"--{name}" for name in ("batch_size", "micro_batch") if name in flag_values]
    advice = f"; a smaller {' or '.join(names)} takes less" if names else ""
    return f"Out of memory ({reason(error)[:120]}){advice}."
