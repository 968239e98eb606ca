"""What a convolution costs on a CPU: operations and memory traffic of a training step.

Costs are in seconds on one machine; only their ratios are used. `benchmarks.convolutions`
measures them for many shapes.
"""

import functools
import itertools
from typing import NamedTuple

from capsules.convolution.spectral import Spectral, outputs_and_padding

BATCH = 128                     # the images a kernel's transform is shared by
DIRECT_RATE = 145e9             # operations a second of TensorFlow's direct convolution
PRODUCT_RATE = 150e9            # of the products of channels in the frequency domain
TRANSFORM_RATE = 110e9          # of the transforms of images
KERNEL_TRANSFORM_RATE = 70e9    # of those of kernels: their sums are short
TRAFFIC_RATE = 6e9              # bytes a second
LARGEST_KERNEL = 512e6          # bytes a transformed kernel may take where more tiles help
MOST_TILES = 4                  # each way


class Terms(NamedTuple):
    """What a spectral convolution and its two gradients are made of."""

    products: float             # operations of the products of channels
    transforms: float           # operations of the transforms of images
    kernel_transforms: float    # operations of those of kernels
    traffic: float              # bytes read and written


RATES = Terms(PRODUCT_RATE, TRANSFORM_RATE, KERNEL_TRANSFORM_RATE, TRAFFIC_RATE)


def direct(image_size, kernel_shape, strides, padding, batch=BATCH):
    """Returns the cost of the direct convolution and its two gradients.

    Args:
      image_size, kernel_shape, strides, padding: as for `convolution.Convolution`.
      batch: number of images.
    """
    return 3 * direct_operations(image_size, kernel_shape, strides, padding, batch) / DIRECT_RATE


def direct_operations(image_size, kernel_shape, strides, padding, batch=BATCH):
    """Returns the operations of the direct convolution; each gradient takes as many.

    Args: as for `direct`.
    """
    rows, columns = (_taps(size, kernel, strides, padding)
                     for size, kernel in zip(image_size, kernel_shape))
    return 2 * batch * rows * columns * kernel_shape[2] * kernel_shape[3]


def _taps(size, kernel, strides, padding):
    """Returns how often, along an axis, a kernel's element meets a pixel that is no padding."""
    outputs, before = outputs_and_padding(size, kernel, strides, padding)
    starts = range(-before, outputs * strides - before, strides)
    return sum(min(start + kernel, size) - max(start, 0) for start in starts)


def spectral(image_size, kernel_shape, strides, padding, batch=BATCH):
    """Returns the cost of the spectral convolution and its two gradients, best tiled.

    Args: as for `direct`.
    """
    shape = (image_size, kernel_shape, strides, padding)
    return _tiled(*shape, best_tiles(*shape, batch), batch)


@functools.cache
def best_tiles(image_size, kernel_shape, strides, padding, batch=BATCH):
    """Returns the (rows, columns) of tiles that cost least, in the memory allowed.

    Args: as for `direct`.
    """
    def key(tiles):
        plan = Spectral(image_size, kernel_shape[:2], strides, padding, tiles)
        too_large = _transformed_kernel(plan, kernel_shape, strides) * 4 > LARGEST_KERNEL
        return too_large, _tiled(image_size, kernel_shape, strides, padding, tiles, batch)

    numbers = range(1, MOST_TILES + 1)
    return min(itertools.product(numbers, numbers), key=key)


def spectral_terms(image_size, kernel_shape, strides, padding, tiles, batch=BATCH):
    """Returns the Terms of the spectral convolution and its two gradients.

    Args:
      image_size, kernel_shape, strides, padding, batch: as for `direct`.
      tiles: (rows, columns), number of tiles each way.
    """
    height, width, channels, filters = kernel_shape
    plan = Spectral(image_size, kernel_shape[:2], strides, padding, tiles)
    channels = strides**2 * channels
    images = batch * plan.tiles
    kernel = _transformed_kernel(plan, kernel_shape, strides)
    inputs = plan.positions * images * channels
    outputs = batch * plan.output_size[0] * plan.output_size[1] * filters
    spectra = plan.products * images * (channels + filters)
    cuts = inputs if plan.tiles > 1 else 0
    return Terms(
        products=3 * 2 * images * kernel,
        transforms=2 * 2 * plan.products * (inputs + outputs),
        kernel_transforms=2 * 2 * kernel * -(-height // strides) * -(-width // strides),
        traffic=4 * 2 * (2 * inputs + 2 * cuts + outputs + 2 * spectra + kernel))


def _transformed_kernel(plan, kernel_shape, strides):
    return plan.products * strides**2 * kernel_shape[2] * kernel_shape[3]


def _tiled(image_size, kernel_shape, strides, padding, tiles, batch):
    terms = spectral_terms(image_size, kernel_shape, strides, padding, tiles, batch)
    return sum(amount / rate for amount, rate in zip(terms, RATES))
