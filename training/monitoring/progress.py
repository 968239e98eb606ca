"""Standard error during a run: the progress bar, and warnings beside it."""

import contextlib
import dataclasses
import sys
import typing

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


@dataclasses.dataclass(frozen=True)
class _Screen:
    """A stream whose writing may fail: a log on a full disk does not end a training."""

    stream: typing.TextIO

    def write(self, text):
        with contextlib.suppress(OSError):
            self.stream.write(text)

    def flush(self):
        with contextlib.suppress(OSError):
            self.stream.flush()

    def __getattr__(self, name):
        return getattr(self.stream, name)
