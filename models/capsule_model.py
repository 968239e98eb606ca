"""The capsule network (paper, figures 1 and 2)."""

from typing import ClassVar

import keras
import tensorflow as tf

from capsules import CapsNet, DynamicRouting, MaxMinRouting, SelfAttentionRouting, norm
from models.inferred import Inferred
from models.network import Network


@keras.saving.register_keras_serializable(package="models")
class CapsuleModel(Network):
    """The layers of the library's CapsNet: encoder, class capsules and, with remake, a decoder."""

    uses: ClassVar[tuple] = ("leaky", "num_prime_capsules", "padding", "remake", "routing",
                             "routing_type")
    shaped_by: ClassVar[dict] = {
        "conv1": "the dataset's depth",
        "conv_capsule1": "the hyperparameter num_prime_capsules",
        "capsule2": "the hyperparameter num_prime_capsules, padding or routing_type, or the "
                    "dataset's size",
        "recons/recons_3": "the dataset's size",
        "recons": "the hyperparameter remake",
    }
    smallest_valid: ClassVar[int] = 17

    def __init__(self, hparams, image_shape, num_classes, *args, **kwargs):
        super().__init__(hparams, image_shape, num_classes, *args, **kwargs)
        capsnet = CapsNet(
            self.image_shape, num_classes, self.num_targets, padding=hparams.padding.lower(),
            routing=make_routing(hparams, self.routing),
            decoder=hparams.remake, algorithm=self.convolution, dtype=self.convolution_policy,
            **self.architecture())
        self.encoder, self.class_capsules, self.decoder = (
            capsnet.encoder, capsnet.class_capsules, capsnet.decoder)
        self.build()

    @classmethod
    def unused(cls, names, hparams):
        others = {"max_min": {"leaky"}, "self_attention": {"leaky", "routing"}}
        without = others.get(hparams.routing_type, set()) & set(names)
        return sorted({*super().unused(names, hparams), *without})

    def architecture(self):
        """Returns the arguments of CapsNet that distinguish this network: a dict."""
        return {"primary_types": self.hparams.num_prime_capsules}

    def build(self, input_shape=None):
        """Does nothing: CapsNet has built the layers."""

    encode = CapsNet.encode     # by the layers of `encoder`

    def call(self, batch):
        capsules = tf.cast(self.class_capsules(self.encode(batch["images"])), tf.float32)
        reconstructions = None
        if self.decoder is not None:
            reconstructions = self.decoder(capsules, targets=batch.get("targets"))
        return Inferred(norm(capsules), capsules, reconstructions)


def make_routing(hparams, implementation="auto"):
    """Returns the Routing that hyperparameters name; the implementation is DynamicRouting's."""
    if hparams.routing_type == "self_attention":
        return SelfAttentionRouting()
    if hparams.routing_type == "max_min":
        return MaxMinRouting(hparams.routing)
    return DynamicRouting(hparams.routing, hparams.leaky, implementation=implementation)
