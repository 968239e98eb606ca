"""Convolutions with large kernels, by products of spectra.

The paper's second convolution, 9x9 with stride 2 from 256 channels to 256, is nearly all of a
capsule network's arithmetic. In the frequency domain it takes a fifth of the multiplications:

1. Stride s splits rows and columns into s phases each: pixel s*p + r is position p of phase r.
   The phases become channels, the kernel's as well, and the stride becomes 1.
2. For a tile of n positions (each way) and a kernel of k, the discrete Fourier transform turns
   the circular correlation

       y[p] = sum_m x[p + m mod n] w[m]     into     Y = X conj(W),

   one product for each frequency. The first n - k + 1 outputs do not wrap around: they are the
   convolution's. Tiles that overlap by k - 1 make up larger images.
3. The spectrum of real numbers is symmetric, so half of it is enough: a few frequencies are
   real, the rest come in pairs. With X = a + ib and conj(W) = c + id, Gauss' trick needs 3 real
   products in place of 4:

       (a + b) c,  a (d - c),  b (c + d);    Re Y = first - third,  Im Y = first + second.

So the convolution is bilinear, y = C [(A x) * (B w)] with constant matrices A, B and C whose F
rows are those real products. Between channels each of the F products is a matrix product: one
batched matmul, [F, batch, channels] x [F, filters, channels]'. For 6x6 outputs of a 5x5 kernel
(9x9 with stride 2) n = 10 and F = 148, where the direct sum has 36 * 25 = 900 terms.
"""

import dataclasses
import functools
import math

import numpy as np
import tensorflow as tf

LARGEST_TILE = 11       # outputs each way; larger tiles take larger transformed kernels


