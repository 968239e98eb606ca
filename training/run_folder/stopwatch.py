"""Wall time of a training that may be stopped and gone on with."""

import contextlib
import os
import time

from commands.errors import RunError
from training.checkpoints.read import latest_checkpoint
from training.monitoring import progress
from training.run_folder import contents

NAME = "seconds.json"


def seconds(folder):
    """Returns the wall time of the training in a folder, float; 0.0 where none is noted.

    Raises:
      RunError: if the note is damaged.
    """
    found = contents.read(folder, NAME) or {}
    total = found.get("seconds", 0.0)
    if not isinstance(total, int | float):
        raise RunError(f"{os.path.join(folder, NAME)}: expected a number as seconds, found "
                       f"{total!r}; move it away.")
    return float(total)


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
    since = (contents.read(folder, NAME) or {}).get("since")
    newest = latest_checkpoint(folder)
    if since is None or newest is None:
        return 0.0
    return max(0.0, os.path.getmtime(newest + ".index") - since)


def _write(folder, total, since):
    try:
        contents.write(folder, NAME, {"seconds": round(total, 3), "since": since})
    except RunError as error:
        progress.warn(f"{error} The training's wall time is not noted.")
