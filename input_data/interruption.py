"""Ctrl-C and SIGTERM in a command: it ends with one line and exit status 130 or 143."""

import contextlib
import os
import signal
import sys
import threading

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM, where Ctrl-C raises KeyboardInterrupt."""


def status(error):
    """Returns the exit status for a KeyboardInterrupt."""
    return 128 + (signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT)


def line(command, error):
    """Returns what the screen shows of a KeyboardInterrupt.

    Args:
      command: str, the command's name.
      error: KeyboardInterrupt; its text, if any, says what became of the work.
    """
    what = "terminated" if isinstance(error, Terminated) else "interrupted"
    return f"{command}: {what}{str(error) and ' ' + str(error)}."


def raise_for(number, text=""):
    """Raises what stands for a signal: KeyboardInterrupt or Terminated."""
    raise (Terminated if number == signal.SIGTERM else KeyboardInterrupt)(text)


@contextlib.contextmanager
def handled_by(handler):
    """Both signals call a function of (number, frame) in the block; outside the main thread, none.

    The handlers from before come back at the block's end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)


def raised():
    """Both signals raise an exception in the block, so that it cleans up behind itself."""
    return handled_by(lambda number, frame: raise_for(number))


@contextlib.contextmanager
def leaving_at_once():
    """Both signals end the process in the block, which has nothing to clean up.

    That is for imports: an exception in the middle of one may come out as another, or nowhere.
    """
    screen = os.dup(2)      # where it is now; an import may turn descriptor 2 away
    try:
        with handled_by(_leave(screen)):
            yield
    finally:
        os.close(screen)


def leave_at_once():
    """Both signals end the process from now on, where nothing else handles them."""
    for number in SIGNALS:
        signal.signal(number, _leave(2))


def _leave(screen):
    def leave(number, frame):
        error = Terminated() if number == signal.SIGTERM else KeyboardInterrupt()
        with contextlib.suppress(OSError):
            os.write(screen, line(os.path.basename(sys.argv[0]), error).encode() + b"\n")
        os._exit(status(error))

    return leave
