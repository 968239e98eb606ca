"""What goes wrong and the user can mend: every command shows it as one line, with status 2."""

import re


class UserError(ValueError):
    """What the user can mend; its text says what was expected, what was found, what to do."""


class UsageError(UserError):
    """A flag, or a combination of flags, that makes no sense."""


class RunError(UserError):
    """Files or settings of a run that do not fit; says which, and what to do."""


class DamagedError(RunError):
    """A checkpoint that is not as it was written; says which."""


class NonFiniteLossError(ArithmeticError):
    """A loss that is no longer a number; says the step and the term."""


def check_path(flag, path):
    """Raises UsageError for a path that is empty, or is not one of this machine's files.

    Args:
      flag: str, what the path was given by, such as "--summary_dir".
      path: str.
    """
    if not path:
        raise UsageError(f"{flag} is empty; name a path, or leave it out.")
    if re.match(r"[A-Za-z][\w+.-]*://", path):
        raise UsageError(f"{flag}: expected a path on this machine, found {path}.")


def reason(error):
    """Returns what an error of the system or of TensorFlow says, on one line."""
    text = getattr(error, "strerror", None) or getattr(error, "message", None) or str(error)
    # TensorFlow names the operation, before and behind.
    text = re.sub(r"^\{\{.*?\}\}\s*|\s*\[Op:\w+\].*$", "", " ".join(text.split()))
    return text or type(error).__name__
