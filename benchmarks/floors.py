"""The operations of a training step; its floor is their time at the machine's peak rate."""

import itertools
import math

from benchmarks.plain import ATOMS, CLASS_ATOMS, DECODER_UNITS, FEATURES, KERNEL
from capsules.convolution.spectral import Spectral


def operations(hparams, info, batch):
    """Returns the operations of a step by part: a dict.

    The second convolution's are the products and transforms of the spectral one.
    """
    first, second = _convolutions(hparams, info)
    rows, columns = _plan(*second).output_size
    in_caps = hparams.num_prime_capsules * rows * columns
    # One product of all inputs, or of the gradient for them, with the routing weights.
    product = 2 * batch * in_caps * ATOMS * info.num_classes * CLASS_ATOMS
    sizes = [info.num_classes * CLASS_ATOMS, *DECODER_UNITS, info.height * info.width * info.depth]
    dense = sum(before * after for before, after in itertools.pairwise(sizes))
    return {
        "first convolution": 2 * _direct(*first, batch),
        "second convolution": _spectral(*second, batch),
        # The first iteration is a plain sum with 2 gradients; a later one takes 2, and 5 back.
        "routing": product * (3 + 7 * (hparams.routing - 1)),
        "decoder": 3 * 2 * batch * info.num_targets * dense if hparams.remake else 0,
    }


def _convolutions(hparams, info):
    """Returns both convolutions as (image size, kernel shape, strides, padding)."""
    padding = hparams.padding.lower()
    first = ((info.height, info.width), (KERNEL, KERNEL, info.depth, FEATURES), 1, padding)
    between = _plan(*first).output_size
    second = (between, (KERNEL, KERNEL, FEATURES, hparams.num_prime_capsules * ATOMS), 2, padding)
    return first, second


def _plan(image_size, kernel_shape, strides, padding):
    return Spectral(image_size, kernel_shape[:2], strides, padding)


def _direct(image_size, kernel_shape, strides, padding, batch):
    """Returns the operations of a direct convolution; each gradient takes as many."""
    rows, columns = _plan(image_size, kernel_shape, strides, padding).output_size
    return 2 * batch * rows * columns * math.prod(kernel_shape)


def _spectral(image_size, kernel_shape, strides, padding, batch):
    """Returns the operations of a spectral convolution and its two gradients."""
    height, width, channels, filters = kernel_shape
    plan = _plan(image_size, kernel_shape, strides, padding)
    images, channels = batch * plan.tiles, strides**2 * channels
    products = 3 * 2 * plan.products * images * channels * filters
    outputs = batch * math.prod(plan.output_size) * filters
    taps = -(-height // strides) * -(-width // strides)     # of the kernel, in each phase
    transformed = plan.positions * images * channels + outputs + taps * channels * filters
    return products + 2 * 2 * plan.products * transformed
