"""Ctrl-C, SIGTERM and SIGHUP end a command with one line and status 130, 143 or 129.

SIGHUP comes when a terminal is closed or a connection lost; under `nohup` it stays ignored.
"""

import contextlib
import os
import signal
import sys
import threading
import time

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# `timeout` and others signal both the process and its group, so one press may arrive twice.
ONE_PRESS_SECONDS = 0.5


class Terminated(KeyboardInterrupt):
    """Raised by SIGTERM, as KeyboardInterrupt is by Ctrl-C."""


class HungUp(KeyboardInterrupt):
    """Raised by SIGHUP: the terminal is gone."""


ERRORS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated, signal.SIGHUP: HungUp}
WORDS = {KeyboardInterrupt: "interrupted", Terminated: "terminated", HungUp: "hung up"}


def status(error):
    """Returns the exit status for a KeyboardInterrupt."""
    return 128 + next(number for number in SIGNALS if type(error) is ERRORS[number])


def line(command, error):
    """Returns the line that the screen shows for a KeyboardInterrupt in a command."""
    return f"{command}: {WORDS[type(error)]}{str(error) and ' ' + str(error)}."


def raise_for(number, text=""):
    """Raises the exception of a signal: KeyboardInterrupt, Terminated or HungUp."""
    raise ERRORS[number](text)


@contextlib.contextmanager
def handled_by(handler):
    """Handles the signals by a function of (number, frame) within the block.

    Outside the main thread, where Python allows no handlers, it does nothing.
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
    """Makes the signals raise an exception within the block, so that it can clean up."""
    return handled_by(lambda number, frame: raise_for(number))


@contextlib.contextmanager
def leaving_at_once():
    """Makes the signals end the process within the block, which must have nothing to clean up.

    It is for imports, where an exception may be swallowed or turned into another.
    """
    screen = os.dup(2)      # an import may redirect descriptor 2
    try:
        with handled_by(_leave(screen)):
            yield
    finally:
        os.close(screen)


def leave_at_once():
    """Makes the signals end the process from now on."""
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
    """A context manager that notes the first signal, for the training loop to stop.

    Before the first step, when there is nothing to save, a signal ends the program at once. So
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
        """Says that there is something to save from now on."""
        self._begun = True

    def receive(self, number):
        """Notes a signal, also one that another worker received, unless one came before."""
        if self.received is None:
            self._since = time.monotonic()      # set first, as a signal may come in between
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
        """The exit status for the received signal, or None."""
        return self.received and 128 + self.received
