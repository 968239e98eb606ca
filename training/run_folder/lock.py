"""One training at a time writes to a folder."""

import contextlib
import datetime
import fcntl
import json
import os
import socket

from commands.errors import RunError
from training.monitoring import progress
from training.run_folder import contents

NAME = "lock.json"      # who holds or held the lock; the lock itself is the operating system's


@contextlib.contextmanager
def only_writer(folder):
    """Locks a folder for the block; the system unlocks it, too, when the process is killed.

    Args:
      folder: str, must exist.

    Raises:
      RunError: if another training holds the lock; says which.
    """
    path = os.path.join(folder, NAME)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}).") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise RunError(f"{folder}: another training is at work here{_holder(folder)}; wait for "
                       "its end, or give another --summary_dir.") from None
    except OSError as error:
        progress.warn(f"{path} cannot be locked ({error.strerror}); see to it that no other "
                      "training writes there.")
    try:
        _write_holder(descriptor)
        yield
    finally:
        os.close(descriptor)


def _write_holder(descriptor):
    since = datetime.datetime.now().astimezone().isoformat(" ", "seconds")
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
    with contextlib.suppress(OSError):      # a full disk; the lock holds without
        os.ftruncate(descriptor, 0)
        os.write(descriptor, (json.dumps(holder) + "\n").encode())


def _holder(folder):
    try:
        holder = contents.read(folder, NAME)
        return f": process {holder['pid']} on {holder['host']}, since {holder['since']}"
    except (RunError, KeyError, TypeError):
        return ""       # it has just begun
