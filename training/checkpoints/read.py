"""Finds, checks and reads checkpoints, in this project's format and in the reference's.

A checkpoint, model.ckpt-STEP, holds the network's variables (network/conv1/kernel), the optimizer's
slots (momentum/..., velocity/..., and average/... with a moving average), the step, and the step
at which the moments were 0 (moments_from). Input has no state: batch k follows from the seed and k.
"""

import math
import os
import re

import numpy as np

from commands.errors import DamagedError, RunError, reason
from training.checkpoints import integrity, tf1_names
from training.monitoring import screen
from training.optimizer import AVERAGE, optimizer_slots

CHECKPOINT_NAME = "model.ckpt"
KEY_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
STEP_KEY = "step" + KEY_SUFFIX
MOMENTS_FROM_KEY = "moments_from" + KEY_SUFFIX


def latest_checkpoint(folder):
    """Returns the name (without .index) of a folder's checkpoint of the highest step, or None."""
    return next(reversed(checkpoint_names(folder)), None)


def checkpoint_names(folder):
    """Returns the names of a folder's checkpoints, by step.

    TensorFlow's state file is not read: it may be missing, or the folder may have moved.
    """
    return [os.path.join(folder, f"{CHECKPOINT_NAME}-{step}")
            for step, files in checkpoint_files(folder).items()
            if f"{CHECKPOINT_NAME}-{step}.index" in files]


def checkpoint_files(folder):
    """Returns {step: names of the checkpoint's files} for a folder, ordered by step."""
    found = {}
    for entry in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        # TensorFlow 1 wrote a .meta, too.
        match = re.fullmatch(
            re.escape(CHECKPOINT_NAME) + r"-(0|[1-9]\d*)\.(index|meta|data-\d{5}-of-\d{5})", entry)
        if match:
            found.setdefault(int(match.group(1)), []).append(entry)
    return dict(sorted(found.items()))


def newest_whole_checkpoint(folder):
    """Returns a folder's newest StoredCheckpoint, or None; warns of damaged ones.

    Raises:
      DamagedError: if all checkpoints are damaged.
      RunError: if the newest whole one is not a checkpoint of a network.
    """
    steps = [step for step, files in checkpoint_files(folder).items()
             if any(not file.endswith(".meta") for file in files)]
    for step in reversed(steps):
        try:
            return StoredCheckpoint(os.path.join(folder, f"{CHECKPOINT_NAME}-{step}"))
        except DamagedError as error:
            screen.warn(f"{error} It is skipped.")
    if steps:
        raise DamagedError(f"{folder}: none of its {len(steps)} checkpoints is whole; bring one "
                           "back, or move them away to start from the beginning.")
    return None


