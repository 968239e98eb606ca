"""Networks from checkpoints, and data as the settings ask for them."""

import input_data
import models
from models.hparams import HParams
from training import run_files
from training.errors import RunError


def open_split(settings):
    """Opens the split that the settings ask for, and says on the screen what it is."""
    split = input_data.load(settings.dataset, settings.data_dir, settings.split,
                            settings.num_targets, **settings.reader_options)
    info = split.info
    print(f"Data: {split.source}: {info.num_examples} images of "
          f"{info.height}x{info.width}x{info.depth}.")
    for note in split.notes:
        print(note)
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
    network = models.build(model, _hparams(checkpoint, overrides), info, convolution, precision)
    checkpoint.restore_network(network)
    return network


def check_same_network(checkpoint, hparams, overrides):
    """Checks that a checkpoint's network computes what one with other hparams does.

    Args:
      checkpoint: checkpoints.Stored.
      hparams: HParams of the other network.
      overrides: str, of the hyperparameters beside the checkpoint.

    Raises:
      RunError: if not; names the hyperparameter.
    """
    found = _hparams(checkpoint, overrides)
    for name in ("leaky", "num_prime_capsules", "padding", "remake", "routing"):
        if getattr(found, name) != getattr(hparams, name):
            raise RunError(f"{checkpoint.name} is of a network with {name}={getattr(found, name)}, "
                           f"expected {name}={getattr(hparams, name)} as in the first; "
                           "--hparams_override makes them the same.")


def _hparams(checkpoint, overrides):
    stored = run_files.read_hparams(checkpoint.folder) or HParams()
    return stored.override(overrides)
