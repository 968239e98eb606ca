"""Puts a trained capsule network, its settings and some test images into one HTML page."""

import base64
import html
import json
import pathlib
from typing import NamedTuple

import numpy as np

from commands.errors import RunError
from reports import trained_network
from reports.drawing import picture_files

HERE = pathlib.Path(__file__).resolve().parent
# What page.html has places for, each with the file that goes there.
PARTS = {"style": "page.css", "network": "capsnet.js", "worker": "worker.js",
         "drawing": "drawing.js", "pictures": "pictures.js", "routing": "routing_panel.js",
         "dimensions": "dimensions_panel.js", "interface": "interface.js"}
SEARCHED = 1000     # test images, for examples of all classes


class Page(NamedTuple):
    """What is inside a page.

    Attributes:
      settings: dict, what the network and the interface need to know.
      weights: float16 [n], of all variables, one after another.
      images: float32 [examples, height, width].
    """

    settings: dict
    weights: np.ndarray
    images: np.ndarray

    def html(self):
        """Returns the page: str."""
        parts = {name: (HERE / file).read_text(encoding="utf-8") for name, file in PARTS.items()}
        parts["description"] = html.escape(self.settings["description"])
        parts["box"] = str(picture_files.DIGIT_BOX)
        parts["settings"] = json.dumps(self.settings).replace("<", "\\u003c")
        parts["weights"] = _base64(self.weights.astype("<f2"))
        parts["images"] = _base64(self.images.astype("<f4"))
        text = (HERE / "page.html").read_text(encoding="utf-8")
        for name, part in parts.items():
            text = text.replace(f"{{{{{name}}}}}", part)
        return text


def page(network, data, examples):
    """Returns the Page of a network and the first test images of each class in turn.

    Args:
      network: CapsuleModel with dynamic routing.
      data: Dataset.
      examples: int, the number of test images.

    Raises:
      RunError: if the page cannot show such a network or such images.
    """
    info, hparams = data.info, network.hparams
    if hparams.routing_type != "dynamic":
        raise RunError("The page computes dynamic routing alone, found "
                       f"routing_type={hparams.routing_type}.")
    if info.depth != 1:
        raise RunError(f"The page shows images of one channel, found {info.depth} in {info.name}.")
    numbers = spread(data, examples)
    batch = trained_network.examples(data, numbers, "--examples")
    images = batch["images"].numpy()[..., 0]
    if images.min() < 0 or images.max() > 1:
        raise RunError(f"The page draws pixels from 0 to 1, found {images.min():.3g} to "
                       f"{images.max():.3g} in {info.name}.")
    arrays = {path: halved(path, variable.numpy())
              for path, variable in network.variable_paths().items()}
    settings = {
        "description": described(network, info),
        "height": info.height, "width": info.width,
        "classNames": info.class_names, "numTargets": info.num_targets,
        "padding": hparams.padding, "leaky": hparams.leaky, "iterations": hparams.routing,
        "hasDecoder": network.decoder is not None,
        "digitBox": picture_files.DIGIT_BOX if is_centred(info) else None,
        "numbers": numbers.tolist(), "targets": batch["targets"].numpy().tolist(),
        "arrays": [{"path": path, "shape": array.shape} for path, array in arrays.items()],
    }
    weights = np.concatenate([array.ravel() for array in arrays.values()])
    return Page(settings, weights, images)


def described(network, info):
    """Returns what distinguishes a network, as a part of a sentence."""
    hparams = network.hparams
    leaky = " leaky" if hparams.leaky else ""
    return (f"trained on {info.name}, {hparams.num_prime_capsules} types of primary capsules, "
            f"{hparams.routing} iterations of{leaky} routing, "
            f"{network.count_params():,} parameters")


def is_centred(info):
    """Whether a dataset's images show one digit each, scaled and centred like MNIST's."""
    return info.name in picture_files.DIGITS and info.num_targets == 1


def halved(path, array):
    """Returns a variable in float16; raises RunError if a number is too large."""
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    if not np.isfinite(half).all():
        raise RunError(f"{path} has numbers too large for float16, which the page stores.")
    return half


def spread(data, count):
    """Returns the numbers of test images, int [count], that show all classes equally often."""
    first = np.arange(min(SEARCHED, data.info.num_examples))
    targets = data.read(first)["targets"][:, 0]
    turn = np.zeros_like(first)
    for target in np.unique(targets):
        turn[targets == target] = np.arange(np.sum(targets == target))
    return np.lexsort([first, targets, turn])[:count]


def _base64(array):
    return base64.b64encode(array.tobytes()).decode()
