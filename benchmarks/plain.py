"""A straightforward capsule network and generator of MultiMNIST, to compare the project with.

The network has the variables and the mathematics of `models.capsule_model`, with direct
convolutions, explicit votes, a loop over routing iterations and automatic differentiation. The
records are written by a loop over pairs.
"""

import itertools

import numpy as np
import tensorflow as tf

from models.inferred import Inferred
from training.step import loss_and_metrics, summed_metrics

ATOMS, CLASS_ATOMS = 8, 16
FEATURES, KERNEL = 256, 9
DECODER_UNITS = (512, 1024)


class PlainNetwork:
    """A capsule network that takes a batch and returns `Inferred`.

    Attributes:
      hparams: HParams.
      variables: list of tf.Variable, in the order of the layers, kernels before biases.
    """

    def __init__(self, hparams, info):
        self.hparams = hparams
        self._info = info
        types = hparams.num_prime_capsules
        positions = _positions(info.height, hparams) * _positions(info.width, hparams)
        classes = info.num_classes
        self._features = [_normal([KERNEL, KERNEL, info.depth, FEATURES], 0.05),
                          _bias([FEATURES])]
        self._primary = [_normal([KERNEL, KERNEL, FEATURES, types * ATOMS], 0.1),
                         _bias([types, ATOMS])]
        self._class = [_normal([types * positions, ATOMS, classes * CLASS_ATOMS], 0.1),
                       _bias([classes, CLASS_ATOMS])]
        self._decoder = []
        if hparams.remake:
            sizes = [classes * CLASS_ATOMS, *DECODER_UNITS, info.height * info.width * info.depth]
            self._decoder = [(_normal(pair, 0.1), _bias(pair[1:]))
                             for pair in itertools.pairwise(sizes)]
        self.variables = [*self._features, *self._primary, *self._class]
        self.variables += [variable for layer in self._decoder for variable in layer]

    def __call__(self, batch):
        kernel, bias = self._features
        features = tf.nn.relu(
            tf.nn.conv2d(batch["images"], kernel, 1, self.hparams.padding) + bias)
        capsules = self._route(self._primary_capsules(features))
        reconstructions = None
        if self._decoder:
            reconstructions = self._reconstructions(capsules, batch["targets"])
        return Inferred(tf.norm(capsules, axis=-1), capsules, reconstructions)

    def _primary_capsules(self, features):
        """Returns [batch, in_caps, ATOMS]: types outermost, then rows, then columns."""
        kernel, bias = self._primary
        types = self.hparams.num_prime_capsules
        found = tf.nn.conv2d(features, kernel, 2, self.hparams.padding)
        rows, columns = found.shape[1:3]
        found = tf.reshape(found, [-1, rows, columns, types, ATOMS])
        capsules = _squash(found / (types + self.hparams.leaky) + bias)
        capsules = tf.transpose(capsules, [0, 3, 1, 2, 4])
        return tf.reshape(capsules, [-1, types * rows * columns, ATOMS])

    def _route(self, inputs):
        """Returns the class capsules, [batch, classes, CLASS_ATOMS]."""
        weights, biases = self._class
        in_caps, _, width = weights.shape
        classes = self._info.num_classes
        tiled = tf.tile(inputs[..., tf.newaxis], [1, 1, 1, width])
        votes = tf.reduce_sum(tiled * weights, axis=2)
        votes = tf.reshape(votes, [-1, in_caps, classes, CLASS_ATOMS])
        logits = tf.zeros_like(votes[..., 0])
        for _ in range(self.hparams.routing):
            if self.hparams.leaky:
                leak = tf.zeros_like(logits[..., :1])
                couplings = tf.nn.softmax(tf.concat([leak, logits], axis=-1))[..., 1:]
            else:
                couplings = tf.nn.softmax(logits)
            sums = tf.reduce_sum(couplings[..., tf.newaxis] * votes, axis=1) + biases
            capsules = _squash(sums)
            repeated = tf.tile(capsules[:, tf.newaxis], [1, in_caps, 1, 1])
            logits += tf.reduce_sum(votes * repeated, axis=-1)
        return capsules

    def _reconstructions(self, capsules, targets):
        """Returns [batch, targets, height, width, depth], from each target's capsule alone."""
        info = self._info
        mask = tf.one_hot(targets, info.num_classes)[..., tf.newaxis]
        pixels = tf.reshape(capsules[:, tf.newaxis] * mask,
                            [-1, info.num_classes * CLASS_ATOMS])
        for (weights, bias), activation in zip(
                self._decoder, (tf.nn.relu, tf.nn.relu, tf.nn.sigmoid)):
            pixels = activation(pixels @ weights + bias)
        images = tf.reshape(
            pixels, [-1, info.num_targets, info.depth, info.height, info.width])
        return tf.transpose(images, [0, 1, 3, 4, 2])


