"""Wall time of a training that may be stopped and gone on with."""

import contextlib
import os
import time

from commands.errors import RunError
from training.checkpoints.read import latest_checkpoint
from training.monitoring import screen
from training.run_folder import contents


def seconds(folder):
    """Returns the wall time of the training in a folder, float; 0.0 where none is noted.

    Raises:
      RunError: if the note is damaged.
    """
    found = contents.read_number(folder, contents.SECONDS, "seconds", (int, float))
    return float(found or 0.0)


@contextlib.contextmanager
def running(folder, resumed):
    """Adds the time spent in the block to a folder's note.

    A stretch that was killed counts up to its last checkpoint. Where nothing can be written, a
    warning says so.

    Args:
      folder: str, of the training; must exist.
      resumed: whether the training goes on; a new one counts from 0.
    """
    before = seconds(folder) + _killed_stretch(folder) if resumed else 0.0
    since = time.time()
    _write(folder, before, since)
    try:
        yield
    finally:
        _write(folder, before + time.time() - since, None)


def _killed_stretch(folder):
    """Returns the seconds of a stretch that did not come to its end."""
    newest = latest_checkpoint(folder)
    if newest is None or (contents.read(folder, contents.SECONDS) or {}).get("since") is None:
        return 0.0
    since = contents.read_number(folder, contents.SECONDS, "since", (int, float))
    return max(0.0, os.path.getmtime(newest + ".index") - since)


def _write(folder, total, since):
    try:
        contents.write(folder, contents.SECONDS, {"seconds": round(total, 3), "since": since})
    except RunError as error:
        screen.warn(f"{error} The training's wall time is not noted.")
