"""Networks whose layers follow each other."""

import tensorflow as tf

from models.inferred import Inferred
from models.network import Network, build_chain


class Chain(Network):
    """A network that is one chain of layers, from images to logits."""

    def __init__(self, hparams, image_shape, num_classes, *args, **kwargs):
        super().__init__(hparams, image_shape, num_classes, *args, **kwargs)
        self.chain = self.make_chain()
        self.build()

    def make_chain(self):
        """Returns the layers; the last one's outputs are the logits."""
        raise NotImplementedError

    def build(self, input_shape=None):
        build_chain(self.chain, (None, *self.image_shape))

    def call(self, batch):
        outputs = batch["images"]
        for layer in self.chain:
            outputs = layer(outputs)
        return Inferred(tf.cast(outputs, tf.float32))
