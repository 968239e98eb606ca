"""Names and shapes of variables in checkpoints of the reference, which are name-based.

    conv1/weights  conv1/biases  ...  NAME/Adam  NAME/Adam_1  global_step  beta1_power  beta2_power
"""

import numpy as np

ENDINGS = {"kernel": "weights", "bias": "biases"}
SLOTS = {None: "", "momentum": "/Adam", "velocity": "/Adam_1",
         "average": "/ExponentialMovingAverage"}
STEP_KEY = "global_step"
# Powers of Adam's betas, and their values where it starts.
POWERS = {"beta1_power": np.float32(0.9), "beta2_power": np.float32(0.999)}
# Layers of the reference's networks: capsule, with and without a decoder, and baseline.
NETWORKS = ({"conv1", "conv_capsule1", "capsule2", "recons"},
            {"conv1", "conv_capsule1", "capsule2"},
            {"conv1", "conv2", "fc1", "softmax_layer"})


def key(path, slot=None):
    """Returns the name of a variable, "layer/kernel" by path, or of one of its slots."""
    layer, _, ending = path.rpartition("/")
    return f"{layer}/{ENDINGS[ending]}{SLOTS[slot]}"


def shapes(shape_by_key):
    """Returns the shapes of the networks' variables by path, from those of all keys.

    Biases of primary capsules are stored as [capsules, atoms, 1, 1], for channels first.
    """
    paths = {ending: name for name, ending in ENDINGS.items()}
    found = {}
    for name, shape in shape_by_key.items():
        layer, _, ending = name.rpartition("/")
        if layer and ending in paths:
            squeezed = shape[:2] if shape[2:] == [1, 1] else shape
            found[f"{layer}/{paths[ending]}"] = tuple(squeezed)
    return found


def layers(paths):
    """Returns the set of the layers' names in the variables' paths."""
    return {path.partition("/")[0] for path in paths}


def tensors(arrays, step):
    """Returns what the reference restores, for evaluation too: variables, step, Adam's state.

    Args:
      arrays: {path: float32 NumPy array}, the network's variables.
      step: int.

    Returns:
      {name: float32 NumPy array}. Adam starts afresh: its moments are 0.
    """
    found = {STEP_KEY: np.float32(step), **POWERS}
    for path, array in arrays.items():
        if path == "conv_capsule1/bias":
            array = array[..., np.newaxis, np.newaxis]      # for channels first
        found[key(path)] = array
        for slot in ("momentum", "velocity"):
            found[key(path, slot)] = np.zeros_like(array)
    return found
