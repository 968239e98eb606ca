"""Writes files whole or not at all, and reads regular files only."""

import contextlib
import errno
import os
import stat


@contextlib.contextmanager
def whole_file(path, replace=False):
    """Yields a temporary name to write to; renames the file when the block ends well.

    Args:
      path: str or Path, the file to make.
      replace: whether a file of that name may be replaced.

    Raises:
      FileExistsError: if the file is there and may not be replaced.
    """
    path = os.fspath(path)
    aside = f"{path}.part-{os.getpid()}"
    if not replace and os.path.lexists(path):
        raise FileExistsError(f"{path} is there already.")
    try:
        yield aside
        os.replace(aside, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(aside)


def read_whole_text(path):
    """Returns the text of a file in UTF-8.

    Args:
      path: str or Path.

    Raises:
      OSError: if it cannot be read; also for a pipe or a device, which may have no end.
      UnicodeDecodeError: if it is not UTF-8.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", os.fspath(path))
    with open(path, encoding="utf-8") as file:
        return file.read()
