"""What a convolution costs on a CPU: operations and memory traffic of a training step.

Costs are in seconds on one machine; only their ratios are used. `benchmarks.convolutions`
measures them for many shapes.
"""

import functools
import itertools

from capsules.spectral import Spectral

BATCH = 128                     # the images a kernel's transform is shared by
DIRECT_RATE = 120e9             # operations a second of TensorFlow's direct convolution
PRODUCT_RATE = 150e9            # of the products of channels in the frequency domain
TRANSFORM_RATE = 110e9          # of the transforms of images
KERNEL_TRANSFORM_RATE = 70e9    # of those of kernels: their sums are short
TRAFFIC_RATE = 12e9             # bytes a second
LARGEST_KERNEL = 512e6          # bytes a transformed kernel may take where more tiles help
MOST_TILES = 4                  # each way


def direct(image_size, kernel_shape, strides, padding):
    """Returns the cost of the direct convolution and its two gradients.

    Args: as for `convolution.Convolution`.
    """
    height, width, channels, filters = kernel_shape
    plan = Spectral(image_size, kernel_shape[:2], strides, padding)
    outputs = BATCH * plan.output_size[0] * plan.output_size[1]
    return 3 * 2 * outputs * height * width * channels * filters / DIRECT_RATE


def spectral(image_size, kernel_shape, strides, padding):
    """Returns the cost of the spectral convolution and its two gradients, best tiled.

    Args: as for `convolution.Convolution`.
    """
    return _tiled(image_size, kernel_shape, strides, padding,
                  best_tiles(image_size, kernel_shape, strides, padding))


@functools.cache
def best_tiles(image_size, kernel_shape, strides, padding):
    """Returns the (rows, columns) of tiles that cost least, in the memory allowed.

    Args: as for `convolution.Convolution`.
    """
    def key(tiles):
        plan = Spectral(image_size, kernel_shape[:2], strides, padding, tiles)
        too_large = _transformed_kernel(plan, kernel_shape, strides) * 4 > LARGEST_KERNEL
        return too_large, _tiled(image_size, kernel_shape, strides, padding, tiles)

    numbers = range(1, MOST_TILES + 1)
    return min(itertools.product(numbers, numbers), key=key)


def _transformed_kernel(plan, kernel_shape, strides):
    return plan.products * strides**2 * kernel_shape[2] * kernel_shape[3]


def _tiled(image_size, kernel_shape, strides, padding, tiles):
    height, width, channels, filters = kernel_shape
    plan = Spectral(image_size, kernel_shape[:2], strides, padding, tiles)
    channels = strides**2 * channels
    images = BATCH * plan.tiles
    kernel = _transformed_kernel(plan, kernel_shape, strides)
    products = 3 * 2 * images * kernel
    inputs = plan.positions * images * channels
    outputs = BATCH * plan.output_size[0] * plan.output_size[1] * filters
    transforms = 2 * 2 * plan.products * (inputs + outputs)
    kernel_transforms = 2 * 2 * kernel * -(-height // strides) * -(-width // strides)
    spectra = plan.products * images * (channels + filters)
    traffic = 4 * 2 * (2 * inputs + outputs + 2 * spectra + kernel)
    return (products / PRODUCT_RATE + transforms / TRANSFORM_RATE
            + kernel_transforms / KERNEL_TRANSFORM_RATE + traffic / TRAFFIC_RATE)
