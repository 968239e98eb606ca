"""The progress bar: loss, accuracy, images a second, time left."""

import sys

from tqdm import tqdm


def bar(what, total, done=0):
    """Returns a tqdm bar that counts images on standard error.

    Args:
      what: str, the word in front.
      total: int, number of images.
      done: int, how many were done by an earlier run.
    """
    # A log file gets a line now and then instead of a redrawn bar.
    interval = 0.5 if sys.stderr.isatty() else 30
    return tqdm(total=total, initial=done, desc=what, unit=" images", unit_scale=True,
                mininterval=interval, maxinterval=interval, dynamic_ncols=True)
