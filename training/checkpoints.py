"""Checkpoints: written as model.ckpt-STEP, read in this format and in the reference's.

A checkpoint holds, by path, the network's variables (network/conv1/kernel), Adam's slots
(momentum/..., velocity/...) and the step. The input needs nothing: batch k follows from the
seed and k.
"""

import os
import re

import tensorflow as tf

from training import reference_format
from training.errors import RunError

NAME = "model.ckpt"
KEPT = 1000
SLOTS = ("momentum", "velocity")
SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
STEP_KEY = "step" + SUFFIX
# What TensorFlow's reader raises for files that are damaged, by the kind of damage.
DAMAGE = (tf.errors.OpError, ValueError, RuntimeError, IndexError)


def latest(folder):
    """Returns the name (without .index) of a folder's checkpoint of the highest step, or None."""
    return next(reversed(all_names(folder)), None)


def all_names(folder):
    """Returns the names of a folder's checkpoints, by step.

    The files themselves are looked at: the state file that TensorFlow keeps beside them may be
    missing, or name the place where the folder was before.
    """
    entries = os.listdir(folder) if os.path.isdir(folder) else []
    steps = [int(found.group(1)) for entry in entries
             if (found := re.fullmatch(re.escape(NAME) + r"-(\d+)\.index", entry))]
    return [os.path.join(folder, f"{NAME}-{step}") for step in sorted(steps)]


class Writer:
    """Writes a run's checkpoints into a folder.

    Args:
      folder: str.
      network: Network.
      optimizer: its optimizer.
    """

    def __init__(self, folder, network, optimizer):
        self._step = optimizer.iterations
        self._manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(
                network=_nested(network.variable_paths()), step=self._step.value,
                **{slot: _nested(paths) for slot, paths in _slots(network, optimizer).items()}),
            folder, max_to_keep=KEPT, checkpoint_name=NAME)

    def save(self):
        """Writes a checkpoint of the current step, if there is none; returns its name.

        Raises:
          RunError: if it cannot be written.
        """
        step = int(self._step)
        name = os.path.join(self._manager.directory, f"{NAME}-{step}")
        if os.path.exists(name + ".index"):     # resumed from, or written a moment ago
            return name
        try:
            return self._manager.save(checkpoint_number=step)
        except (tf.errors.OpError, OSError) as error:
            raise RunError(f"{self._manager.directory}: the checkpoint of step {step} cannot be "
                           f"written ({getattr(error, 'message', error)}).") from None


class Stored:
    """A checkpoint on disk, of either format.

    Args:
      name: str, the checkpoint's name, without .index.

    Attributes:
      name: str.
      folder: str, where it lies.
      step: int.

    Raises:
      RunError: if it is missing, damaged, or not a checkpoint of a network.
    """

    def __init__(self, name):
        self.name = name
        self.folder = os.path.dirname(name)
        if not os.path.exists(name + ".index"):
            raise RunError(f"Checkpoint {name}: there is no {name}.index; "
                           f"there: {_neighbours(name)}.")
        try:
            self._reader = tf.train.load_checkpoint(name)
            shapes = self._reader.get_variable_to_shape_map()
        except DAMAGE as error:
            raise RunError(f"Checkpoint {name}: damaged ({error}).") from None
        self._keys = set(shapes)
        own = STEP_KEY in shapes
        self._key = _key if own else reference_format.key
        self._shapes = _shapes(shapes) if own else reference_format.shapes(shapes)
        step_key = STEP_KEY if own else reference_format.STEP_KEY
        if not self._shapes:
            raise RunError(f"Checkpoint {name}: holds no variables of a network.")
        self.step = int(self._read(step_key)) if step_key in shapes else 0

    def restore_network(self, network):
        """Gives a network the variables of this checkpoint.

        Raises:
          RunError: if one is missing or has another shape; names it and what decides it.
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
            self._assign(variable, self._key(path))

    def restore_optimizer(self, network, optimizer):
        """Gives an optimizer its slots and step, as far as this checkpoint has them."""
        for slot, variables in _slots(network, optimizer).items():
            for path, variable in variables.items():
                if self._key(path, slot) in self._keys:
                    self._assign(variable, self._key(path, slot))
        optimizer.iterations.assign(self.step)

    def _assign(self, variable, key):
        variable.assign(self._read(key).reshape(variable.shape))

    def _read(self, key):
        try:
            return self._reader.get_tensor(key)
        except DAMAGE as error:
            raise RunError(f"Checkpoint {self.name}: damaged at {key} ({error}).") from None

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
    return f"{slot or 'network'}/{path}{SUFFIX}"


def _shapes(shape_by_key):
    start = len("network/")
    return {key[start:-len(SUFFIX)]: tuple(shape) for key, shape in shape_by_key.items()
            if key.startswith("network/")}


def _slots(network, optimizer):
    """Returns {slot: {path: variable}}."""
    paths = [path for path, variable in network.variable_paths().items() if variable.trainable]
    return {slot: dict(zip(paths, (variable for variable in optimizer.variables
                                   if variable.path.endswith("_" + slot))))
            for slot in SLOTS}


def _nested(variables):
    """Returns {"a/b": variable} as {"a": {"b": tf.Variable}}, which makes readable keys."""
    nested = {}
    for path, variable in variables.items():
        *folders, last = path.split("/")
        inner = nested
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[last] = variable.value
    return nested


def _neighbours(name):
    folder = os.path.dirname(name) or "."
    if not os.path.isdir(folder):
        return f"no folder {folder}"
    found = sorted(entry.removesuffix(".index") for entry in os.listdir(folder)
                   if entry.endswith(".index"))
    return ", ".join(found[-5:]) or "no checkpoint"
