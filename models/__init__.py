"""Networks: hyperparameters and a dataset's shapes -> logits, capsules, reconstructions."""

import importlib

NETWORKS = {
    "capsule": "models.capsule_model:CapsuleModel",
    "baseline": "models.conv_model:ConvModel",
}


def build(name, hparams, info, convolution="auto", precision="float32"):
    """Returns the network of a name, with fresh variables.

    Args:
      name: a key of NETWORKS.
      hparams: HParams.
      info: what the dataset says of itself: height, width, depth, num_classes, num_targets.
      convolution, precision: as for `network.Network`.
    """
    module, _, class_name = NETWORKS[name].partition(":")
    network_class = getattr(importlib.import_module(module), class_name)
    return network_class(hparams, image_shape=(info.height, info.width, info.depth),
                         num_classes=info.num_classes, num_targets=info.num_targets,
                         convolution=convolution, precision=precision, name=name)
