"""Which algorithm computes a convolution, and why."""

import contextlib

import tensorflow as tf

from capsules.convolution.spectral import Spectral
from capsules.shapes import check_sizes

ALGORITHMS = ("auto", "direct", "spectral")
LEAST_SIZE = 4000       # of a kernel that the spectral algorithm pays for


class Convolution:
    """A convolution of images of one size, by the algorithm that suits it.

    "auto" chooses the spectral algorithm on CPUs, except in float16, for large kernels between
    many channels: those whose area times the smaller of channels and filters is 4,000 or more.
    docs/performance.md says on which shapes that was checked.

    Args:
      algorithm: "direct" for TensorFlow's, "spectral" for `spectral.Spectral`, or "auto".
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
        # Made for either algorithm, as it checks the sizes.
        self._spectral = Spectral(image_size, kernel_shape[:2], strides, padding)
        self._cache: tf.Variable = None     # the transformed kernel; empty when not in use
        self._caching = False
        if algorithm == "auto" and tf.config.list_logical_devices("GPU"):
            self.algorithm, self.reason = "direct", "on a GPU"
        elif algorithm == "auto" and dtype == "float16":
            self.algorithm, self.reason = "direct", "float16"
        elif algorithm == "auto":
            height, width, channels, filters = kernel_shape
            large = height * width * min(channels, filters) >= LEAST_SIZE
            self.algorithm = "spectral" if large else "direct"
            self.reason = f"a {'large' if large else 'small'} kernel"
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
