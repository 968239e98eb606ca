"""Networks from checkpoints, and data as the settings ask for them."""

import os

import input_data
import models
from models.hparams import HParams
from training import run_files


def open_split(settings):
    """Opens the split that the settings ask for, and says on the screen what it is."""
    split = input_data.load(settings.dataset, settings.data_dir, settings.split,
                            settings.num_targets)
    info = split.info
    print(f"Data: {split.source}: {info.num_examples} images of "
          f"{info.height}x{info.width}x{info.depth}.")
    return split


def load_network(checkpoint, model, overrides, info, convolution="auto", precision="float32"):
    """Returns the network of a checkpoint, for the shapes of a dataset.

    Args:
      checkpoint: checkpoints.Stored.
      model: str, the network's name.
      overrides: str, of the hyperparameters beside the checkpoint, or of the defaults.
      info: DatasetInfo.
      convolution, precision: as for `models.network.Network`.

    Raises:
      RunError: if the checkpoint is of another network.
    """
    hparams = run_files.read_hparams(os.path.dirname(checkpoint.name)) or HParams()
    network = models.build(model, hparams.override(overrides), info, convolution, precision)
    checkpoint.restore_network(network)
    return network
