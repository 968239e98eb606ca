"""Writes checkpoints, so that the newest whole one is whole whatever happens.

A checkpoint is written in a folder beside its place, brought to the disk, and moved there: its
.data first, then its .index, which makes it exist. Killed in between, the folder is left behind;
the next writer takes it, and what had been moved, away. Only then the state file `checkpoint`
names it, for TensorFlow's own functions, and old checkpoints are removed, their .index first.
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

KEEP_CHECKPOINTS = 1000
RETRY_SECONDS = 60


class CheckpointWriter:
    """Writes a run's checkpoints into a folder; there must be one writer at a time.

    Args:
      folder: str, must exist.
      network: Network.
      optimizer: its optimizer.
      keep: most checkpoints of the folder to keep.
      newest: str, the name of the whole checkpoint that the run goes on from, or None.

    Attributes:
      folder: str.
      newest: str, the name of the run's newest whole checkpoint, or None.
    """

    def __init__(self, folder, network, optimizer, keep=KEEP_CHECKPOINTS, newest=None):
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
        """Whether a save failed and is to be tried again now."""
        return self._retry_at is not None and time.monotonic() >= self._retry_at

    def save(self):
        """Writes a checkpoint of the current step, if there is none; returns its name.

        Raises:
          RunError: if it cannot be written; checkpoints from before are as they were.
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
        """Removes the oldest checkpoints; those after this step, damaged ones, do not count."""
        files = {number: names for number, names in checkpoint_files(self.folder).items()
                 if number <= step}
        for number in list(files)[:-self._keep]:
            for name in sorted(files[number], key=lambda name: not name.endswith(INDEX)):
                os.remove(os.path.join(self.folder, name))


class NoWriter:
    """Stands for the CheckpointWriter in a worker that is not the chief, who writes for all.

    Args:
      folder: str, for what else a training leaves.

    Attributes: as of `CheckpointWriter`.
    """

    newest = "worker 0's"
    overdue = False

    def __init__(self, folder):
        self.folder = folder

    def save(self):
        """Returns whose checkpoint there is."""
        return self.newest


def remove_unfinished_checkpoints(folder):
    """Removes what a writer that was killed left half-done in its folder.

    There must be no other writer at work.
    """
    for entry in os.listdir(folder):
        if re.fullmatch(re.escape(CHECKPOINT_NAME) + r"-\d+\.part-\d+", entry):
            _remove_aside(os.path.join(folder, entry))


def _remove_aside(aside):
    """Removes the folder of a save, and the .data that it moved, if the .index did not follow."""
    name = aside.rpartition(".part-")[0]
    inside = os.path.join(aside, os.path.basename(name))
    moved = os.path.exists(inside + INDEX) and not os.path.exists(inside + DATA)
    with contextlib.suppress(OSError):
        if moved and os.path.exists(name + DATA) and not os.path.exists(name + INDEX):
            os.remove(name + DATA)
        shutil.rmtree(aside)


def _values(variables):
    """Returns the tf.Variables of a dict of Keras'."""
    return {path: variable.value for path, variable in variables.items()}


def nested(variables):
    """Returns {"a/b": tf.Variable} as {"a": {"b": tf.Variable}}, which makes readable keys."""
    outer = {}
    for path, variable in variables.items():
        *folders, last = path.split("/")
        inner = outer
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[last] = variable
    return outer
