"""Ctrl-C, SIGTERM and SIGHUP in a command: it ends with one line and status 130, 143 or 129.

SIGHUP comes when a terminal is closed or a connection lost; under `nohup` it stays ignored.
"""

import contextlib
import os
import signal
import sys
import threading
import time

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# One press of a key may come twice: programs such as `timeout` send a signal to the process and
# to its group.
ONE_PRESS_SECONDS = 0.5


class Terminated(KeyboardInterrupt):
    """SIGTERM, where Ctrl-C raises KeyboardInterrupt."""


class HungUp(KeyboardInterrupt):
    """SIGHUP: the terminal is gone."""


# What each signal raises, and the word for it.
ERRORS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated, signal.SIGHUP: HungUp}
WORDS = {KeyboardInterrupt: "interrupted", Terminated: "terminated", HungUp: "hung up"}


def status(error):
    """Returns the exit status for a KeyboardInterrupt."""
    return 128 + next(number for number in SIGNALS if type(error) is ERRORS[number])


def line(command, error):
    """Returns what the screen shows of a KeyboardInterrupt.

    Args:
      command: str, the command's name.
      error: KeyboardInterrupt; its text, if any, says what became of the work.
    """
    return f"{command}: {WORDS[type(error)]}{str(error) and ' ' + str(error)}."


def raise_for(number, text=""):
    """Raises what stands for a signal: KeyboardInterrupt, Terminated or HungUp."""
    raise ERRORS[number](text)


@contextlib.contextmanager
def handled_by(handler):
    """The signals call a function of (number, frame) in the block; outside the main thread, none.

    The handlers from before come back at the block's end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in _handled()}
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)


def raised():
    """The signals raise an exception in the block, so that it cleans up behind itself."""
    return handled_by(lambda number, frame: raise_for(number))


@contextlib.contextmanager
def leaving_at_once():
    """The signals end the process in the block, which has nothing to clean up.

    That is for imports: an exception in the middle of one may come out as another, or nowhere.
    """
    screen = os.dup(2)      # where it is now; an import may turn descriptor 2 away
    try:
        with handled_by(_leave(screen)):
            yield
    finally:
        os.close(screen)


def leave_at_once():
    """The signals end the process from now on, where nothing else handles them."""
    for number in _handled():
        signal.signal(number, _leave(2))


def _handled():
    """Returns the signals to handle: all, but SIGHUP under `nohup`."""
    return [number for number in SIGNALS
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]


def _leave(screen):
    def leave(number, frame):
        error = ERRORS[number]()
        with contextlib.suppress(OSError):
            os.write(screen, line(os.path.basename(sys.argv[0]), error).encode() + b"\n")
        os._exit(status(error))

    return leave


class Interrupts:
    """A context manager that notes the first signal to stop, for the loop to see.

    Before the first step there is nothing to save, and a signal ends the program at once; so
    does a second Ctrl-C at any time.

    Attributes:
      received: the signal's number, or None.
    """

    def __init__(self):
        self.received = None
        self._begun = False
        self._handled = handled_by(self._note)

    def __enter__(self):
        self._handled.__enter__()
        return self

    def __exit__(self, *exception):
        return self._handled.__exit__(*exception)

    def begin(self):
        """From now on there is something to save."""
        self._begun = True

    def receive(self, number):
        """Notes a signal that came to another worker, if none came here before."""
        if self.received is None:
            self._since = time.monotonic()      # first: a signal may come in between
            self.received = number

    def _note(self, number, frame):
        first = self.received is None
        self.receive(number)
        if not self._begun:
            raise_for(number, "before the first step; there was nothing to save")
        if (not first and number == signal.SIGINT
                and time.monotonic() - self._since > ONE_PRESS_SECONDS):
            raise_for(number, "again; what the last checkpoint does not hold is lost")

    @property
    def status(self):
        """The exit status that says which signal ended the program, or None."""
        return self.received and 128 + self.received
