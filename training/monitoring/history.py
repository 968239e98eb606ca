"""history.csv: the scalars of a run, a row for each step."""

import csv
import math
import os

from commands.errors import RunError
from commands.whole_files import whole_file
from training.monitoring.clock import SECONDS
from training.run_folder import contents


class History:
    """Appends rows to a folder's history.csv.

    Args:
      folder: str.
      columns: names of the values that follow the step.
      is_stale: function of a step that says whether to drop an earlier row of that step.

    Raises:
      RunError: if the file belongs to something else.
      OSError: if it cannot be read or written.
    """

    def __init__(self, folder, columns, is_stale):
        self.path = os.path.join(folder, contents.HISTORY)
        self._columns = ["step", *columns]
        self._may_end_in_half_a_row = False
        self._rewrite(is_stale)

    def append(self, step, values):
        """Adds a row.

        Args:
          step: int.
          values: dict from column to float; columns without a value get nan.

        Raises:
          OSError: if it cannot be written; the next call removes what may have been.
        """
        if self._may_end_in_half_a_row or not os.path.exists(self.path):
            self._rewrite(lambda earlier: earlier >= step)
        self._may_end_in_half_a_row = True
        with open(self.path, "a") as file:
            csv.writer(file, lineterminator="\n").writerow(
                [step, *(f"{values.get(name, math.nan):.9g}" for name in self._columns[1:])])
        self._may_end_in_half_a_row = False

    def _rewrite(self, is_stale):
        """Keeps the whole rows that are not stale, with nan in columns that are new."""
        columns, rows = _read(self.path)
        if any(found != known for found, known in zip(columns, self._columns)):
            raise RunError(f"{self.path} is not a history of this run: expected columns "
                           f"{','.join(self._columns)}; move it away.")
        rows = [row for row in rows if not is_stale(int(row["step"]))]
        if rows:        # which may have more columns
            self._columns = max(self._columns, columns, key=len)
        with whole_file(self.path, replace=True) as aside, open(aside, "w") as file:
            writer = csv.DictWriter(file, self._columns, restval="nan", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def read_history(folder):
    """Returns the whole rows of a folder's history.csv, dicts: step int, other values float.

    Raises:
      RunError: if the file cannot be read, or is not a history.
    """
    path = os.path.join(folder, contents.HISTORY)
    try:
        columns, rows = _read(path)
    except OSError as error:
        raise _unreadable(path, error) from None
    if columns and not {"step", "accuracy"} <= set(columns):
        raise _unreadable(path, "expected columns step and accuracy")
    try:
        return [{name: int(value) if name == "step" else float(value)
                 for name, value in row.items()} for row in rows]
    except ValueError as error:
        raise _unreadable(path, error) from None


def training_seconds(folder):
    """Returns the wall time of the training in a folder so far, over all its starts, in seconds.

    Version 1 kept it in seconds.json.

    Raises:
      RunError: if a file is damaged.
    """
    times = [row.get(SECONDS, math.nan) for row in read_history(folder)]
    if times and math.isfinite(times[-1]):
        return times[-1]
    return float(contents.read_number(folder, "seconds.json", "seconds", (int, float)) or 0)


def _read(path):
    """Returns the columns and the whole rows, dicts of str; none of both without the file."""
    try:
        with open(path, newline="") as file:
            text = file.read()
        # A run that was killed, or had no disk left, may leave half a row.
        lines = (text[:text.rfind("\n") + 1] or text).splitlines()
        reader = csv.DictReader(lines)
        rows = list(reader)
        if any(None in row or None in row.values() for row in rows):
            raise ValueError("a row of another length")
        for row in rows:
            int(row.get("step", 0))
        return list(reader.fieldnames or []), rows
    except FileNotFoundError:
        return [], []
    except (ValueError, csv.Error) as error:
        raise _unreadable(path, error) from None


def _unreadable(path, why):
    return RunError(f"{path} cannot be read ({why}); mend it or move it away.")
