"""The JSON files of a run, beside its summaries: flags, data, hyperparameters, result, the end."""

import contextlib
import dataclasses
import json
import os
import re

from commands.errors import RunError
from commands.whole_files import whole_file
from models.hparams import HParams

FLAGS = "flags.json"
HPARAMS = "hparams.json"
DATASET = "dataset.json"
RESULT = "result.json"
FINISHED = "finished.json"


def make_folder(folder):
    """Makes a folder, and those above it, if it is not there.

    Raises:
      RunError: if it cannot be made or written to.
    """
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise RunError(f"--summary_dir: {folder} cannot be made ({error.strerror}).") from None
    if not os.access(folder, os.W_OK):
        raise RunError(f"--summary_dir: {folder} cannot be written to.")


def write(folder, name, values):
    """Writes a dict as a JSON file, a list of numbers to a line; one there is replaced whole."""
    text = re.sub(r"\[\n([-\d.e,\s]+)\]", lambda found: f"[{' '.join(found[1].split())}]",
                  json.dumps(values, indent=2))
    write_text(folder, name, text + "\n")


def write_text(folder, name, text):
    """Writes a text file; one of the same name is replaced whole."""
    path = os.path.join(folder, name)
    try:
        with whole_file(path, replace=True) as aside, open(aside, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        sync(folder)
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}).") from None


def sync(path):
    """Brings a file's data, or a folder's names, to the disk.

    Raises:
      OSError: if that fails.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(folder, name):
    """Returns a JSON file's dict, or None without the file.

    Raises:
      RunError: if the file is damaged.
    """
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        return None
    try:
        with open(path) as file:
            values = json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} cannot be read ({error}); mend it or move it away.") from None
    if not isinstance(values, dict):
        raise RunError(f"{path}: expected a JSON object; mend it or move it away.")
    return values


def read_finished(folder):
    """Returns the step that a training has ended at, or None without the mark of its end.

    Raises:
      RunError: if the mark is damaged.
    """
    values = read(folder, FINISHED)
    if values is None:
        return None
    step = values.get("step")
    if type(step) is not int:
        raise RunError(f"{os.path.join(folder, FINISHED)}: expected a whole number as step, found "
                       f"{step!r}; mend it or move it away.")
    return step


def write_settings(folder, settings, hparams):
    """Leaves a run's flags and hyperparameters in its folder."""
    write(folder, FLAGS, dataclasses.asdict(settings))
    write_text(folder, HPARAMS, hparams.to_json())


def read_hparams(folder):
    """Returns the hyperparameters stored in a folder, or None.

    Raises:
      HParamsError, RunError: if the file is damaged.
    """
    path = os.path.join(folder, HPARAMS)
    if not os.path.exists(path):
        return None
    try:
        with open(path) as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path} cannot be read ({error}); mend it or move it away.") from None
    return HParams.from_json(text, path)


def remove_leftovers(folder, *others):
    """Removes the unfinished files that a run that was killed left in its folder.

    Args:
      folder: str; nobody else may be writing there.
      others: names of files of a run besides those of this module.
    """
    names = "|".join(map(re.escape, (FLAGS, HPARAMS, DATASET, RESULT, FINISHED, *others)))
    for entry in os.listdir(folder):
        if re.fullmatch(rf"({names})\.part-\d+", entry):
            with contextlib.suppress(OSError):
                os.remove(os.path.join(folder, entry))


def remove(folder, name):
    """Removes a file of a run, if it is there.

    Raises:
      RunError: if it cannot be removed.
    """
    path = os.path.join(folder, name)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)
    except OSError as error:
        raise RunError(f"{path} cannot be removed ({error.strerror}).") from None
