"""Names of variables in checkpoints of the reference, which are name-based.

    conv1/weights  conv1/biases  ...  NAME/Adam  NAME/Adam_1  global_step
"""

ENDINGS = {"kernel": "weights", "bias": "biases"}
SLOTS = {None: "", "momentum": "/Adam", "velocity": "/Adam_1",
         "average": "/ExponentialMovingAverage"}
STEP_KEY = "global_step"


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
