"""Networks from checkpoints, and data as the settings ask for them."""

import input_data
import models
from commands.errors import RunError
from models.hparams import parse_overrides
from training.monitoring import progress
from training.run_folder import contents


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
      checkpoint: StoredCheckpoint.
      model: str, the network's name.
      overrides: str, of the hyperparameters beside the checkpoint, or of the defaults.
      info: DatasetInfo.
      convolution, precision: as for `models.network.Network`.

    Raises:
      RunError: if the checkpoint is of another network.
    """
    hparams = _hparams(checkpoint, model, overrides)
    network = models.build(model, hparams, info, convolution, precision)
    warn_of_unused(network, overrides)
    checkpoint.restore_network(network)
    return network


def warn_of_unused(network, overrides):
    """Says on the screen which overridden hyperparameters change nothing for a network.

    Args:
      network: Network.
      overrides: str, of its hyperparameters.
    """
    unused = network.unused(parse_overrides(overrides), network.hparams)
    if unused:
        progress.warn(f"--hparams_override: {', '.join(unused)}: without effect on the network "
                      f"{network.name}.")


def check_same_network(checkpoint, network, overrides):
    """Checks that a checkpoint's network computes what another one does.

    Args:
      checkpoint: StoredCheckpoint.
      network: Network, the other one.
      overrides: str, of the hyperparameters beside the checkpoint.

    Raises:
      RunError: if not; names the hyperparameter.
    """
    found = _hparams(checkpoint, network.name, overrides)
    for name in network.uses:
        expected = getattr(network.hparams, name)
        if getattr(found, name) != expected:
            raise RunError(f"{checkpoint.name} is of a network with {name}={getattr(found, name)}, "
                           f"expected {name}={expected} as in the first; "
                           "--hparams_override makes them the same.")


def _hparams(checkpoint, model, overrides):
    stored = contents.read_hparams(checkpoint.folder)
    return (stored or models.default_hparams(model)).override(overrides)
