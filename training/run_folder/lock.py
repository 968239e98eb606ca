"""Lets one training at a time write to a folder."""

import contextlib
import datetime
import fcntl
import os
import socket

from commands.errors import RunError
from training.monitoring import screen
from training.run_folder import contents


@contextlib.contextmanager
def only_writer(folder):
    """Locks a folder for the block; the system unlocks it if the process is killed.

    The folder itself is locked, as a file in it might be removed. lock.json only says who holds
    the lock.

    Args:
      folder: str, must exist.

    Raises:
      RunError: if another training holds the lock.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise RunError(f"{folder} cannot be opened ({error.strerror}).") from None
    try:
        _lock(descriptor, folder)
        _write_holder(folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor, folder):
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RunError(f"{folder}: another training is at work here{_holder(folder)}; wait for "
                       "its end, or give another --summary_dir.") from None
    except OSError as error:
        screen.warn(f"{folder} cannot be locked ({error.strerror}); see to it that no other "
                    "training writes there.")


def _write_holder(folder):
    since = datetime.datetime.now().astimezone().isoformat(" ", "seconds")
    with contextlib.suppress(RunError):     # a full disk; the lock holds nevertheless
        contents.write(folder, contents.HOLDER,
                       {"pid": os.getpid(), "host": socket.gethostname(), "since": since,
                        "about": "the training that writes here, or did so last"})


def _holder(folder):
    try:
        holder = contents.read(folder, contents.HOLDER)
        return f": process {holder['pid']} on {holder['host']}, since {holder['since']}"
    except (RunError, KeyError, TypeError):
        return ""       # that training has just begun
