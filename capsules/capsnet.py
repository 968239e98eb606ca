"""The capsule network of the paper (figures 1 and 2) as a Keras model."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from capsules import pretrained
from capsules.labels import multi_hot_and_ids
from capsules.layers.class_capsules import ClassCapsules
from capsules.layers.decoder import Decoder
from capsules.layers.primary_capsules import PrimaryCapsules
from capsules.layers.spectral_conv2d import SpectralConv2D
from capsules.losses import MarginLoss, ReconstructionLoss
from capsules.metrics import correct
from capsules.ops import norm
from capsules.routing import get_routing
from capsules.routing.routing import Routing, RoutingSteps
from capsules.shapes import check_sizes


@keras.saving.register_keras_serializable(package="capsules")
class CapsNet(keras.Model):
    """Convolution, primary capsules, class capsules and a decoder.

    It trains with `compile` and `fit`. Its loss is the margin loss, summed over the classes
    (paper, equation 4), plus the reconstruction loss (section 4.1); a loss given to `compile`
    takes the margin loss's place and compares the labels with the capsules' lengths.

    Labels are class ids, one-hot or multi-hot (see `labels`). Where images differ from what
    their targets look like, such as overlapping or noisy digits, labels are a dict: "labels" and
    "target_images", float [batch, num_targets, height, width, depth].

    Input: float images in [0, 1], [batch, height, width, depth].
    Output: float [batch, num_classes], the lengths of the class capsules, in [0, 1).

    >>> model = CapsNet(image_shape=(28, 28, 1), num_classes=10)
    >>> model.compile(optimizer="adam")
    >>> history = model.fit(images, labels, epochs=5)
    >>> model.predict(images).argmax(axis=-1)

    Args:
      image_shape: height, width and depth of the images.
      num_classes: number of classes.
      num_targets: number of targets of an image, such as 2 for overlapping pairs of digits.
      filters: number of channels of the first convolution.
      primary_types: number of types of primary capsules.
      primary_atoms: number of components of a primary capsule.
      hidden: layers between primary and class capsules, such as ConvCapsules.
      atoms: number of components of a class capsule.
      routing: number of iterations of dynamic routing, or a `routing.Routing`. A leaky one makes
        the primary capsules leaky, too.
      padding: of both convolutions, "valid", for images of 17x17 and more, or "same".
      decoder: whether to reconstruct the targets, or a layer that does: it takes capsules and
        `targets` as `Decoder` does.
      reconstruction_scale: weight of the reconstruction loss.
      algorithm: of the convolutions (see `convolution.algorithm`).
      **kwargs: arguments of keras.Model.

    Attributes:
      encoder: the layers from images to the capsules that vote for the classes: a convolution,
        primary capsules, and those of `hidden`.
      class_capsules, decoder: the layers after them; decoder may be None.
    """

    def __init__(self, image_shape: tuple[int, int, int] = (28, 28, 1), num_classes: int = 10,
                 num_targets: int = 1, filters: int = 256, primary_types: int = 32,
                 primary_atoms: int = 8, hidden: Sequence[keras.layers.Layer] = (), atoms: int = 16,
                 routing: int | Routing = 3, padding: str = "valid",
                 decoder: bool | keras.layers.Layer = True, reconstruction_scale: float = 0.0005,
                 algorithm: str = "auto", **kwargs):
        super().__init__(**kwargs)
        self.image_shape = tuple(image_shape)
        self.num_classes = num_classes
        self.num_targets = num_targets
        routing = get_routing(routing)
        convolution = SpectralConv2D(
            filters, 9, padding=padding, activation="relu", algorithm=algorithm, name="conv1",
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.05),
            bias_initializer=keras.initializers.Constant(0.1), dtype=self.dtype_policy)
        primary = PrimaryCapsules(
            primary_types, primary_atoms, padding=padding, algorithm=algorithm, flatten=False,
            leaky=getattr(routing, "leaky", False), dtype=self.dtype_policy, name="conv_capsule1")
        self.encoder = [convolution, primary,
                        *map(_layer, hidden)]
        # Class capsules are as exact as the weights, whatever the policy.
        exact = self.variable_dtype
        self.class_capsules = ClassCapsules(num_classes, atoms, routing, dtype=exact,
                                            name="capsule2")
        if isinstance(decoder, bool):
            decoder = Decoder(self.image_shape, num_targets, dtype=exact,
                              name="recons") if decoder else None
        self.decoder = _layer(decoder)
        self.reconstruction_scale = reconstruction_scale
        names = ["accuracy", "classification_loss", "reconstruction_loss"]
        self._means = [keras.metrics.Mean(name=name)
                       for name in names[:2 if self.decoder is None else 3]]
        self.build((None, *self.image_shape))

    @classmethod
    def from_pretrained(cls, name: str) -> "CapsNet":
        """Returns a trained network that comes with the library.

        >>> CapsNet.from_pretrained("mnist").predict(images)

        Args:
          name: a key of `pretrained.NETWORKS`, such as "mnist".

        Returns:
          CapsNet.

        Raises:
          ValueError: for an unknown name; the message lists the known ones.
        """
        arguments, arrays = pretrained.read(name)
        model = cls(**arguments, name=name)
        for variable in model.variables:
            variable.assign(arrays[variable.path.partition("/")[2]])
        return model

    def build(self, input_shape):
        shape = input_shape
        for layer in (*self.encoder, self.class_capsules):
            if not layer.built:     # hidden layers that were loaded are
                layer.build(shape)
            shape = layer.compute_output_shape(shape)
        if self.decoder is not None and not self.decoder.built:
            self.decoder.build(shape)

    def call(self, images):
        return norm(self.represent(images))

    def represent(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Computes the class capsules of images.

        Args:
          images: float [batch, height, width, depth].
          training: whether layers such as dropout train; None: as the layer or model does that
            calls.

        Returns:
          float [batch, num_classes, atoms].

        Raises:
          ValueError: for images of integers.
        """
        images = tf.convert_to_tensor(images)
        if not images.dtype.is_floating:
            raise ValueError(f"Expected images of floats in [0, 1]. Received: {images.dtype.name}.")
        return self.class_capsules(self.encode(images, training))

    def routing_steps(self, images: tf.Tensor) -> RoutingSteps:
        """Computes every iteration of the class capsules' routing.

        Args:
          images: float [batch, height, width, depth].

        Returns:
          RoutingSteps.
        """
        return self.class_capsules.routing_steps(self.encode(images))

    def votes(self, images: tf.Tensor) -> tf.Tensor:
        """Computes the votes that routing gets.

        Args:
          images: float [batch, height, width, depth].

        Returns:
          float [batch, in_caps, num_classes, atoms].
        """
        return self.class_capsules.votes(self.encode(images))

    def encode(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Computes the capsules that vote for the classes.

        Args:
          images: float [batch, height, width, depth].
          training: whether layers such as dropout train; None: as the layer or model does that
            calls.

        Returns:
          float [batch, rows, columns, types, atoms].
        """
        outputs = images
        mode = {} if training is None else {"training": training}   # None would hide a caller's
        for layer in self.encoder:
            outputs = layer(outputs, **mode)
        return outputs

    def reconstruct(self, images: np.ndarray, targets: np.ndarray | None = None,
                    batch_size: int = 100) -> np.ndarray:
        """Reconstructs the targets of images from their class capsules.

        Args:
          images: float array [n, height, width, depth].
          targets: int array [n, num_targets], of classes; None for those of the longest capsules.
          batch_size: images that are computed at once.

        Returns:
          float array [n, num_targets, height, width, depth].

        Raises:
          ValueError: if the network has no decoder.
        """
        if self.decoder is None:
            raise ValueError("Expected a network with a decoder. Received: decoder=False.")
        starts = range(0, len(images), batch_size)
        parts = [self.decoder(self.represent(images[start:start + batch_size]),
                              targets=None if targets is None else
                              tf.constant(targets[start:start + batch_size], tf.int32))
                 for start in starts]
        return np.concatenate(parts)

    def export(self, *args, **kwargs):
        self(tf.zeros([0, *self.image_shape]))      # Keras exports what has been called
        return super().export(*args, **kwargs)

    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss, results = self._compare(data, training=True)
            loss = self.optimizer.scale_loss(loss)
        self.optimizer.apply(tape.gradient(loss, self.trainable_weights), self.trainable_weights)
        return results

    def test_step(self, data):
        return self._compare(data, training=False)[1]

    def _compare(self, data, training):
        """Returns a batch's loss, and the metrics of this batch and those before."""
        images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        target_images = images[:, tf.newaxis]
        if isinstance(labels, dict):
            labels, target_images = labels["labels"], labels["target_images"]
            check_sizes(target_images.shape, num_targets=self.num_targets,
                        **dict(zip(("height", "width", "depth"), self.image_shape)))
        hot, ids = multi_hot_and_ids(labels, self.num_classes, self.num_targets)
        capsules = self.represent(images, training)
        lengths = norm(capsules)
        if self.loss is None:
            loss = MarginLoss()(hot, lengths, weights)
            losses = {"classification_loss": loss}
            # Those of regularizers; every replica adds its share.
            loss += sum(self.losses) / tf.distribute.get_strategy().num_replicas_in_sync
        else:
            loss = self.compute_loss(images, labels, lengths, weights)
            losses = {"classification_loss": loss}
        if self.decoder is not None:
            losses["reconstruction_loss"] = ReconstructionLoss(self.reconstruction_scale)(
                target_images, self.decoder(capsules, targets=ids, training=training), weights)
            loss += losses["reconstruction_loss"]
        self._measure({**losses, "loss": loss}, correct(lengths, ids))
        return loss, self.compute_metrics(images, labels, lengths, weights)

    def _measure(self, losses, are_correct):
        """Adds a batch to the metrics: its losses, and bool [batch]."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync    # Keras divides losses by it
        means = {name: loss * replicas for name, loss in losses.items()}
        means["accuracy"] = tf.reduce_mean(tf.cast(are_correct, tf.float32))
        for metric in self.metrics:
            if metric.name in means:
                metric.update_state(means[metric.name], sample_weight=tf.size(are_correct))

    def get_config(self):
        convolution, primary, *hidden = self.encoder
        return {**super().get_config(), "image_shape": self.image_shape,
                "num_classes": self.num_classes, "num_targets": self.num_targets,
                "filters": convolution.filters, "primary_types": primary.num_capsules,
                "primary_atoms": primary.atoms,
                "hidden": [keras.saving.serialize_keras_object(layer) for layer in hidden],
                "atoms": self.class_capsules.atoms,
                "routing": keras.saving.serialize_keras_object(self.class_capsules.routing),
                "padding": convolution.padding,
                "decoder": keras.saving.serialize_keras_object(self.decoder) or False,
                "reconstruction_scale": self.reconstruction_scale,
                "algorithm": convolution.algorithm}


def _layer(layer):
    """Returns a layer, also of what a saved model says of it."""
    return keras.saving.deserialize_keras_object(layer) if isinstance(layer, dict) else layer
