"""Networks: hyperparameters and a dataset's shapes -> logits, capsules, reconstructions."""

import importlib

from models.hparams import HParams

NETWORKS = {
    "capsule": "models.capsule_model:CapsuleModel",
    "baseline": "models.conv_model:ConvModel",
    "mlp": "models.simple_models:MultilayerPerceptron",
    "cnn": "models.simple_models:SimpleConvModel",
}


def network_class(name):
    """Returns the class of a network's name, a key of NETWORKS."""
    module, _, class_name = NETWORKS[name].partition(":")
    return getattr(importlib.import_module(module), class_name)


def default_hparams(name):
    """Returns the HParams that a network has without a word on them."""
    return HParams(**network_class(name).defaults)


def build(name, hparams, info, convolution="auto", precision="float32"):
    """Returns the network of a name, with fresh variables.

    Args:
      name: a key of NETWORKS.
      hparams: HParams.
      info: what the dataset says of itself: height, width, depth, num_classes, num_targets.
      convolution, precision: as for `network.Network`.
    """
    return network_class(name)(
        hparams, image_shape=(info.height, info.width, info.depth),
        num_classes=info.num_classes, num_targets=info.num_targets,
        convolution=convolution, precision=precision, name=name)