class StoredCheckpoint:
    """A checkpoint on disk, of either format.

    Args:
      name: str, the checkpoint's name, without .index.

    Attributes:
      name: str.
      folder: str, where it lies.
      step: int.

    Raises:
      DamagedError: if it is missing or damaged.
      RunError: if it may not be read, or is not a checkpoint of a network.
    """

    def __init__(self, name):
        self.name = name
        self.folder = os.path.dirname(name)
        if not os.path.exists(name + integrity.INDEX):
            raise DamagedError(f"Checkpoint {name}: there is no {name}{integrity.INDEX}; "
                               f"found {_neighbours(name)}.")
        self._reader = integrity.open_whole(name)
        shapes = self._reader.get_variable_to_shape_map()
        self._keys = set(shapes)
        own = STEP_KEY in shapes
        self._key = _key if own else tf1_names.key
        self._shapes = _shapes(shapes) if own else tf1_names.shapes(shapes)
        step_key = STEP_KEY if own else tf1_names.STEP_KEY
        if not self._shapes:
            raise RunError(f"Checkpoint {name}: holds no variables of a network.")
        self.step = self._checked_step(step_key) if step_key in shapes else 0

    def restore_network(self, network, averaged=True):
        """Gives a network the variables of this checkpoint.

        Args:
          network: Network.
          averaged: whether to take the moving averages, where the training kept them.

        Raises:
          RunError: if a variable is missing or has another shape.
        """
        variables = network.variable_paths()
        for path, variable in variables.items():
            found = self._shapes.get(path)
            if found != tuple(variable.shape):
                raise RunError(self._mismatch(network, path, variable, found))
        left = sorted(set(self._shapes) - set(variables))
        if left:
            raise RunError(self._mismatch(network, left[0], None, self._shapes[left[0]]))
        for path, variable in variables.items():
            self._assign(variable, self._network_key(path, averaged))

    def network_arrays(self):
        """Returns the network's variables, averaged if possible, as {path: NumPy array}."""
        return {path: np.asarray(self._read(self._network_key(path))).reshape(shape)
                for path, shape in self._shapes.items()}

    def _network_key(self, path, averaged=True):
        average = self._key(path, AVERAGE)
        return average if averaged and average in self._keys else self._key(path)

    def restore_optimizer(self, network, optimizer):
        """Gives an optimizer the slots and the step of this checkpoint.

        Without a moving average here, the average starts at the variables; without moments,
        they start at 0.
        """
        for slot, variables in optimizer_slots(network, optimizer).items():
            for path, variable in variables.items():
                if self._key(path, slot) in self._keys:
                    self._assign(variable, self._key(path, slot))
                elif slot == AVERAGE:
                    self._assign(variable, self._key(path))
        optimizer.iterations.assign(self.step)
        if MOMENTS_FROM_KEY in self._keys:
            optimizer.moments_from.assign(self._checked_step(MOMENTS_FROM_KEY))
        elif not self._has_moments():
            optimizer.moments_from.assign(self.step)

    def _has_moments(self):
        if all(power in self._keys and np.array_equal(self._read(power), at_start)
               for power, at_start in tf1_names.POWERS.items()):
            return False        # the reference's Adam has made no step
        return bool(self._keys & {self._key(path, "velocity") for path in self._shapes})

    def _checked_step(self, key):
        step = np.asarray(self._read(key))
        # The reference's is a float.
        if step.shape or step.dtype.kind not in "if" or not 0 <= step < 2**63 or step % 1:
            raise RunError(f"Checkpoint {self.name}: expected a whole number as {key}, found "
                           f"{_described(step)}.")
        return int(step)

    def _assign(self, variable, key):
        value = np.asarray(self._read(key))
        if value.dtype == np.float16:       # of an exported network
            value = value.astype(np.float32)
        if value.dtype != variable.dtype or value.size != math.prod(variable.shape):
            raise RunError(f"Checkpoint {self.name}: {key}: expected {variable.dtype} "
                           f"{list(variable.shape)}, found {_described(value)}.")
        variable.assign(value.reshape(variable.shape))

    def _read(self, key):
        try:
            return self._reader.get_tensor(key)
        except integrity.DAMAGE as error:
            raise DamagedError(f"Checkpoint {self.name}: damaged at {key} "
                               f"({reason(error)}).") from None

    def _mismatch(self, network, path, variable, found):
        wanted = list(variable.shape) if variable is not None else "no such variable"
        shared = set(self._shapes) & set(network.variable_paths())
        if len(shared) < len(self._shapes) / 2:
            decided = "the flag --model"
        else:
            decided = next((reason for start, reason in network.shaped_by.items()
                            if path.startswith(start)), "a hyperparameter")
        found = list(found) if found is not None else "none"
        return (f"Checkpoint {self.name} is of another network: {path}: expected {wanted}, "
                f"found {found}; most likely {decided} differs.")


def _key(path, slot=None):
    return f"{slot or 'network'}/{path}{KEY_SUFFIX}"


def _shapes(shape_by_key):
    start = len("network/")
    return {key[start:-len(KEY_SUFFIX)]: tuple(shape) for key, shape in shape_by_key.items()
            if key.startswith("network/")}


def _described(array):
    """Returns an array's type and shape, or its value, for errors."""
    return f"{array.dtype} {list(array.shape)}" if array.shape else f"{array.dtype} {array}"


def _neighbours(name):
    folder = os.path.dirname(name) or "."
    if not os.path.isdir(folder):
        return f"no folder {folder}"
    found = sorted((entry.removesuffix(".index") for entry in os.listdir(folder)
                    if entry.endswith(".index")), key=lambda found: (len(found), found))
    return ", ".join(found[-5:]) or "no checkpoint"
