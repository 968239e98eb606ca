"""Predicts the classes of images without labels."""

import csv

import numpy as np
import tensorflow as tf

import input_data
from commands.errors import RunError
from commands.whole_files import whole_file
from input_data.pipeline import evaluation_batches
from training.checkpoints.read import StoredCheckpoint
from training.config import EVALUATION_BATCH
from training.distribution import devices
from training.evaluation.ensemble import member_names
from training.evaluation.loading import check_same_network, load_network
from training.run_folder import trained_on


def predict(settings):
    """Writes the classes of a dataset's unlabelled images into settings.predictions.

    The file is a CSV with the columns filename and label, in the order of the dataset. An
    ensemble predicts by the sum of its members' logits.

    Args, Raises: as for `run`.
    """
    names = member_names(settings) if settings.is_ensemble else [settings.checkpoint]
    members = [StoredCheckpoint(name) for name in names]
    settings = trained_on.as_trained(settings, *(stored.folder for stored in members))
    split = input_data.load_unlabelled(settings.dataset, settings.data_dir,
                                       settings.reader_options["image_size"])
    for stored in members:
        trained_on.check(stored.folder, split.info)
    towers = devices.towers(settings)
    with towers.scope():
        network = load_network(
            members[0], settings.model, settings.hparams_override, split.info,
            settings.convolution or "auto", settings.precision or "float32")
    logits = 0.0
    for stored in members:
        check_same_network(stored, network, settings.hparams_override)
        stored.restore_network(network)
        logits = logits + _logits(network, split, settings.batch_size or EVALUATION_BATCH,
                                  towers)
    labels = [split.info.class_names[label] for label in np.argmax(logits, axis=-1)]
    try:
        with whole_file(settings.predictions) as aside, open(aside, "w") as file:
            rows = zip(split.names, labels)
            csv.writer(file, lineterminator="\n").writerows([("filename", "label"), *rows])
    except OSError as error:
        raise RunError(f"--predictions: {settings.predictions} cannot be written "
                       f"({error}).") from None
    print(f"Wrote {settings.predictions}: the classes of {len(labels)} images of {split.source}.")


def _logits(network, split, batch_size, towers):
    """Returns a network's logits of all images, float32 [n, num_classes]."""
    @tf.function(reduce_retracing=True)
    def infer(towers, batch):
        return towers.run(lambda share: network(share).logits, batch)

    found = []
    with network.cache_kernels():
        for batch in evaluation_batches(split, batch_size):
            size = len(batch["images"])
            at_work = towers.for_batch(size)
            found.append(at_work.joined(infer(at_work, at_work.spread(batch, size))))
    return np.concatenate(found)
