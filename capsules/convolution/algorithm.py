"""Which algorithm computes a convolution, and why."""

import contextlib

import tensorflow as tf

from capsules.convolution import cost
from capsules.convolution.spectral import Spectral
from capsules.shapes import check_sizes

ALGORITHMS = ("auto", "direct", "spectral")


class Convolution:
    """A convolution of images of one size, by the algorithm that suits it.

    Args:
      algorithm: "direct" for TensorFlow's, "spectral" for `spectral.Spectral`, or "auto": the
        direct one on GPUs and for float16, else the one that `cost` estimates to be faster.
      image_size: (height, width).
      kernel_shape: (height, width, channels, filters).
      strides: int.
      padding: "valid" or "same".
      dtype: str, of images and outputs. The spectral algorithm computes float16 in float32, as its
        sums over whole images and all channels leave float16's range.

    Attributes:
      algorithm: "direct" or "spectral".
      reason: str, why it was chosen.

    Raises:
      ValueError: for an unknown algorithm, images smaller than an unpadded kernel, or calls with
        images of another size.
    """

    def __init__(self, algorithm, image_size, kernel_shape, strides=1, padding="valid",
                 dtype="float32"):
        if algorithm not in ALGORITHMS:
            raise ValueError(f"Expected an algorithm of {ALGORITHMS}. Received: {algorithm!r}.")
        self._strides, self._padding = strides, padding
        self._sizes = dict(zip(("height", "width", "channels"), (*image_size, kernel_shape[2])))
        self._dtype = dtype
        self._spectral_dtype = "float32" if dtype == "float16" else dtype
        shape = (tuple(image_size), tuple(kernel_shape), strides, padding)
        # Whatever the algorithm: this also checks the sizes.
        self._spectral = Spectral(image_size, kernel_shape[:2], strides, padding,
                                  cost.best_tiles(*shape))
        self._cache = None          # tf.Variable, the transformed kernel; empty when not in use
        self._caching = False
        if algorithm == "auto" and tf.config.list_logical_devices("GPU"):
            self.algorithm, self.reason = "direct", "the fast one on a GPU"
        elif algorithm == "auto" and dtype == "float16":
            self.algorithm, self.reason = "direct", "the one that computes in float16"
        elif algorithm == "auto":
            direct, spectral = cost.direct(*shape), cost.spectral(*shape)
            self.algorithm = "spectral" if spectral < direct else "direct"
            self.reason = f"estimated cost {spectral / direct:.2f} of the direct one's"
        else:
            self.algorithm, self.reason = algorithm, "asked for"

    def __call__(self, images, kernel):
        """Returns the convolution, [batch, out_height, out_width, filters]."""
        check_sizes(images.shape, **self._sizes)
        if self.algorithm == "direct":
            return tf.nn.conv2d(images, kernel, self._strides, self._padding.upper())
        if self._caching:
            # Decided again in each call of a function that was traced here.
            cached = self._cache.read_value()
            transformed = tf.cond(tf.size(cached) > 0, lambda: cached,
                                  lambda: self._transformed(kernel))
        else:
            transformed = self._transformed(kernel)
        images = tf.cast(images, self._spectral_dtype)
        return tf.cast(self._spectral.convolve_transformed(images, transformed), self._dtype)

    @contextlib.contextmanager
    def cache(self, kernel):
        """Transforms a kernel once for all calls within a `with`, in which it must not change.

        Gradients do not reach the kernel there. Afterwards calls use the kernel that they are
        given, also in functions that were traced within.
        """
        if self.algorithm == "direct":
            yield
            return
        transformed = self._transformed(tf.cast(kernel, self._dtype))
        empty = transformed[:0]
        if self._cache is None:
            self._cache = tf.Variable(empty, trainable=False, shape=[None, *empty.shape[1:]])
        self._cache.assign(transformed)
        self._caching = True
        try:
            yield
        finally:
            self._cache.assign(empty)
            self._caching = False

    def _transformed(self, kernel):
        return self._spectral.transform_kernel(tf.cast(kernel, self._spectral_dtype))
