"""Which algorithm computes a convolution, and why."""

import tensorflow as tf

from capsules.convolution import cost
from capsules.convolution.spectral import Spectral

ALGORITHMS = ("auto", "direct", "spectral")


class Convolution:
    """A convolution of images of one size, by the algorithm that suits it.

    Args:
      algorithm: "direct" for TensorFlow's, "spectral" for `spectral.Spectral`, or "auto": on
        CPUs the one that `convolution_cost` estimates to be faster, on GPUs the direct one.
      image_size: (height, width).
      kernel_shape: (height, width, channels, filters).
      strides: int.
      padding: "valid" or "same".

    Attributes:
      algorithm: "direct" or "spectral".
      reason: str, why it was chosen.

    Raises:
      ValueError: for an unknown algorithm, or images smaller than an unpadded kernel.
    """

    def __init__(self, algorithm, image_size, kernel_shape, strides=1, padding="valid"):
        if algorithm not in ALGORITHMS:
            raise ValueError(f"Expected an algorithm of {ALGORITHMS}. Received: {algorithm!r}.")
        self._strides, self._padding = strides, padding
        self._frozen = None
        shape = (tuple(image_size), tuple(kernel_shape), strides, padding)
        if algorithm == "auto" and tf.config.list_logical_devices("GPU"):
            self.algorithm, self.reason = "direct", "the fast one on a GPU"
        elif algorithm == "auto":
            direct, spectral = cost.direct(*shape), cost.spectral(*shape)
            self.algorithm = "spectral" if spectral < direct else "direct"
            self.reason = f"estimated cost {spectral / direct:.2f} of the direct one's"
        else:
            self.algorithm, self.reason = algorithm, "asked for"
        self._spectral = None
        if self.algorithm == "spectral":
            self._spectral = Spectral(image_size, kernel_shape[:2], strides, padding,
                                      cost.best_tiles(*shape))

    def __call__(self, images, kernel):
        """Returns the convolution, [batch, out_height, out_width, filters]."""
        if self._spectral is None:
            return tf.nn.conv2d(images, kernel, self._strides, self._padding.upper())
        if self._frozen is not None:
            return self._spectral.convolve_transformed(images, self._frozen)
        return self._spectral.convolve(images, kernel)

    def freeze(self, kernel):
        """Transforms a kernel once for all calls from now on; a later one takes its place."""
        if self._spectral is None:
            return
        transformed = self._spectral.transform_kernel(kernel)
        if self._frozen is None:
            self._frozen = tf.Variable(transformed, trainable=False)
        else:
            self._frozen.assign(transformed)
