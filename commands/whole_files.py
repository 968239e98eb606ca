"""Output files that appear whole or not at all."""

import contextlib
import os


@contextlib.contextmanager
def whole_file(path, replace=False):
    """Yields the name to write to; the file takes its own name when the block ends well.

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
