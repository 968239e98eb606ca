"""Efficient-CapsNet (Mazzia et al. 2021, arXiv:2101.12491)."""

from typing import ClassVar

import keras
import tensorflow as tf

from capsules import CapsNet, ClassCapsules, Decoder, SelfAttentionRouting
from capsules.ops import exponential_squash
from models.inferred import Inferred
from models.network import Network, build_chain

# Filters, kernel and strides of the convolutions.
CONVOLUTIONS = ((32, 5, 1), (64, 3, 1), (64, 3, 1), (128, 3, 2))
PRIMARY_ATOMS = 8
EPSILON = 1e-7      # in the root of a length


@keras.saving.register_keras_serializable(package="models")
class EfficientModel(Network):
    """Four normalized convolutions, a depthwise one as primary capsules, self-attention routing.

    161,824 trainable parameters before the decoder, for 28x28 pixels.
    """

    uses: ClassVar[tuple] = ("remake",)
    has_batch_statistics: ClassVar[bool] = True
    shaped_by: ClassVar[dict] = {
        "conv1": "the dataset's depth",
        "capsule2": "the dataset's size",
        "recons/recons_3": "the dataset's size",
        "recons": "the hyperparameter remake",
    }
    smallest_valid: ClassVar[int] = 27
    smallest_same: ClassVar[int] = 27      # its convolutions are never padded

    def __init__(self, hparams, image_shape, num_classes, *args, **kwargs):
        super().__init__(hparams, image_shape, num_classes, *args, **kwargs)
        self.encoder = []
        for number, (filters, kernel_size, strides) in enumerate(CONVOLUTIONS, 1):
            self.encoder += [
                keras.layers.Conv2D(
                    filters, kernel_size, strides, activation="relu", name=f"conv{number}",
                    kernel_initializer="he_normal", dtype=self.convolution_policy),
                keras.layers.BatchNormalization(name=f"normalization{number}")]
        self.encoder += [
            keras.layers.DepthwiseConv2D(9, name="primary"),
            keras.layers.Reshape((-1, PRIMARY_ATOMS), name="capsules"),
            keras.layers.Activation(exponential_squash, name="squash")]
        # He's, for the votes of all classes together: the fan is classes x capsules x atoms.
        start = keras.initializers.VarianceScaling(2 / num_classes, "fan_in", "truncated_normal")
        self.class_capsules = ClassCapsules(
            num_classes, routing=SelfAttentionRouting(), kernel_initializer=start,
            name="capsule2")
        if hparams.remake:
            self.decoder = Decoder(image_shape, self.num_targets, name="recons",
                                   kernel_initializer="he_normal", bias_initializer="zeros")
        self.build()

    def build(self, input_shape=None):
        shape = build_chain([*self.encoder, self.class_capsules], (None, *self.image_shape))
        if self.decoder is not None:
            self.decoder.build(shape)

    encode = CapsNet.encode     # float [batch, in_caps, 8], by the layers of `encoder`

    def call(self, batch):
        capsules = self.class_capsules(self.encode(batch["images"]))
        reconstructions = None
        if self.decoder is not None:
            reconstructions = self.decoder(capsules, targets=batch.get("targets"))
        lengths = tf.sqrt(tf.reduce_sum(tf.square(capsules), axis=-1) + EPSILON)
        return Inferred(lengths, capsules, reconstructions)
