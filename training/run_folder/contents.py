"""The files of a run, and how its JSON files are read and written.

    train/  flags.json  hparams.json  dataset.json  history.csv  lock.json
            finished.json, at the end; and the checkpoints
    test/   flags.json  hparams.json  result.json  history.csv  confusion.png
"""

import contextlib
import dataclasses
import itertools
import json
import os
import re

from commands.errors import RunError
from commands.whole_files import read_whole_text, whole_file
from models.hparams import HParams
from training.run_folder import commit

FLAGS = "flags.json"
HPARAMS = "hparams.json"
DATASET = "dataset.json"
RESULT = "result.json"
FINISHED = "finished.json"
HOLDER = "lock.json"
HISTORY = "history.csv"
PICTURE = "confusion.png"
STATE = "checkpoint"        # TensorFlow's name for the file that names the newest checkpoint
# What tells a run's own files from others of the same names: a key, or the beginning.
KEYS = {FLAGS: "model", HPARAMS: "routing", DATASET: "class_names", RESULT: "wrong",
        FINISHED: "step", HOLDER: "pid"}
BEGINNINGS = {STATE: "model_checkpoint_path:", HISTORY: "step,"}


def make_folder(folder):
    """Makes a folder, and those above it, if it is not there.

    Raises:
      RunError: if it cannot be made or written to, or holds other programs' files under the
        names of a run's files.
    """
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise RunError(f"--summary_dir: {folder} cannot be made ({error.strerror}).") from None
    if not os.access(folder, os.W_OK):
        raise RunError(f"--summary_dir: {folder} cannot be written to.")
    texts = {name: _read_text(os.path.join(folder, name)) for name in (*KEYS, *BEGINNINGS)}
    texts = {name: text for name, text in texts.items() if text}
    foreign = [name for name in texts if name in KEYS and KEYS[name] not in read(folder, name)]
    foreign += [name for name, start in BEGINNINGS.items()
                if not texts.get(name, start).startswith(start)]
    if PICTURE in os.listdir(folder) and FLAGS not in texts:
        foreign.append(PICTURE)
    if foreign:
        raise RunError(f"{os.path.join(folder, foreign[0])} was not written by a run; move it "
                       "away, or give another --summary_dir.")


def write(folder, name, values):
    """Writes a dict as a JSON file, each list of numbers on one line; replaces an earlier file."""
    text = re.sub(r"\[\n([-\d.e,\s]+)\]", lambda found: f"[{' '.join(found[1].split())}]",
                  json.dumps(values, indent=2))
    write_text(folder, name, text + "\n")


def write_text(folder, name, text):
    """Writes a text file whole; replaces an earlier file."""
    path = os.path.join(folder, name)
    try:
        with whole_file(path, replace=True) as aside, open(aside, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        sync(folder)
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}).") from None


def set_aside(folder, name):
    """Renames a file, if it is there, to the first free name such as history-1.csv."""
    path = os.path.join(folder, name)
    free = next(other for number in itertools.count(1)
                if not os.path.lexists(other := f"-{number}".join(os.path.splitext(path))))
    try:
        os.rename(path, free)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise RunError(f"{path} cannot be moved aside ({error.strerror}).") from None


def sync(path):
    """Syncs a file, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(folder, name):
    """Returns the dict in a JSON file, or None without the file.

    Raises:
      RunError: if the file is damaged.
    """
    path = os.path.join(folder, name)
    text = _read_text(path)
    if text is None:
        return None
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} cannot be read ({error}); mend it or move it away.") from None
    if not isinstance(values, dict):
        raise RunError(f"{path}: expected a JSON object; mend it or move it away.")
    return values


def read_number(folder, name, key, types):
    """Returns the number under a key of a JSON file, or None without the file.

    Args:
      folder, name, key: str.
      types: type, or tuple of types, of the number, which is from 0 to 2**63 - 1.

    Raises:
      RunError: if the file is damaged, or holds no such number.
    """
    values = read(folder, name)
    if values is None:
        return None
    number = values.get(key)
    if isinstance(number, bool) or not isinstance(number, types) or not 0 <= number < 2**63:
        raise RunError(f"{os.path.join(folder, name)}: expected a number as {key}, found "
                       f"{str(number)[:50]}; mend it or move it away.")
    return number


def read_finished(folder):
    """Returns the step in finished.json, or None without that file."""
    return read_number(folder, FINISHED, "step", int)


def write_config(folder, config, hparams):
    """Writes a run's settings, the code's commit and the hyperparameters into its folder."""
    write(folder, FLAGS, {**dataclasses.asdict(config), "commit": commit.checked_out()})
    write_text(folder, HPARAMS, hparams.to_json())


def read_hparams(folder):
    """Returns the hyperparameters stored in a folder, or None.

    Raises:
      HParamsError, RunError: if the file is damaged.
    """
    path = os.path.join(folder, HPARAMS)
    text = _read_text(path)
    return None if text is None else HParams.from_json(text, path)


def _read_text(path):
    """Returns a file's text, or None if it is not there."""
    try:
        return read_whole_text(path)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path} cannot be read ({error}); mend it or move it away.") from None


def remove_leftovers(folder):
    """Removes the unfinished files of a killed run; there must be no other writer."""
    names = "|".join(map(re.escape, (*KEYS, *BEGINNINGS)))
    for entry in os.listdir(folder):
        if re.fullmatch(rf"({names})\.part-\d+", entry):
            with contextlib.suppress(OSError):
                os.remove(os.path.join(folder, entry))


def remove(folder, name):
    """Removes a file of a run, if it is there."""
    path = os.path.join(folder, name)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)
    except OSError as error:
        raise RunError(f"{path} cannot be removed ({error.strerror}).") from None
