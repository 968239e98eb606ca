"""The convolutional baseline (paper, section 5)."""

from typing import ClassVar

import keras

from capsules import SpectralConv2D
from models.chain import Chain


@keras.saving.register_keras_serializable(package="models")
class ConvModel(Chain):
    """Two pooled convolutions and two dense layers; logits are linear."""

    uses: ClassVar[tuple] = ("padding",)
    shaped_by: ClassVar[dict] = {
        "conv1": "the dataset's depth",
        "fc1": "the hyperparameter padding or the dataset's size",
    }
    smallest_valid: ClassVar[int] = 13

    def make_chain(self):
        bias_initializer = keras.initializers.Constant(0.1)

        def conv(filters, name):
            return SpectralConv2D(
                filters, 5, padding=self.hparams.padding.lower(), activation="relu", name=name,
                algorithm=self.convolution, dtype=self.convolution_policy,
                kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.05),
                bias_initializer=bias_initializer)

        def pool(name):
            return keras.layers.MaxPooling2D(2, strides=2, padding="same", name=name)

        def dense(units, activation, name):
            return keras.layers.Dense(
                units, activation=activation, name=name,
                kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.1),
                bias_initializer=bias_initializer)

        # Checkpoints of the reference hold the first dense layer's inputs channel-first.
        return [
            conv(512, "conv1"), pool("pool1"),
            conv(256, "conv2"), pool("pool2"),
            keras.layers.Permute((3, 1, 2), name="channel_first"),
            keras.layers.Flatten(name="flatten"),
            dense(1024, "relu", "fc1"), dense(self.num_classes, None, "softmax_layer"),
        ]
