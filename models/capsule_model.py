"""The capsule network (paper, figures 1 and 2)."""

from typing import ClassVar

import keras
import tensorflow as tf

from capsules import (
    ClassCapsules,
    Decoder,
    DynamicRouting,
    PrimaryCapsules,
    SpectralConv2D,
    norm,
)
from models.inferred import Inferred
from models.network import Network, build_chain


@keras.saving.register_keras_serializable(package="models")
class CapsuleModel(Network):
    """Convolution, primary capsules, class capsules, and a decoder when remake is true."""

    uses: ClassVar[tuple] = ("leaky", "num_prime_capsules", "padding", "remake", "routing")
    shaped_by: ClassVar[dict] = {
        "conv1": "the dataset's depth",
        "conv_capsule1": "the hyperparameter num_prime_capsules",
        "capsule2": "the hyperparameter num_prime_capsules or padding, or the dataset's size",
        "recons/recons_3": "the dataset's size",
        "recons": "the hyperparameter remake",
    }
    smallest_valid: ClassVar[int] = 17

    def __init__(self, hparams, image_shape, num_classes, *args, **kwargs):
        super().__init__(hparams, image_shape, num_classes, *args, **kwargs)
        self.make_encoder()
        self.class_capsules = ClassCapsules(
            num_classes, name="capsule2",
            routing=DynamicRouting(hparams.routing, hparams.leaky, implementation=self.routing))
        self.decoder = None
        if hparams.remake:
            self.decoder = Decoder(image_shape, self.num_targets, name="recons")
        self.build()

    def make_encoder(self):
        """Makes the layers of `encoder`."""
        self.conv1 = self.first_convolution(256)
        self.primary_capsules = PrimaryCapsules(
            self.hparams.num_prime_capsules, padding=self.hparams.padding,
            leaky=self.hparams.leaky, flatten=False, algorithm=self.convolution,
            dtype=self.convolution_policy, name="conv_capsule1")

    def first_convolution(self, filters):
        """Returns a new layer: 9x9 kernels on images, then ReLU."""
        return SpectralConv2D(
            filters, 9, padding=self.hparams.padding.lower(), activation="relu", name="conv1",
            algorithm=self.convolution, dtype=self.convolution_policy,
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.05),
            bias_initializer=keras.initializers.Constant(0.1))

    @property
    def encoder(self):
        """The layers from images to the capsules that vote for the classes, in their order."""
        return [self.conv1, self.primary_capsules]

    def build(self, input_shape=None):
        shape = build_chain([*self.encoder, self.class_capsules], (None, *self.image_shape))
        if self.decoder is not None:
            self.decoder.build(shape)

    def encode(self, images):
        """Returns the capsules that vote for the classes.

        Args:
          images: float [batch, height, width, depth].

        Returns:
          float [batch, rows, columns, types, atoms].
        """
        outputs = images
        for layer in self.encoder:
            outputs = layer(outputs)
        return outputs

    def call(self, batch):
        capsules = tf.cast(self.class_capsules(self.encode(batch["images"])), tf.float32)
        reconstructions = None
        if self.decoder is not None:
            reconstructions = self.decoder(capsules, targets=batch.get("targets"))
        return Inferred(norm(capsules), capsules, reconstructions)
