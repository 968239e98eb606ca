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
        self.conv1 = SpectralConv2D(
            256, 9, padding=hparams.padding.lower(), activation="relu", name="conv1",
            algorithm=self.convolution, dtype=self.convolution_policy,
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.05),
            bias_initializer=keras.initializers.Constant(0.1))
        self.primary_capsules = PrimaryCapsules(
            hparams.num_prime_capsules, padding=hparams.padding, leaky=hparams.leaky,
            algorithm=self.convolution, dtype=self.convolution_policy, name="conv_capsule1")
        self.class_capsules = ClassCapsules(
            num_classes, name="capsule2",
            routing=DynamicRouting(hparams.routing, hparams.leaky, implementation=self.routing))
        self.decoder = None
        if hparams.remake:
            self.decoder = Decoder(image_shape, self.num_targets, name="recons")
        self.build()

    def build(self, input_shape=None):
        shape = build_chain([self.conv1, self.primary_capsules, self.class_capsules],
                            (None, *self.image_shape))
        if self.decoder is not None:
            self.decoder.build(shape)

    def routing_steps(self, images):
        """Returns what routing computes for images: RoutingSteps of the class capsules."""
        return self.class_capsules.routing_steps(self.primary_capsules(self.conv1(images)))

    def votes(self, images):
        """Returns the votes that routing gets: [batch, in_caps, num_classes, atoms]."""
        return self.class_capsules.votes(self.primary_capsules(self.conv1(images)))

    def call(self, batch):
        features = self.conv1(batch["images"])
        capsules = self.class_capsules(self.primary_capsules(features))
        capsules = tf.cast(capsules, tf.float32)
        reconstructions = None
        if self.decoder is not None:
            reconstructions = self.decoder(capsules, targets=batch.get("targets"))
        return Inferred(norm(capsules), capsules, reconstructions)
