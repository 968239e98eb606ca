"""Processes at work, some at a time: signals are passed on to them, and none is left behind."""

import signal
import time

from commands import signals
from commands.signals import ONE_PRESS_SECONDS

POLL_SECONDS = 0.1


def run_all(numbers, at_once, start, ended):
    """Runs a process for each of some numbers, so many at a time.

    After Ctrl-C or SIGTERM no more are started, and those at work get SIGTERM, and SIGINT after
    a second Ctrl-C. Whatever happens, this returns or raises when all have ended.

    Args:
      numbers: what the processes are called, in the order in which they start.
      at_once: int, most processes at a time.
      start: function of (number, place) that starts a process and returns its Popen; places are
        0 to at_once - 1, and no two processes at work have the same.
      ended: function of (number, status), called when a process has ended.

    Returns:
      {number: int exit status}, as a shell has it: 128 + N where signal N ended the process.

    Raises:
      KeyboardInterrupt: after Ctrl-C; signals.Terminated after SIGTERM.
    """
    waiting, places, working, statuses = list(numbers), list(range(at_once)), [], {}
    stop = _Stop()
    with signals.handled_by(stop.note):
        try:
            while working or (waiting and not stop.signals):
                while waiting and places and not stop.signals:
                    number, place = waiting.pop(0), places.pop(0)
                    working.append(_Process(number, place, start(number, place)))
                for process in list(working):
                    process.send(stop.signals)
                    if (status := process.status()) is not None:
                        working.remove(process)
                        places.append(process.place)
                        statuses[process.number] = status
                        ended(process.number, status)
                if working:
                    time.sleep(POLL_SECONDS)
        finally:
            for process in working:
                process.send([signal.SIGTERM])
            while any(process.status() is None for process in working):
                for process in working:
                    process.send(stop.signals)
                time.sleep(POLL_SECONDS)
    if stop.received:
        signals.raise_for(stop.received, "on the way; the same command goes on from here")
    return statuses


class _Stop:
    """What Ctrl-C and SIGTERM ask for.

    Attributes:
      received: the first signal's number, or None.
      signals: list of those that each process is to get.
    """

    def __init__(self):
        self.received, self.signals = None, []

    def note(self, number, frame):
        if self.received is None:
            self.received, self._since = number, time.monotonic()
            # Also for Ctrl-C, which a terminal sends to the processes itself: another SIGINT
            # could reach one half a second later, in its next step, as a second Ctrl-C would.
            self.signals = [signal.SIGTERM]
        elif number == signal.SIGINT and time.monotonic() - self._since > ONE_PRESS_SECONDS:
            self.signals = [signal.SIGTERM, signal.SIGINT]


class _Process:
    """A process at work, and how many signals it was sent."""

    def __init__(self, number, place, popen):
        self.number, self.place = number, place
        self._popen, self._sent = popen, 0

    def send(self, signals):
        """Sends those of a list of signals that were not sent yet."""
        for number in signals[self._sent:]:
            self._sent += 1
            self._popen.send_signal(number)

    def status(self):
        """Returns the exit status, or None before the end."""
        status = self._popen.poll()
        return 128 - status if status is not None and status < 0 else status
