"""Wall time of work that may be stopped and gone on with."""

import os
import time

from training import run_files


class Stopwatch:
    """A context manager that adds up the time spent inside, in a file.

    Args:
      path: str, a JSON file; its folder must exist.
      last_written: function that returns the time of the work's last result, which is when a
        stretch ended that was killed.
    """

    def __init__(self, path, last_written):
        self._folder, self._name = os.path.split(path)
        self._last_written = last_written

    @property
    def seconds(self):
        """float, the sum."""
        return (run_files.read(self._folder, self._name) or {"seconds": 0.0})["seconds"]

    def __enter__(self):
        found = run_files.read(self._folder, self._name) or {"seconds": 0.0, "since": None}
        spent = found["seconds"]
        if found["since"] is not None:
            spent += max(0.0, self._last_written() - found["since"])
        self._before, self._since = spent, time.time()
        self._write(spent, self._since)
        return self

    def __exit__(self, *_):
        self._write(self._before + time.time() - self._since, None)

    def _write(self, seconds, since):
        run_files.write(self._folder, self._name,
                        {"seconds": round(seconds, 3), "since": since})
