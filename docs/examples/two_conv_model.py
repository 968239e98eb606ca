"""A capsule network on two small convolutions."""

from typing import ClassVar

import keras

from capsules import ClassCapsules, Decoder, DynamicRouting, PrimaryCapsules, norm
from models.inferred import Inferred
from models.network import Network, build_chain


@keras.saving.register_keras_serializable(package="models")
class TwoConvModel(Network):
    """Two 5x5 convolutions, primary capsules, class capsules and a decoder."""

    # The hyperparameters that it reads; others are a warning in --hparams_override.
    uses: ClassVar[tuple] = ("leaky", "num_prime_capsules", "padding", "remake", "routing")
    # For error messages: what a checkpoint of another shape most likely differs in.
    shaped_by: ClassVar[dict] = {
        "conv1": "the dataset's depth",
        "primary": "the hyperparameter num_prime_capsules",
        "digit": "the hyperparameter num_prime_capsules or padding, or the dataset's size",
        "recons": "the hyperparameter remake or the dataset's size",
    }
    smallest_valid: ClassVar[int] = 17      # pixels: 4 + 4 + 9 without padding

    def __init__(self, hparams, image_shape, num_classes, *args, **kwargs):
        super().__init__(hparams, image_shape, num_classes, *args, **kwargs)
        # Of the flag --precision; the class capsules stay in float32.
        shared = {"padding": hparams.padding.lower(), "dtype": self.convolution_policy}
        self.conv1 = keras.layers.Conv2D(32, 5, activation="relu", name="conv1", **shared)
        self.conv2 = keras.layers.Conv2D(64, 5, activation="relu", name="conv2", **shared)
        self.primary = PrimaryCapsules(hparams.num_prime_capsules, leaky=hparams.leaky,
                                       name="primary", **shared)
        routing = DynamicRouting(hparams.routing, hparams.leaky, implementation=self.routing)
        self.class_capsules = ClassCapsules(num_classes, name="digit", routing=routing)
        if hparams.remake:
            self.decoder = Decoder(image_shape, self.num_targets, name="recons")
        self.build()

    def build(self, input_shape=None):
        """Makes all variables, so that checkpoints can be read before any data."""
        shape = build_chain([self.conv1, self.conv2, self.primary, self.class_capsules],
                            (None, *self.image_shape))
        if self.decoder is not None:
            self.decoder.build(shape)

    def encode(self, images):
        """Returns what the class capsules take, float [batch, in_caps, in_atoms]."""
        return self.primary(self.conv2(self.conv1(images)))

    def call(self, batch):
        capsules = self.class_capsules(self.encode(batch["images"]))    # [batch, classes, atoms]
        reconstructions = None
        if self.decoder is not None:
            reconstructions = self.decoder(capsules, targets=batch.get("targets"))
        return Inferred(norm(capsules), capsules, reconstructions)
