"""Two small networks to compare capsules with: dense layers, and plain convolutions.

They are those of a widespread tutorial on capsule networks. Logits are the inputs of the
softmax, which is in the loss (loss_type=softmax by default). Weights start as in Keras: kernels
by Glorot and Bengio's uniform distribution (2010), biases at 0.
"""

from typing import ClassVar

import keras

from capsules import SpectralConv2D
from models.chain import Chain

SOFTMAX = {"loss_type": "softmax"}


@keras.saving.register_keras_serializable(package="models")
class MultilayerPerceptron(Chain):
    """Pixels, 50 ReLU, linear: 784-50-10 for MNIST, 39,760 parameters."""

    defaults: ClassVar[dict] = SOFTMAX
    most_targets: ClassVar[int] = 1
    shaped_by: ClassVar[dict] = {"hidden": "the dataset's size or depth"}

    def make_chain(self):
        return [keras.layers.Flatten(name="flatten"),
                keras.layers.Dense(50, activation="relu", name="hidden"),
                keras.layers.Dense(self.num_classes, name="softmax_layer")]


@keras.saving.register_keras_serializable(package="models")
class SimpleConvModel(Chain):
    """Three convolutions of 25 ReLU channels, the first two pooled, 50 ReLU, linear.

    Kernels are 5x5, 5x5 and 4x4, pools 2x2. Without padding, 28x28 pixels become 24x24, 12x12,
    8x8, 4x4 and 1x1: 28,135 parameters for MNIST.
    """

    defaults: ClassVar[dict] = SOFTMAX
    most_targets: ClassVar[int] = 1
    uses: ClassVar[tuple] = ("padding",)
    shaped_by: ClassVar[dict] = {
        "conv1": "the dataset's depth",
        "fc1": "the hyperparameter padding or the dataset's size",
    }
    smallest_valid: ClassVar[int] = 28

    def make_chain(self):
        padding = self.hparams.padding.lower()

        def conv(size, name):
            return SpectralConv2D(25, size, padding=padding, activation="relu", name=name,
                                  algorithm=self.convolution, dtype=self.convolution_policy)

        def pool(name):
            return keras.layers.MaxPooling2D(2, padding=padding, name=name)

        return [conv(5, "conv1"), pool("pool1"), conv(5, "conv2"), pool("pool2"),
                conv(4, "conv3"), keras.layers.Flatten(name="flatten"),
                keras.layers.Dense(50, activation="relu", name="fc1"),
                keras.layers.Dense(self.num_classes, name="softmax_layer")]
