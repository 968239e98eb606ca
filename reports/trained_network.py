"""The trained network that a report looks at: its flags, its loading, its test data."""

import dataclasses
import os
import pathlib

import numpy as np
from absl import flags

import input_data
import models
from commands.errors import RunError, UsageError
from models.hparams import HParams
from training import config
from training.config import Settings
from training.run_folder import resume

SHIPPED = pathlib.Path(__file__).resolve().parent.parent / "checkpoints" / "mnist_capsule"


@dataclasses.dataclass(frozen=True)
class Choice:
    """A checkpoint, and what has to be known to read it; see `define_flags`."""

    checkpoint: str
    model: str = "capsule"
    dataset: str = "mnist"
    data_dir: str | None = None
    num_targets: int = 1
    hparams_override: str = ""
    validate: bool = False      # whether the images to look at are those that training held out


def define_flags(flag_values):
    """Adds the flags that name a trained network and its data to a command's flags."""
    def as_trained(what):
        return f"As for experiment.py; without it, {what} that the checkpoint was trained with."

    flags.DEFINE_string("checkpoint", None, "The network's checkpoint. Without it, the one that "
                        "comes with the project.", flag_values=flag_values)
    flags.DEFINE_enum("model", None, list(models.NETWORKS), as_trained("the network"),
                      flag_values=flag_values)
    config.define_dataset(flag_values, None, as_trained("the dataset"))
    flags.DEFINE_string("data_dir", None, as_trained("the folder"), flag_values=flag_values)
    flags.DEFINE_integer("num_targets", None, as_trained("the number"), lower_bound=1,
                         flag_values=flag_values)
    flags.DEFINE_string("hparams_override", "", "As for experiment.py.", flag_values=flag_values)


def choice(values):
    """Returns the Choice that a command's flags make.

    What they leave open is as the training left it in flags.json beside the checkpoint. What a
    training with --validate held out is looked at, unless other data are named.

    Raises:
      UsageError, HParamsError, RunError: for what the user can mend.
    """
    HParams().override(values.hparams_override)
    if values.checkpoint == "":
        raise UsageError("--checkpoint is empty; without it, the shipped network is taken.")
    checkpoint = values.checkpoint or shipped_checkpoint()
    flags_of = resume.read(os.path.dirname(checkpoint)).flags
    dataset = flags_of.get("dataset", "mnist")
    same_data = values.dataset in (None, dataset)
    data_dir = flags_of.get("data_dir") if same_data else None
    # A file, but of an archive, is records of the training, not of its test.
    if data_dir and not data_dir.endswith(".zip") and (
            os.path.isfile(data_dir) or "@" in os.path.basename(data_dir)):
        data_dir = None
    return Choice(checkpoint,
                  values.model or flags_of.get("model", "capsule"),
                  values.dataset or dataset,
                  values.data_dir or data_dir,
                  values.num_targets or flags_of.get("num_targets", 1),
                  values.hparams_override,
                  same_data and not values.data_dir and flags_of.get("validate", False))


def shipped_checkpoint():
    """Returns the checkpoint that comes with the project, of the capsule network on MNIST.

    Raises:
      UsageError: its files are gone.
    """
    try:
        name, = SHIPPED.glob("model.ckpt-*.index")
    except ValueError:
        raise UsageError(f"--checkpoint is missing, and {SHIPPED} does not hold the one checkpoint "
                         "that came with the project.") from None
    return str(name.with_suffix(""))


def load(chosen, needs=()):
    """Returns the network of a Choice, and the Split to look at.

    Args:
      chosen: Choice.
      needs: what the network must have: "class_capsules", "decoder".

    Raises:
      DataError, HParamsError, RunError: if data or checkpoint are missing or do not fit.
    """
    from training.checkpoints.read import StoredCheckpoint
    from training.evaluation.loading import load_network
    from training.run_folder import trained_on

    stored = StoredCheckpoint(chosen.checkpoint)
    settings = trained_on.as_trained(
        Settings(train=False, checkpoint=chosen.checkpoint, dataset=chosen.dataset,
                 validate=chosen.validate), stored.folder)
    split = input_data.load(chosen.dataset, chosen.data_dir, settings.split, chosen.num_targets,
                            **settings.reader_options)
    trained_on.check(stored.folder, split.info)
    network = load_network(stored, chosen.model, chosen.hparams_override, split.info)
    if "class_capsules" in needs and not hasattr(network, "class_capsules"):
        raise RunError(f"{chosen.checkpoint} is of the network {chosen.model}, which has no "
                       "capsules.")
    if "decoder" in needs and network.decoder is None:
        raise RunError(f"{chosen.checkpoint} has no decoder (remake=false): nothing is "
                       "reconstructed.")
    return network, split


def examples(split, numbers, flag):
    """Returns the batch of some examples of a split.

    Args:
      split: Split.
      numbers: int [n].
      flag: str, the flag that named them.

    Raises:
      UsageError: if the split has no such example.
    """
    import tensorflow as tf

    beyond = [number for number in numbers if not 0 <= number < split.info.num_examples]
    if beyond:
        raise UsageError(f"{flag}: expected numbers of test images, 0 to "
                         f"{split.info.num_examples - 1}, found {beyond[0]}.")
    stored = {key: tf.constant(values) for key, values in split.read(np.array(numbers)).items()}
    return split.prepare(stored, tf.zeros([2], tf.int64))


def answers(network, split, most=10000, batch_size=100):
    """Yields batches of a split with what a network reads in them, in the split's order.

    Args:
      network: Network.
      split: Split.
      most: int, number of examples to look at.
      batch_size: int.

    Yields:
      batch: dict of NumPy arrays.
      predictions: int [batch, num_targets], classes of the highest logits, highest first.
      logits: float32 [batch, num_classes].
    """
    import tensorflow as tf

    import capsules
    from input_data.pipeline import evaluation_batches, plain_data_errors

    infer = tf.function(lambda images: network({"images": images}).logits, reduce_retracing=True)
    with plain_data_errors(), network.cache_kernels():
        for batch in evaluation_batches(split, batch_size, most):
            logits = infer(batch["images"])
            predictions = capsules.predicted(logits, split.info.num_targets)
            yield ({key: values.numpy() for key, values in batch.items()}, predictions.numpy(),
                   logits.numpy())


def right(targets, predictions):
    """Whether predictions are the targets, in any order: int [n, num_targets], same -> bool [n]."""
    return (np.sort(targets, axis=1) == np.sort(predictions, axis=1)).all(axis=1)
