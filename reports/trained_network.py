"""The trained network behind a report: its flags, loading, and test data."""

import dataclasses
import os
import pathlib

import numpy as np

from commands.errors import RunError, UsageError
from training.config import SETTINGS, Config, from_flags, new_flags
from training.run_folder import resume

# A path, as importing `capsules` would take seconds before the flags are checked.
SHIPPED = pathlib.Path(__file__).resolve().parent.parent / "capsules" / "pretrained"
NAMES = ("checkpoint", "model", "dataset", "data_dir", "num_targets", "hparams_override")


def flags(shipped="mnist"):
    """Returns a command's flags, with those that name a trained network and its data.

    Args:
      shipped: str, the folder of SHIPPED with the network to take by default.
    """
    values = new_flags(*NAMES)
    values["checkpoint"].help = ("The network's checkpoint. Without it, the one that comes with "
                                 f"the project in capsules/pretrained/{shipped}.")
    for name in ("model", "dataset", "data_dir", "num_targets"):
        meaning = SETTINGS[name].about.partition(" Without it")[0]
        values[name].help = f"{meaning} Without it: the run's own."
    return values


def choice(values, shipped="mnist"):
    """Returns the Config of the evaluation that a command's flags ask for, as `completed`.

    Args:
      values: the parsed flags, from `flags`.
      shipped: str, as for `flags`.
    """
    checkpoint = shipped_checkpoint(shipped) if values.checkpoint is None else values.checkpoint
    return completed(from_flags(values, train=False, checkpoint=checkpoint))


def completed(config):
    """Returns the Config of an evaluation, completed by the settings of its checkpoint's run.

    It reads the images that the training held out, if any, unless other data are named.
    """
    run = resume.read(os.path.dirname(config.checkpoint))
    same_data = config.data_dir is None and config.dataset in (None, run.settings.get("dataset"))
    validate = same_data and run.settings.get("validate")
    return resume.for_evaluation(dataclasses.replace(config, validate=validate), [run])


def shipped_checkpoint(name="mnist"):
    """Returns the checkpoint in a folder of SHIPPED, of a capsule network on MNIST."""
    folder = SHIPPED / name
    found = list(folder.glob("model.ckpt-*.index"))
    if len(found) != 1:
        raise UsageError(f"--checkpoint is missing, and {folder} does not hold the one checkpoint "
                         "that came with the project.")
    return str(found[0].with_suffix(""))


def load(config, needs=()):
    """Returns a trained Network, and the Dataset to look at.

    Args:
      config: Config of an evaluation.
      needs: parts that the network must have: "class_capsules", "decoder", or "grid": class
        capsules with voting capsules at the places of a grid.

    Raises:
      DataError, HParamsError, RunError: if data or checkpoint are missing or do not fit.
    """
    from models.capsule_model import CapsuleModel
    from training.checkpoints.read import StoredCheckpoint
    from training.evaluation.evaluate import Evaluator

    stored = StoredCheckpoint(config.checkpoint)
    evaluator = Evaluator(config, [resume.read(stored.folder)], quiet=True)
    network = evaluator.network
    if {"class_capsules", "grid"} & set(needs) and network.class_capsules is None:
        raise RunError(f"{config.checkpoint} is of the network {network.name}, which has no "
                       "capsules.")
    if "grid" in needs and not isinstance(network, CapsuleModel):
        raise RunError(f"{config.checkpoint} is of the network {network.name}, whose voting "
                       "capsules lie in no grid: there are no maps of its routing.")
    if "decoder" in needs and network.decoder is None:
        raise RunError(f"{config.checkpoint} has no decoder (remake=false): nothing is "
                       "reconstructed.")
    stored.restore_network(network)
    return network, evaluator.data


def of_checkpoint(checkpoint, **settings):
    """Returns the Config that evaluates a checkpoint, with some settings."""
    return Config(train=False, checkpoint=checkpoint, **settings)


def examples(data, numbers, flag):
    """Returns the batch of some examples of a Dataset, whose numbers a flag gave."""
    import tensorflow as tf

    for number in numbers:
        if not 0 <= number < data.info.num_examples:
            raise UsageError(f"{flag}: expected numbers of test images, 0 to "
                             f"{data.info.num_examples - 1}, found {number}.")
    stored = {key: tf.constant(values) for key, values in data.read(np.array(numbers)).items()}
    return data.prepare(stored, tf.zeros([2], tf.int64))


def answers(network, data, most=10000):
    """Yields the batches of a Dataset with a network's answers, up to `most` examples.

    Yields:
      batch: dict of NumPy arrays.
      predictions: int [batch, num_targets], classes of the highest logits, highest first.
      logits: float32 [batch, num_classes].
    """
    import capsules
    from training.evaluation.inference import Inference

    for batch, answer in Inference(network).over(data, most, what=None):
        predictions = capsules.predicted(answer.logits, data.info.num_targets)
        yield ({key: values.numpy() for key, values in batch.items()}, predictions.numpy(),
               answer.logits)


def right(targets, predictions):
    """Whether predictions are the targets, in any order: int [n, num_targets], same -> bool [n]."""
    return (np.sort(targets, axis=1) == np.sort(predictions, axis=1)).all(axis=1)