def make_step(network):
    """Returns a function that trains a PlainNetwork on a batch, and returns summed StepMetrics.

    It is Adam by TensorFlow's own fused update, with a decaying learning rate.
    """
    hparams, variables = network.hparams, network.variables
    means, squares = ([tf.Variable(tf.zeros_like(variable)) for variable in variables]
                      for _ in range(2))
    steps = tf.Variable(0.0)

    @tf.function
    def step(batch):
        with tf.GradientTape() as tape:
            metrics = loss_and_metrics(hparams, batch, network(batch))
            loss = tf.reduce_mean(metrics.total_loss)
        decay = hparams.decay_rate ** (steps / hparams.decay_steps)
        rate = tf.maximum(1e-6, hparams.learning_rate * decay)
        steps.assign_add(1)
        for variable, mean, square, gradient in zip(
                variables, means, squares, tape.gradient(loss, variables)):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle, m=mean.handle, v=square.handle, grad=gradient, lr=rate,
                beta1=0.9, beta2=0.999, epsilon=1e-8, beta1_power=0.9**steps,
                beta2_power=0.999**steps)
        return summed_metrics(metrics)

    return step


def write_pairs(path, images, labels, count, shift, pad, seed=0):
    """Writes MultiMNIST records: random pairs of digits of different classes.

    Args:
      path: str, the file to write.
      images: uint8 [n, height, width, 1].
      labels: int [n].
      count: int, number of pairs.
      shift: int, largest shift each way, in pixels.
      pad: int, pixels of ground added on each side before shifting.
      seed: int.
    """
    random = np.random.default_rng(seed)
    with tf.io.TFRecordWriter(path) as writer:
        for _ in range(count):
            first, second = random.integers(len(images), size=2)
            while labels[first] == labels[second]:
                second = random.integers(len(images))
            pair = [_moved(np.pad(images[number, ..., 0], pad),
                           *random.integers(-shift, shift + 1, size=2), shift)
                    for number in (first, second)]
            merged = np.minimum(np.add(*pair, dtype=np.int32), 255).astype(np.uint8)
            height, width = merged.shape
            example = tf.train.Example(features=tf.train.Features(feature={
                "height": _integer(height), "width": _integer(width), "depth": _integer(1),
                "label_1": _integer(labels[first]), "label_2": _integer(labels[second]),
                "image_raw_1": _bytes(pair[0]), "image_raw_2": _bytes(pair[1]),
                "merged_raw": _bytes(merged)}))
            writer.write(example.SerializeToString())


def _positions(size, hparams):
    """Returns how many rows, or columns, of primary capsules an image has."""
    if hparams.padding == "SAME":
        return -(-size // 2)
    return -(-(size - 2 * (KERNEL - 1)) // 2)


def _squash(vectors):
    length = tf.norm(vectors, axis=-1, keepdims=True)
    return vectors / length * (length**2 / (1 + length**2))


def _normal(shape, deviation):
    return tf.Variable(tf.random.truncated_normal(shape, stddev=deviation))


def _bias(shape):
    return tf.Variable(tf.fill(shape, 0.1))


def _moved(image, rows, columns, reach):
    """Returns an image moved down and right, cut at its edges."""
    wide = np.roll(np.pad(image, reach), (rows, columns), axis=(0, 1))
    height, width = image.shape
    return wide[reach:reach + height, reach:reach + width]


def _integer(value):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))


def _bytes(array):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[array.tobytes()]))
