"""Errors that the user can mend: commands show them as one line and exit with status 2."""

import re


class UserError(ValueError):
    """An error to mend; its text says what was expected, what was found, what to do."""


class UsageError(UserError):
    """A flag, or a combination of flags, that makes no sense."""


class RunError(UserError):
    """Files or settings of a run that do not fit."""


class DamagedError(RunError):
    """A checkpoint that was damaged."""


class NonFiniteLossError(ArithmeticError):
    """A loss that is infinite or not a number."""


def check_path(flag, path):
    """Returns the path that a flag names, if any.

    Args:
      flag: str, with its dashes.
      path: str or None.

    Raises:
      UsageError: if the path is empty, has a scheme such as gs://, or is not UTF-8, which
        TensorFlow needs.
    """
    if path is None:
        return None
    if not path:
        raise UsageError(f"{flag} is empty; name a path, or leave it out.")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", path):
        raise UsageError(f"{flag}: expected a path on this machine, found {path}.")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{flag}: expected a path in UTF-8, found {path!r}.") from None
    return path


def is_out_of_memory(error):
    """Whether an error says that memory ran out."""
    kind, text = type(error).__name__, str(error)
    return isinstance(error, MemoryError) or (
        # TensorFlow has the same error for a full disk.
        kind == "ResourceExhaustedError" and "No space left" not in text) or (
        # TensorFlow's words for a constant of more than 2 GB.
        kind == "InvalidArgumentError" and "Cannot parse tensor from proto" in text)


def reason(error):
    """Returns the message of an error of the system or of TensorFlow, on one line."""
    text = getattr(error, "strerror", None) or getattr(error, "message", None) or str(error)
    # TensorFlow adds the operation's name, and the lines of code that led to it.
    text = re.sub(r"^Graph execution error:.*, line \d+, in \S+ |^\{\{.*?\}\}\s*"
                  r"|\s*(\[\[\{\{|\[Op:).*$", "", " ".join(text.split()))
    return text or type(error).__name__
