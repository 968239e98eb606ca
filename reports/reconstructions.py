"""Draws test images above what a capsule network reconstructs of them.

    python -m reports.reconstructions --checkpoint=runs/demo/train/model.ckpt-1000

The reconstruction comes from the capsule of the predicted class. The first images of the test
split are drawn, then the first that the network gets wrong; those are marked.
"""

import dataclasses
import os
import sys

import numpy as np
from absl import flags

from input_data import command
from input_data.files import whole_file
from models.hparams import HParams, HParamsError
from training.errors import RunError
from training.settings import Settings

COLUMNS = 10
FIRST_ROWS, WRONG_ROWS = 3, 1
# Okabe and Ito's vermillion, told apart from black by colour-blind readers too.
WRONG_COLOUR = "#D55E00"

FLAGS = command.new_flags()
flags.DEFINE_string("checkpoint", None, "The capsule network's checkpoint.", flag_values=FLAGS)
flags.DEFINE_string("output", "reconstructions.png", "The picture to write.", flag_values=FLAGS)
flags.DEFINE_string("data_dir", None, "As for experiment.py.", flag_values=FLAGS)
command.define_dataset(FLAGS)
flags.DEFINE_string("hparams_override", "", "As for experiment.py.", flag_values=FLAGS)


@dataclasses.dataclass(frozen=True)
class Reconstructions:
    """Images with what a network made of them.

    Attributes:
      images: float32 [n, height, width, depth].
      remakes: float32, same shape, from the capsules of the predictions.
      labels, predictions: int [n].
    """

    images: np.ndarray
    remakes: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray

    @property
    def wrong(self):
        """bool [n]."""
        return self.labels != self.predictions


def reconstruct(network, split, most=2000, batch_size=100):
    """Returns the Reconstructions of a split's first images.

    Args:
      network: Network with a decoder.
      split: Split with one target an image.
      most: int, number of images to look at.
      batch_size: int.
    """
    import tensorflow as tf

    from input_data.pipeline import evaluation_batches

    @tf.function(reduce_retracing=True)
    def infer(images):
        inferred = network({"images": images})
        return tf.argmax(inferred.logits, axis=-1), inferred.remakes[:, 0]

    parts = []
    for batch in evaluation_batches(split, batch_size, most):
        predictions, remakes = infer(batch["images"])
        parts.append((batch["images"], remakes, batch["targets"][:, 0], predictions))
    return Reconstructions(*(np.concatenate(part) for part in zip(*parts)))


def draw(found, path, class_names, replace=False):
    """Draws Reconstructions into a PNG.

    Args:
      found: Reconstructions.
      path: str.
      class_names: names of the classes, by id.
      replace: whether a file of that name may be replaced.

    Raises:
      RunError: if it cannot be written, or is there already and may not be replaced.
    """
    from matplotlib.figure import Figure

    first = np.arange(min(FIRST_ROWS * COLUMNS, len(found.labels)))
    wrong = np.flatnonzero(found.wrong)
    chosen = [*first, *wrong[~np.isin(wrong, first)][:WRONG_ROWS * COLUMNS]]
    rows = -(-len(chosen) // COLUMNS)
    figure = Figure(figsize=(COLUMNS, 2.3 * rows + 0.4), layout="constrained")
    figure.suptitle("Digits above their reconstructions; wrong ones marked: label, then what it "
                    "was read as", fontsize=11)
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axis in axes:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    for axis, number in zip(axes, chosen):
        image, remake = _shown(found.images[number]), _shown(found.remakes[number])
        between = np.ones((1, *image.shape[1:]), image.dtype)
        axis.imshow(np.concatenate([image, between, remake]), cmap="gray", vmin=0, vmax=1)
        label, prediction = found.labels[number], found.predictions[number]
        if label == prediction:
            axis.set_title(class_names[label], fontsize=11)
        else:
            axis.set_title(f"{class_names[label]} as {class_names[prediction]}", fontsize=11,
                           color=WRONG_COLOUR, fontweight="bold")
            axis.spines[:].set(visible=True, color=WRONG_COLOUR, linewidth=2.5)
    try:
        with whole_file(path, replace) as aside:
            figure.savefig(aside, format="png", dpi=100)
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error}).") from None


def _shown(image):
    """Returns an image as a screen can show it: in [0, 1], grey or in three colours."""
    if image.shape[-1] not in (1, 3):
        image = image[..., :1]          # of several cameras, the first
    low, high = min(image.min(), 0), max(image.max(), 1)
    return (image - low) / (high - low)


def picture(checkpoint, split, path, overrides="", replace=False):
    """Draws the reconstructions of a checkpoint's network; returns the Reconstructions.

    Args:
      checkpoint: str, its name.
      split: Split to draw from.
      path: str, the PNG to write.
      overrides: str, of the hyperparameters.
      replace: whether a file of that name may be replaced.

    Raises:
      RunError: if the checkpoint does not fit, or its network has no decoder.
    """
    from training.checkpoints import Stored
    from training.loading import load_network

    network = load_network(Stored(checkpoint), "capsule", overrides, split.info)
    if network.decoder is None:
        raise RunError(f"{checkpoint} has no decoder (remake=false): nothing is reconstructed.")
    found = reconstruct(network, split)
    draw(found, path, split.info.class_names, replace)
    return found


def _settings(values):
    if not values.checkpoint:
        raise command.UsageError("--checkpoint is missing.")
    if not values.output or not os.path.isdir(os.path.dirname(values.output) or "."):
        raise command.UsageError(f"--output: there is no folder for {values.output}.")
    if os.path.exists(values.output):
        raise command.UsageError(f"--output: {values.output} is there already.")
    HParams().override(values.hparams_override)
    return values


def _main(values):
    from training import trained_on
    from training.loading import open_split

    settings = Settings(train=False, dataset=values.dataset, data_dir=values.data_dir,
                        checkpoint=values.checkpoint)
    split = open_split(trained_on.as_trained(settings, os.path.dirname(values.checkpoint)))
    picture(values.checkpoint, split, values.output, values.hparams_override)
    print(f"Wrote {values.output}.")


def main(argv):
    """Runs the command line, and returns its exit status."""
    return command.run(argv, FLAGS, _settings, _main, __doc__, errors=(HParamsError, RunError))


if __name__ == "__main__":
    sys.exit(main(sys.argv))
