"""Ctrl-C and SIGTERM: asked for at any time, obeyed between two steps."""

import signal


class Interrupts:
    """A context manager that notes the first signal to stop, for the loop to see.

    A second Ctrl-C interrupts at once.

    Attributes:
      received: the signal's number, or None.
    """

    def __init__(self):
        self.received = None
        self._before = {}

    def __enter__(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number, frame):
        if self.received == signal.SIGINT and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = self.received or number

    @property
    def status(self):
        """The exit status that says which signal ended the program, or None."""
        return self.received and 128 + self.received
