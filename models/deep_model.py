"""A capsule network of four layers of capsules, two of them convolutional."""

from typing import ClassVar

import keras

from capsules import ConvCapsules
from models.capsule_model import CapsuleModel, make_routing

TYPES, ATOMS = 8, 8     # of primary and convolutional capsules


@keras.saving.register_keras_serializable(package="models")
class DeepModel(CapsuleModel):
    """The capsule network with fewer primary capsules, and two convolutional layers on them.

    Without padding, 28x28 pixels become 20x20 features, and grids of 6x6, 4x4 and 2x2 positions
    with 8 capsules each. The kernels of the convolutional capsules start with a standard deviation
    of 0.4, which about keeps the capsules' lengths. With the layer's default of 0.1, nothing but
    biases reaches the class capsules at first, and learning starts some 100 steps later.
    """

    uses: ClassVar[tuple] = ("leaky", "padding", "remake", "routing", "routing_type")
    shaped_by: ClassVar[dict] = {
        "conv1": "the dataset's depth",
        "capsule2": "the hyperparameter padding or routing_type, or the dataset's size",
        "recons/recons_3": "the dataset's size",
        "recons": "the hyperparameter remake",
    }
    smallest_valid: ClassVar[int] = 25
    smallest_same: ClassVar[int] = 9

    def architecture(self):
        hidden = [
            ConvCapsules(TYPES, ATOMS, kernel_size=3, name=f"conv_capsule{number}",
                         routing=make_routing(self.hparams),
                         kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.4))
            for number in (2, 3)]
        return {"filters": 64, "primary_types": TYPES, "primary_atoms": ATOMS, "hidden": hidden}
