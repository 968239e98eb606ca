"""Networks: hyperparameters and a dataset's shapes -> logits, capsules, reconstructions."""

import importlib
import os

from models.hparams import HParams, HParamsError

NETWORKS = {
    "capsule": "models.capsule_model:CapsuleModel",
    "baseline": "models.conv_model:ConvModel",
    "deep": "models.deep_model:DeepModel",
    "efficient": "models.efficient_model:EfficientModel",
    "mlp": "models.simple_models:MultilayerPerceptron",
    "cnn": "models.simple_models:SimpleConvModel",
}

BYTES = 4 * 4       # of a parameter in training: value, gradient and two moments, float32


def network_class(name):
    """Returns the class of a network's name, a key of NETWORKS."""
    module, _, class_name = NETWORKS[name].partition(":")
    return getattr(importlib.import_module(module), class_name)


def default_hparams(name):
    """Returns the HParams that a network has by default."""
    return HParams(**network_class(name).defaults)


def count_params(name, hparams, info):
    """Returns the number of a network's parameters, without making them."""
    import tensorflow as tf

    with tf.Graph().as_default():       # where initial values are not computed
        return build(name, hparams, info).count_params()


def check_size(name, hparams, info):
    """Raises HParamsError if a network is too large to train in this machine's memory."""
    count = count_params(name, hparams, info)
    needed = BYTES * count / 1e9
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    if needed > memory:
        raise HParamsError(
            f"The network {name} would have {count:,} parameters: {needed:,.0f} GB with gradients "
            f"and Adam's moments, and this machine has {memory:,.0f} GB.")


def build(name, hparams, info, convolution="auto", precision="float32", routing="auto"):
    """Returns the network of a name, with fresh variables.

    Args:
      name: a key of NETWORKS.
      hparams: HParams.
      info: what the dataset says of itself: height, width, depth, num_classes, num_targets.
      convolution: "auto", "direct" or "spectral".
      precision: "float32" or "bfloat16".
      routing: "auto", "fused" or "products", its implementation.
    """
    return network_class(name)(
        hparams, image_shape=(info.height, info.width, info.depth),
        num_classes=info.num_classes, num_targets=info.num_targets,
        convolution=convolution, precision=precision, routing=routing, name=name)
