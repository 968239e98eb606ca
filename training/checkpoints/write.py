"""Writes checkpoints, each whole or not at all.

A checkpoint is written into a folder of its own, synced to the disk, and moved to its place: .data
first, then .index, which makes it exist. If the process is killed in between, the next writer
removes the folder and what was moved. Last, the state file `checkpoint` names the checkpoint for
TensorFlow's own functions, and old checkpoints are removed, .index first.
"""

import contextlib
import os
import re
import shutil
import time

import tensorflow as tf

from commands.errors import RunError, reason
from training.checkpoints.integrity import DATA, INDEX
from training.checkpoints.read import CHECKPOINT_NAME, checkpoint_files, checkpoint_names
from training.optimizer import optimizer_slots
from training.run_folder import contents

RETRY_SECONDS = 60


class CheckpointWriter:
    """Writes a run's checkpoints into a folder, as its only writer.

    Args:
      folder: str, must exist.
      network: Network.
      optimizer: its optimizer.
      keep: number of newest checkpoints to keep.
      newest: str, the name of the checkpoint that the run resumes from, or None.

    Attributes:
      folder: str.
      newest: str, the name of the run's newest whole checkpoint, or None.
    """

    def __init__(self, folder, network, optimizer, keep, newest=None):
        self.folder = folder
        self.newest = newest
        self._keep = keep
        self._step = optimizer.iterations
        self._retry_at = None
        self._checkpoint = tf.train.Checkpoint(
            network=nested(_values(network.variable_paths())), step=self._step.value,
            moments_from=optimizer.moments_from,
            **{slot: nested(_values(paths))
               for slot, paths in optimizer_slots(network, optimizer).items()})

    @property
    def overdue(self):
        """Whether to try a failed save again now."""
        return self._retry_at is not None and time.monotonic() >= self._retry_at

    def save(self):
        """Writes a checkpoint of the current step, if there is none; returns its name.

        Raises:
          RunError: if it cannot be written; earlier checkpoints stay as they were.
        """
        step = int(self._step.numpy())
        name = os.path.join(self.folder, f"{CHECKPOINT_NAME}-{step}")
        self._retry_at = time.monotonic() + RETRY_SECONDS
        try:
            if name != self.newest:     # resumed from, or written a moment ago
                self._write(name)
                self.newest = name
            self._write_state()
            self._remove_old(step)
        except (tf.errors.OpError, OSError) as error:
            left = self.newest if os.path.exists(f"{self.newest}{INDEX}") else "none"
            raise RunError(f"{self.folder}: the checkpoint of step {step} cannot be written "
                           f"({reason(error)}); the newest is {left}.") from None
        self._retry_at = None
        return name

    def _write(self, name):
        aside = f"{name}.part-{os.getpid()}"
        with contextlib.suppress(FileExistsError):      # it could not be removed
            os.mkdir(aside)
        try:
            written = self._checkpoint.write(os.path.join(aside, os.path.basename(name)))
            for ending in (DATA, INDEX):
                contents.sync(written + ending)
            for ending in (DATA, INDEX):
                os.replace(written + ending, name + ending)
            contents.sync(self.folder)
        finally:
            _remove_aside(aside)

    def _write_state(self):
        names = [os.path.basename(name)
                 for name in checkpoint_names(self.folder)[-self._keep:]]
        lines = [f'model_checkpoint_path: "{os.path.basename(self.newest)}"',
                 *(f'all_model_checkpoint_paths: "{name}"' for name in names)]
        contents.write_text(self.folder, contents.STATE, "\n".join(lines) + "\n")

    def _remove_old(self, step):
        """Removes the oldest checkpoints; damaged ones of later steps do not count."""
        files = {number: names for number, names in checkpoint_files(self.folder).items()
                 if number <= step}
        for number in list(files)[:-self._keep]:
            for name in sorted(files[number], key=lambda name: not name.endswith(INDEX)):
                os.remove(os.path.join(self.folder, name))


class NoWriter:
    """Replaces the CheckpointWriter in workers other than the chief, which writes for all."""

    newest = "worker 0's"
    overdue = False

    def __init__(self, folder):
        self.folder = folder

    def save(self):
        """Returns the name of the chief's checkpoint."""
        return self.newest


def remove_unfinished_checkpoints(folder):
    """Removes what a killed writer left in its folder; there must be no other writer."""
    for entry in os.listdir(folder):
        if re.fullmatch(re.escape(CHECKPOINT_NAME) + r"-\d+\.part-\d+", entry):
            _remove_aside(os.path.join(folder, entry))


def _remove_aside(aside):
    """Removes the folder of a save, and the .data that was moved without its .index."""
    name = aside.rpartition(".part-")[0]
    inside = os.path.join(aside, os.path.basename(name))
    moved = os.path.exists(inside + INDEX) and not os.path.exists(inside + DATA)
    with contextlib.suppress(OSError):
        if moved and os.path.exists(name + DATA) and not os.path.exists(name + INDEX):
            os.remove(name + DATA)
        shutil.rmtree(aside)


def _values(variables):
    """Returns the tf.Variables in a dict of Keras variables."""
    return {path: variable.value for path, variable in variables.items()}


def nested(variables):
    """Returns {"a/b": variable} as {"a": {"b": variable}}, for readable checkpoint keys."""
    outer = {}
    for path, variable in variables.items():
        *folders, last = path.split("/")
        inner = outer
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[last] = variable
    return outer
