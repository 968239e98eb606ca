"""Capsule networks with dynamic routing (Sabour, Frosst, Hinton 2017): layers and maths.

    from capsules import PrimaryCapsules, ClassCapsules, Decoder
"""

from capsules.layers.class_capsules import ClassCapsules
from capsules.layers.conv_capsules import ConvCapsules
from capsules.layers.decoder import Decoder
from capsules.layers.length import Length
from capsules.layers.primary_capsules import PrimaryCapsules
from capsules.layers.spectral_conv2d import SpectralConv2D
from capsules.losses import margin_loss, reconstruction_loss, sigmoid_loss, softmax_loss
from capsules.metrics import almost_correct, correct, predicted
from capsules.ops import exponential_squash, leaky_softmax, max_min, norm, squash
from capsules.routing.dynamic import DynamicRouting
from capsules.routing.max_min import MaxMinRouting
from capsules.routing.routing import Routing, RoutingSteps
from capsules.routing.self_attention import SelfAttentionRouting

__all__ = [
    "ClassCapsules", "ConvCapsules", "Decoder", "DynamicRouting", "Length", "MaxMinRouting",
    "PrimaryCapsules", "Routing", "RoutingSteps", "SelfAttentionRouting", "SpectralConv2D",
    "almost_correct", "correct", "exponential_squash", "leaky_softmax", "margin_loss", "max_min",
    "norm", "predicted", "reconstruction_loss", "sigmoid_loss", "softmax_loss", "squash",
]