@dataclasses.dataclass(frozen=True)
class Axis:
    """How rows, or columns, are cut into tiles; in positions of a phase, not in pixels.

    Attributes:
      strides: the convolution's step; number of phases.
      kernel: the kernel's size in positions.
      outputs: number of outputs of the convolution.
      tile: number of outputs of a tile.
      before: zeros in front of the image, in pixels.
    """

    strides: int
    kernel: int
    outputs: int
    tile: int
    before: int

    @property
    def tiles(self):
        """Number of tiles."""
        return -(-self.outputs // self.tile)

    @property
    def size(self):
        """Positions of a tile's inputs: the length of the Fourier transform."""
        return self.tile + self.kernel - 1

    @property
    def positions(self):
        """Positions of all tiles' inputs together."""
        return (self.tiles - 1) * self.tile + self.size


class Spectral:
    """The plan of a convolution for one size of images.

    Args:
      image_size: (height, width) in pixels.
      kernel_size: (height, width) of the kernel.
      strides: int, step of the convolution.
      padding: "valid" or "same".
      largest_tile: int, most outputs of a tile, each way. Smaller tiles need a smaller
        transformed kernel, and more products.

    Attributes:
      output_size: (height, width) of the output.
      tiles: number of tiles of an image.
      positions: number of positions of a tile's inputs.
      products: number F of real products for a tile, of each pair of channels.

    Raises:
      ValueError: for images smaller than an unpadded kernel.
    """

    def __init__(self, image_size, kernel_size, strides=1, padding="valid",
                 largest_tile=LARGEST_TILE):
        self._kernel_size = tuple(kernel_size)
        self._rows, self._columns = (
            _axis(size, kernel, strides, padding, largest_tile)
            for size, kernel in zip(image_size, kernel_size))
        self.output_size = (self._rows.outputs, self._columns.outputs)
        self.tiles = self._rows.tiles * self._columns.tiles
        self.positions = self._rows.size * self._columns.size
        real = math.prod(1 if axis.size % 2 else 2 for axis in (self._rows, self._columns))
        self.products = real + 3 * (self.positions - real) // 2

    @functools.cached_property
    def _matrices(self):
        """The constant matrices A, B and C."""
        return _matrices(self._rows, self._columns)

    def transform_kernel(self, kernel):
        """Returns the kernel's products with B, for `convolve_transformed`.

        Args:
          kernel: [kernel_height, kernel_width, channels, filters].

        Returns:
          [products, filters, strides^2 * channels].
        """
        rows, columns = self._rows, self._columns
        _, _, channels, filters = kernel.shape
        strides = rows.strides
        fill = [axis.kernel * strides - size
                for axis, size in zip((rows, columns), self._kernel_size)]
        kernel = tf.pad(kernel, [[0, fill[0]], [0, fill[1]], [0, 0], [0, 0]])
        phases = tf.reshape(
            kernel, [rows.kernel, strides, columns.kernel, strides, channels, filters])
        # Filters before channels: matrix products, and those of both gradients, are faster so.
        phases = tf.transpose(phases, [0, 2, 5, 1, 3, 4])
        phases = tf.reshape(phases, [rows.kernel * columns.kernel, -1])
        products = tf.matmul(tf.constant(self._matrices[1], kernel.dtype), phases)
        return tf.reshape(products, [self.products, filters, strides**2 * channels])

    def convolve_transformed(self, images, transformed_kernel):
        """Returns the convolution with a kernel that `transform_kernel` returned.

        Args:
          images: [batch, height, width, channels].
          transformed_kernel: [products, filters, strides^2 * channels].

        Returns:
          [batch, *output_size, filters].
        """
        tiles = self._tiles_of(images)              # [positions, tiles * batch, channels]
        _, filters, channels = transformed_kernel.shape
        products = tf.matmul(tf.constant(self._matrices[0], images.dtype),
                             tf.reshape(tiles, [tiles.shape[0], -1]))
        products = tf.reshape(products, [self.products, -1, channels])
        products = tf.matmul(products, transformed_kernel, transpose_b=True)
        outputs = tf.matmul(tf.constant(self._matrices[2], images.dtype),
                            tf.reshape(products, [self.products, -1]))
        return self._images_of(tf.reshape(outputs, [outputs.shape[0], -1, filters]))

    def _tiles_of(self, images):
        """Cuts images into tiles of phases: [positions, tiles * batch, strides^2 * channels]."""
        rows, columns = self._rows, self._columns
        strides, channels = rows.strides, images.shape[3]
        images = _fit(_fit(images, 1, rows), 2, columns)
        phases = tf.reshape(
            images, [-1, rows.positions, strides, columns.positions, strides, channels])
        phases = tf.transpose(phases, [1, 3, 0, 2, 4, 5])
        phases = tf.reshape(
            phases, [rows.positions, columns.positions, -1, strides**2 * channels])
        phases = _overlapping(_overlapping(phases, 0, rows, 2), 1, columns, 3)
        return tf.reshape(phases, [self.positions, -1, strides**2 * channels])

    def _images_of(self, outputs):
        """Puts tiles of outputs, [positions, tiles * batch, filters], together to images."""
        rows, columns = self._rows, self._columns
        filters = outputs.shape[2]
        tiled = tf.reshape(outputs, [rows.tile, columns.tile, rows.tiles, columns.tiles,
                                     -1, filters])
        tiled = tf.transpose(tiled, [4, 2, 0, 3, 1, 5])
        images = tf.reshape(tiled, [-1, rows.tiles * rows.tile, columns.tiles * columns.tile,
                                    filters])
        return _first(_first(images, 1, rows.outputs), 2, columns.outputs)


def count_outputs(size, kernel, strides, padding):
    """Returns the number of a convolution's outputs along an axis of `size` pixels.

    Raises:
      ValueError: for an image smaller than an unpadded kernel.
    """
    smallest = 1 if padding == "same" else kernel
    if size < smallest:
        raise ValueError(f"Expected images of {smallest} pixels or more. Received: {size}.")
    return (size - smallest) // strides + 1


def _axis(size, kernel, strides, padding, largest_tile):
    outputs = count_outputs(size, kernel, strides, padding)
    missing = max((outputs - 1) * strides + kernel - size, 0)
    before = missing // 2 if padding == "same" else 0
    tiles = -(-outputs // largest_tile)
    return Axis(strides, -(-kernel // strides), outputs, -(-outputs // tiles), before)


def _fit(images, dimension, axis):
    """Pads or crops a dimension of images to all the tiles' positions."""
    size = axis.positions * axis.strides
    after = size - axis.before - images.shape[dimension]
    if axis.before or after > 0:
        paddings = [[0, 0]] * 4
        paddings[dimension] = [axis.before, max(after, 0)]
        images = tf.pad(images, paddings)
    return _first(images, dimension, size)


def _overlapping(phases, dimension, axis, new_dimension):
    """Cuts a dimension of positions into tiles, which become a new dimension."""
    starts = range(0, axis.tiles * axis.tile, axis.tile)
    if axis.tiles == 1:
        return tf.expand_dims(phases, new_dimension)
    slices = [(slice(None),) * dimension + (slice(start, start + axis.size),)
              for start in starts]
    return tf.stack([phases[one] for one in slices], axis=new_dimension)


def _first(images, dimension, size):
    """Returns the first size rows or columns; all of them without a copy, nor one of gradients."""
    if images.shape[dimension] == size:
        return images
    return images[:, :size] if dimension == 1 else images[:, :, :size]


def _matrices(rows, columns):
    """Returns A [F, positions], B [F, kernel positions], C [outputs, F] of a tile, float64."""
    height, width = rows.size, columns.size
    a, b, c = [], [], []
    for u in range(height):
        for v in range(width):
            conjugate = (-u % height, -v % width)
            if conjugate < (u, v):
                continue                    # known from its conjugate
            def waves(down, across, u=u, v=v):
                angle = 2 * math.pi * (u * np.arange(down)[:, np.newaxis] / height
                                       + v * np.arange(across) / width)
                return np.cos(angle).ravel(), np.sin(angle).ravel()

            cos, sin = waves(height, width)
            cos_kernel, sin_kernel = waves(rows.kernel, columns.kernel)
            cos_out, sin_out = waves(rows.tile, columns.tile)
            scale = 1 / (height * width)
            if conjugate == (u, v):
                a.append(cos)
                b.append(cos_kernel)
                c.append(scale * cos_out)
                continue
            # X = cos - i sin, conj(W) = cos + i sin; a pair of frequencies counts twice.
            a += [cos - sin, cos, -sin]
            b += [cos_kernel, sin_kernel - cos_kernel, cos_kernel + sin_kernel]
            c += [2 * scale * (cos_out - sin_out), -2 * scale * sin_out, -2 * scale * cos_out]
    return np.array(a), np.array(b), np.array(c).T
