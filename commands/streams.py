"""Keeps a command at work when its standard streams are closed or cannot be written.

A training goes on when its screen is gone, after `| head -1` for example; its output is dropped.
If the work itself ends well, the exit status is then 141 for a closed pipe, as in a shell, and 2
with one line on standard error for anything else, such as a full disk.
"""

import contextlib
import functools
import os
import signal
import sys

from commands.errors import reason

CANNOT_WRITE = 2


def outlasted(run):
    """Decorates a function of argv, and others, that returns an exit status."""
    @functools.wraps(run)
    def outlasting(argv, *others, **options):
        if isinstance(sys.stdout, _Lasting):        # a command within a command
            return run(argv, *others, **options)
        _open_closed()
        with (contextlib.redirect_stdout(_Lasting(sys.stdout)) as output,
              contextlib.redirect_stderr(_Lasting(sys.stderr))):
            status = run(argv, *others, **options)
            output.flush()
            if status or output.error is None:
                return status
            if isinstance(output.error, BrokenPipeError):
                return 128 + signal.SIGPIPE
            print(f"{os.path.basename(argv[0])}: error: standard output cannot be written "
                  f"({reason(output.error)}).", file=sys.stderr)
            return CANNOT_WRITE

    return outlasting


def _open_closed():
    """Opens /dev/null for closed standard streams, or the next file would take their place."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
            setattr(sys, name, os.fdopen(descriptor, "r" if name == "stdin" else "w"))


class _Lasting:
    """A text stream that turns to /dev/null when it cannot be written.

    Args:
      stream: text stream; characters outside its encoding are escaped from now on.

    Attributes:
      error: OSError, the first, or None.
    """

    def __init__(self, stream):
        self._stream = stream
        self.error = None
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")

    def write(self, text):
        with self._lasting():
            self._stream.write(text)
        return len(text)

    def flush(self):
        with self._lasting():
            self._stream.flush()

    @contextlib.contextmanager
    def _lasting(self):
        try:
            yield
        except OSError as error:
            self.error = self.error or error
            with open(os.devnull, "wb") as nothing:
                os.dup2(nothing.fileno(), self._stream.fileno())

    def __getattr__(self, name):
        return getattr(self._stream, name)
