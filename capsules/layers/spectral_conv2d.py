"""A convolutional layer for large kernels."""

import keras
import tensorflow as tf

from capsules.convolution.algorithm import Convolution
from capsules.shapes import check_sizes


@keras.saving.register_keras_serializable(package="capsules")
class SpectralConv2D(keras.layers.Conv2D):
    """keras.layers.Conv2D, computed by products of spectra (see `capsules.convolution.spectral`).

    The same weights and, but for rounding, the same results. It pays off for kernels of about
    5x5 and more between many channels, on CPUs.

    Input: float [batch, height, width, channels] of known height, width and channels.
    Output: float [batch, out_height, out_width, filters].

    >>> layer = SpectralConv2D(256, 9, strides=2)
    >>> layer(tf.zeros([2, 20, 20, 256])).shape
    TensorShape([2, 6, 6, 256])

    Args:
      filters: number of output channels.
      kernel_size: int, or (height, width).
      strides: int, the same for rows and columns.
      algorithm: "spectral", "direct" or "auto" (see `convolution.algorithm`).
      **kwargs: other arguments of keras.layers.Conv2D, except dilation_rate and groups.

    Raises:
      ValueError: for unequal strides, dilation, groups or channels first; for images of another
        shape, or smaller than an unpadded kernel.
    """

    def __init__(self, filters: int, kernel_size: int | tuple[int, int], strides: int = 1,
                 algorithm: str = "spectral", **kwargs):
        super().__init__(filters, kernel_size, strides=strides, **kwargs)
        if len(set(self.strides)) > 1:
            raise ValueError(f"Expected equal strides. Received: strides={self.strides}.")
        if set(self.dilation_rate) != {1} or self.groups != 1:
            raise ValueError("Expected neither dilation nor groups. Received: dilation_rate="
                             f"{self.dilation_rate}, groups={self.groups}.")
        if self.data_format != "channels_last":
            raise ValueError(f"Expected channels last. Received: {self.data_format}.")
        self.algorithm = algorithm

    def build(self, input_shape):
        height, width, channels = check_sizes(input_shape, height=None, width=None, channels=None)
        super().build(input_shape)
        self.input_spec = keras.layers.InputSpec(shape=(None, height, width, channels))
        self.convolution = Convolution(self.algorithm, (height, width), self.kernel.shape,
                                       self.strides[0], self.padding, self.compute_dtype)

    def convolution_op(self, inputs, kernel):
        return self.convolution(inputs, tf.convert_to_tensor(kernel))

    def cache_kernels(self):
        """Transforms the kernel once for all calls within `with layer.cache_kernels():`.

        For inference: within, the kernel must not change and gets no gradient. Afterwards the
        layer is as before, also in functions that were traced within.
        """
        return self.convolution.cache(self.kernel.value)

    def get_config(self):
        return {**super().get_config(), "strides": self.strides[0], "algorithm": self.algorithm}
