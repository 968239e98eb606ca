"""The contestants of the benchmark, and a step of their work."""

import contextlib
import dataclasses
import itertools
import os
import shutil
import tempfile

import keras
import tensorflow as tf

import capsules
import input_data
import models
from benchmarks import plain
from benchmarks.networks import HPARAMS, INFOS
from benchmarks.plain import ATOMS, CLASS_ATOMS
from capsules.routing.routing import make_votes
from input_data.mnist import mnist_input, mnist_shift
from input_data.pipeline import training_batches
from training.optimizer import make_optimizer
from training.step import loss_and_metrics, make_train_step, summed_metrics

PRODUCT_SIZE = 4096
IN_CAPS, CLASSES = 1152, 10         # of the MNIST network
PAIRS_SHIFT, PAIRS_PAD = 4, 4       # of MultiMNIST in the paper
PLAIN_PAIRS = 2000                  # in a step of the plain generator
PAIRS_EACH = 20                     # for each digit, in a step of the project's generator


@dataclasses.dataclass(frozen=True)
class Contestant:
    """One side of a comparison."""

    implementation: str             # "ours", "plain", or "product": a product of matrices
    network: str = "mnist"          # a key of networks.INFOS
    batch_size: int = 128
    precision: str = "float32"      # of ours, and of a product
    routing: str = "auto"           # implementation of ours; "einsum" to route votes alone
    real_batches: bool = False      # train on the sample of MNIST, instead of one random batch


def make_step(contestant, work):
    """Prepares a Contestant for "train", "evaluate", "route", "records" or "multiply".

    Returns:
      A function that does one step and waits for it; the images, records or operations of a step.
    """
    if work == "multiply":
        return _multiplication(contestant.precision)
    if work == "records":
        return _records(contestant.implementation)
    keras.utils.set_random_seed(0)
    make = {"train": _training, "evaluate": _evaluation, "route": _routing}[work]
    return make(contestant), contestant.batch_size


def random_batch(info, batch_size):
    """Returns a batch of noise with distinct targets."""
    random = tf.random.Generator.from_seed(0)
    size = [info.height, info.width, info.depth]
    order = tf.argsort(random.uniform([batch_size, info.num_classes]))
    return {"images": random.uniform([batch_size, *size]),
            "targets": order[:, :info.num_targets],
            "target_images": random.uniform([batch_size, info.num_targets, *size])}


def make_network(contestant):
    """Returns a contestant's network with fresh variables."""
    hparams, info = HPARAMS[contestant.network], INFOS[contestant.network]
    if contestant.implementation == "plain":
        return plain.PlainNetwork(hparams, info)
    return models.build("capsule", hparams, info, precision=contestant.precision,
                        routing=contestant.routing)


def _training(contestant):
    network = make_network(contestant)
    if contestant.real_batches:
        data = input_data.load(contestant.network, None, "train")
        batches = iter(training_batches(data, contestant.batch_size, seed=0))
    else:
        batches = itertools.repeat(
            random_batch(INFOS[contestant.network], contestant.batch_size))
    if contestant.implementation == "plain":
        train = plain.make_step(network)
        return lambda: _wait(train(next(batches)))
    train = make_train_step(network, make_optimizer(network))
    global_batch = tf.constant(contestant.batch_size, tf.float32)
    return lambda: _wait(train(next(batches), global_batch))


def _evaluation(contestant):
    network = make_network(contestant)
    batch = random_batch(INFOS[contestant.network], contestant.batch_size)
    ours = contestant.implementation == "ours"

    @tf.function
    def evaluate(batch):
        return summed_metrics(
            loss_and_metrics(network.hparams, batch, network(batch)))

    def steps():
        # The evaluator also transforms the kernels once a checkpoint.
        with network.cache_kernels() if ours else contextlib.nullcontext():
            while True:
                yield _wait(evaluate(batch))

    return steps().__next__


def _routing(contestant):
    """Returns a step of routing alone, of the MNIST network's size, with all gradients."""
    inputs = tf.random.normal([contestant.batch_size, IN_CAPS, ATOMS], stddev=0.1)
    weights = tf.random.normal([IN_CAPS, ATOMS, CLASSES, CLASS_ATOMS], stddev=0.1)
    biases = tf.fill([CLASSES, CLASS_ATOMS], 0.1)

    def einsum(inputs, weights, biases):
        return capsules.DynamicRouting()(make_votes(inputs, weights), biases)

    route = einsum
    if contestant.routing != "einsum":
        route = capsules.DynamicRouting(implementation=contestant.routing).route

    @tf.function
    def step(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            lengths = capsules.norm(route(*tensors))
        return [tf.reshape(gradient, [-1])[0] for gradient in tape.gradient(lengths, tensors)]

    return lambda: _wait(step(inputs, weights, biases))


def _wait(outcome):
    """Reads a step's results, which waits for a GPU."""
    for value in outcome:
        float(value)


def _multiplication(precision):
    matrix = tf.cast(tf.random.normal([PRODUCT_SIZE, PRODUCT_SIZE]), precision)

    @tf.function
    def multiply(matrix):
        return tf.matmul(matrix, matrix)[0, 0]

    return lambda: float(multiply(matrix)), 2 * PRODUCT_SIZE**3


def _records(implementation):
    images, labels = mnist_input.read_idx_split(mnist_input.SAMPLE, "test")

    def write_plainly():
        with tempfile.TemporaryDirectory() as folder:
            plain.write_pairs(os.path.join(folder, "pairs.tfrecords"), images, labels,
                              PLAIN_PAIRS, PAIRS_SHIFT, PAIRS_PAD)

    def generate():
        with tempfile.TemporaryDirectory() as folder:
            for name in os.listdir(mnist_input.SAMPLE):
                shutil.copy(os.path.join(mnist_input.SAMPLE, name), folder)
            mnist_shift.generate_pairs(folder, "test", PAIRS_SHIFT, PAIRS_EACH, PAIRS_PAD)

    if implementation == "plain":
        return write_plainly, PLAIN_PAIRS
    return generate, len(images) * PAIRS_EACH
