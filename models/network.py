"""What the networks have in common: how they are made, saved and loaded."""

import contextlib
import itertools
from typing import ClassVar

import keras

from capsules.routing.implementation import choose
from models.hparams import TRAINING, HParams, HParamsError


class Network(keras.Model):
    """A Keras model that takes a batch (a dict) and returns `Inferred`.

    Its variables exist as soon as it does, so that checkpoints can be read before any data.

    Args:
      hparams: HParams.
      image_shape: height, width and depth of the images.
      num_classes: number of classes.
      num_targets: number of targets of an image.
      convolution: "auto", "direct" or "spectral", the algorithm of large convolutions (see
        `capsules.convolution.algorithm`); weights and, but for rounding, results are the same.
      precision: "float32", or "bfloat16" for the convolutions' products and what they give,
        primary capsules too; weights, routing, class capsules and losses stay float32.
      routing: "auto", "fused" or "products", the implementation of dynamic routing (see
        `capsules.routing.implementation`).

    Raises:
      HParamsError: if the images are too small for the convolutions without padding, or show
        more targets than the network can tell apart.
    """

    # Hyperparameters that this network has otherwise than `HParams`.
    defaults: ClassVar[dict] = {}
    # Names of those it reads, besides the training's (hparams.TRAINING).
    uses: ClassVar[tuple] = ()
    # Most targets of an image, or None for any number.
    most_targets: ClassVar[int | None] = None
    # Whether the statistics of a batch count in training, so that it cannot be taken in parts.
    has_batch_statistics: ClassVar[bool] = False
    # What decides a variable's shape, by the start of its path: what an error message names
    # when a checkpoint does not fit.
    shaped_by: ClassVar[dict] = {}
    # Height and width of the smallest images that leave something with padding=VALID, and SAME.
    smallest_valid: ClassVar[int] = 1
    smallest_same: ClassVar[int] = 1
    # What reports and diagnostics look into: the ClassCapsules, for which `encode` returns the
    # inputs, and the Decoder.
    class_capsules = None
    decoder = None

    def __init__(self, hparams, image_shape, num_classes, num_targets=1, convolution="auto",
                 precision="float32", routing="auto", **kwargs):
        super().__init__(**kwargs)
        if self.most_targets is not None and num_targets > self.most_targets:
            raise HParamsError(
                f"The network {self.name} takes images of {self.most_targets} target, found "
                f"{num_targets}; the capsule network takes any number.")
        height, width, _ = image_shape
        valid = hparams.padding == "VALID"
        smallest = self.smallest_valid if valid else self.smallest_same
        if min(height, width) < smallest:
            padding = f" with padding={hparams.padding}" if "padding" in self.uses else ""
            fits_padded = valid and min(height, width) >= self.smallest_same
            raise HParamsError(
                f"Images of {height}x{width} are too small for this network{padding}: expected "
                f"{smallest}x{smallest} or more{', or padding=SAME' if fits_padded else ''}.")
        self.hparams = hparams
        self.image_shape = tuple(image_shape)
        self.num_classes = num_classes
        self.num_targets = num_targets
        self.convolution = convolution
        self.precision = precision
        choose_routing(routing)     # or it is an error
        self.routing = routing
        self.convolution_policy = {"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision]

    def encode(self, images):
        """Returns what class_capsules take.

        Args:
          images: float32 [batch, height, width, depth].
        """
        raise NotImplementedError(f"{self.name} has class_capsules and needs encode(images).")

    def variable_paths(self):
        """Returns a dict from "layer/kernel" to the variable, in the order of the layers."""
        numbers = itertools.count(1)
        paths = {}
        for variable in self.variables:
            path = variable.path.partition("/")[2]
            if path == "seed_generator_state":      # of dropout, whatever its layer
                path += f"_{next(numbers)}"
            paths[path] = variable
        return paths

    @classmethod
    def unused(cls, names, hparams):
        """Returns those of the hyperparameters' names that change nothing here, sorted.

        Args:
          names: iterable of str.
          hparams: HParams, of which the loss decides whether its scale counts, and the schedule
            whether the decay rate does.
        """
        used = {*TRAINING, *cls.uses}
        if hparams.loss_type == "margin":
            used.add("loss_scale")
        if hparams.schedule == "cosine":
            used.remove("decay_rate")
        return sorted(set(names) - used)

    def convolutions(self):
        """Returns a dict from a layer's name to its `Convolution`, of those that have one."""
        return {layer.name: layer.convolution for layer in self.layers
                if hasattr(layer, "convolution")}

    @contextlib.contextmanager
    def cache_kernels(self):
        """Transforms kernels once for all calls within `with network.cache_kernels():`.

        For inference: within, the variables must not change and not all get gradients. Afterwards
        the network is as before, also in functions that were traced within.
        """
        with contextlib.ExitStack() as stack:
            for layer in self.layers:
                if hasattr(layer, "cache_kernels"):
                    stack.enter_context(layer.cache_kernels())
            yield

    def get_config(self):
        return {**super().get_config(), "hparams": self.hparams.to_json(),
                "image_shape": self.image_shape, "num_classes": self.num_classes,
                "num_targets": self.num_targets, "convolution": self.convolution,
                "precision": self.precision, "routing": self.routing}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "hparams": HParams.from_json(config["hparams"], "model config")})


def choose_routing(implementation):
    """Returns "fused" or "products"; raises HParamsError if this machine has not what is asked."""
    try:
        return choose(implementation)
    except ValueError as error:
        raise HParamsError(f"--routing_implementation: {error}") from None


def build_chain(layers, shape):
    """Builds layers that follow each other, and returns the last one's output shape."""
    for layer in layers:
        layer.build(shape)
        shape = layer.compute_output_shape(shape)
    return shape
