"""Primary capsules: the first capsules, made from a convolution's features."""

import keras
import tensorflow as tf

from capsules.convolution.algorithm import Convolution
from capsules.convolution.spectral import count_outputs
from capsules.layers.weighted_layer import WeightedLayer
from capsules.ops import squash
from capsules.shapes import check_padding, check_sizes


@keras.saving.register_keras_serializable(package="capsules")
class PrimaryCapsules(WeightedLayer):
    """A convolution whose channels are grouped into capsules (paper, section 4).

    The features of a capsule are scaled by what one routing iteration gives to each of
    num_capsules equal outputs: 1 / num_capsules, or 1 / (num_capsules + 1) when leaky. The
    capsule's bias and the squashing follow.

    Input: float [batch, height, width, depth], of any size, which the first call decides.
    Output: float [batch, num_capsules * out_height * out_width, atoms], capsule types
    outermost, then rows, then columns; `grid_shape` says how many there are of each. Without
    `flatten`, float [batch, out_height, out_width, num_capsules, atoms].

    >>> layer = PrimaryCapsules(num_capsules=32, atoms=8)
    >>> layer(tf.zeros([2, 20, 20, 256])).shape
    TensorShape([2, 1152, 8])

    Args:
      num_capsules: number of capsule types.
      atoms: number of components of a capsule.
      kernel_size: height and width of the convolution's kernel.
      strides: the convolution's step, the same for rows and columns.
      padding: "valid" or "same".
      leaky: whether the capsules are scaled as leaky routing does.
      algorithm: of the convolution, "auto", "direct" or "spectral" (see
        `convolution.algorithm`).
      flatten: whether types, rows and columns are one axis, as `ClassCapsules` takes them, or
        three, as `ConvCapsules` does.
      **kwargs: initializers and regularizers, and arguments of keras.layers.Layer (see
        `WeightedLayer`).

    Raises:
      ValueError: for another padding, images of another shape, or images smaller than an
        unpadded kernel.
    """

    def __init__(self, num_capsules: int, atoms: int = 8, kernel_size: int = 9, strides: int = 2,
                 padding: str = "valid", leaky: bool = False, algorithm: str = "auto",
                 flatten: bool = True, **kwargs):
        super().__init__(**kwargs)
        self.num_capsules = num_capsules
        self.atoms = atoms
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = check_padding(padding)
        self.leaky = leaky
        self.algorithm = algorithm
        self.flatten = flatten

    def build(self, input_shape):
        height, width, depth = check_sizes(input_shape, height=None, width=None, depth=None)
        self.input_spec = keras.layers.InputSpec(shape=(None, height, width, depth))
        self.kernel = self.add_kernel(
            (self.kernel_size, self.kernel_size, depth, self.num_capsules * self.atoms))
        self.bias = self.add_bias((self.num_capsules, self.atoms))
        self.convolution = Convolution(self.algorithm, (height, width), self.kernel.shape,
                                       self.strides, self.padding, self.compute_dtype)

    def cache_kernels(self):
        """Transforms the kernel once for all calls within `with layer.cache_kernels():`.

        For inference: within, the kernel must not change and gets no gradient. Afterwards the
        layer is as before, also in functions that were traced within.
        """
        return self.convolution.cache(self.kernel.value)

    def call(self, inputs):
        features = self.convolution(inputs, tf.convert_to_tensor(self.kernel))
        # Not features.shape: of no images at all, oneDNN's convolution makes a wrong one.
        _, rows, columns = self.grid_shape(inputs.shape)
        features = tf.reshape(features, [-1, rows, columns, self.num_capsules, self.atoms])
        share = 1 / (self.num_capsules + 1) if self.leaky else 1 / self.num_capsules
        capsules = squash(features * share + self.bias)
        if not self.flatten:
            return capsules
        capsules = tf.transpose(capsules, [0, 3, 1, 2, 4])
        return tf.reshape(capsules, [-1, self.num_capsules * rows * columns, self.atoms])

    def grid_shape(self, input_shape: tuple) -> tuple[int, int, int]:
        """Returns how many types, rows and columns of capsules there are.

        Args:
          input_shape: [batch, height, width, depth] of the layer's input.

        Returns:
          int (types, rows, columns).

        Raises:
          ValueError: for images of another shape, or smaller than an unpadded kernel.
        """
        height, width, _ = check_sizes(input_shape, height=None, width=None, depth=None)
        rows, columns = (count_outputs(size, self.kernel_size, self.strides, self.padding)
                         for size in (height, width))
        return self.num_capsules, rows, columns

    def compute_output_shape(self, input_shape):
        types, rows, columns = self.grid_shape(input_shape)
        grid = (types * rows * columns,) if self.flatten else (rows, columns, types)
        return (input_shape[0], *grid, self.atoms)

    def get_config(self):
        return {**super().get_config(), "num_capsules": self.num_capsules, "atoms": self.atoms,
                "kernel_size": self.kernel_size, "strides": self.strides,
                "padding": self.padding, "leaky": self.leaky, "algorithm": self.algorithm,
                "flatten": self.flatten}
