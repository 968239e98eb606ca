"""Standard error during a run: the progress bar, and warnings beside it."""

import contextlib
import sys

from tqdm import tqdm


def bar(what, total, done=0):
    """Returns a tqdm bar that counts images: loss, accuracy, images a second, time left.

    Args:
      what: str, the word in front.
      total: int, number of images.
      done: int, how many were done by an earlier run.
    """
    # A log file gets a line now and then instead of a redrawn bar.
    interval = 0.5 if sys.stderr.isatty() else 30
    return tqdm(total=total, initial=done, desc=what, unit=" images", unit_scale=True,
                mininterval=interval, maxinterval=interval, dynamic_ncols=True,
                file=_Screen(sys.stderr))


def warn(text):
    """Shows a warning of one line, above the bar if there is one."""
    tqdm.write("Warning: " + " ".join(text.split()), file=_Screen(sys.stderr))


class _Screen:
    """A stream whose writing may fail: a log on a full disk does not end a training."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, text):
        with contextlib.suppress(OSError):
            self._stream.write(text)

    def flush(self):
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name):
        return getattr(self._stream, name)
