"""Capsule networks with dynamic routing (Sabour, Frosst, Hinton 2017): layers and maths.

    from capsules import PrimaryCapsules, ClassCapsules, Decoder
"""

from capsules.class_capsules import ClassCapsules
from capsules.decoder import Decoder
from capsules.losses import margin_loss, reconstruction_loss, sigmoid_loss, softmax_loss
from capsules.metrics import almost_correct, correct, predicted
from capsules.ops import leaky_softmax, norm, squash
from capsules.primary_capsules import PrimaryCapsules
from capsules.routing import dynamic_routing
from capsules.routing_products import route
from capsules.spectral_conv2d import SpectralConv2D

__all__ = [
    "ClassCapsules", "Decoder", "PrimaryCapsules", "SpectralConv2D",
    "almost_correct", "correct", "dynamic_routing", "leaky_softmax", "margin_loss", "norm",
    "predicted", "reconstruction_loss", "route", "sigmoid_loss", "softmax_loss", "squash",
]
