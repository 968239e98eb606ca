"""Ctrl-C and SIGTERM while training: obeyed between two steps, after a checkpoint."""

import signal
import time

from input_data import interruption

# One press of a key may come twice: programs such as `timeout` send a signal to the process and
# to its group.
ONE_PRESS_SECONDS = 0.5


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
        self._handled = interruption.handled_by(self._note)

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
            interruption.raise_for(number, "before the first step; there was nothing to save")
        if (not first and number == signal.SIGINT
                and time.monotonic() - self._since > ONE_PRESS_SECONDS):
            interruption.raise_for(number, "again; what the last checkpoint does not hold is lost")

    @property
    def status(self):
        """The exit status that says which signal ended the program, or None."""
        return self.received and 128 + self.received
