"""Predicts the classes of images without labels."""

import csv

import numpy as np

from commands.errors import RunError
from commands.whole_files import whole_file
from training.checkpoints.read import StoredCheckpoint
from training.evaluation.ensemble import member_names
from training.evaluation.evaluate import Evaluator
from training.run_folder import resume


def predict(config):
    """Writes the classes of a dataset's unlabelled images into config.predictions.

    The file is a CSV with the columns filename and label, in the order of the dataset. An
    ensemble predicts by the sum of its members' logits.

    Args:
      config: Config.

    Raises:
      UserError: for faults that the user can mend.
    """
    names = member_names(config) if config.is_ensemble else [config.checkpoint]
    members = [StoredCheckpoint(name) for name in names]
    evaluator = Evaluator(config, [resume.read(stored.folder) for stored in members],
                          unlabelled=True)
    data = evaluator.data
    logits = sum(np.concatenate([answer.logits for _, answer in
                                 evaluator.answers(stored, "Predicting")]) for stored in members)
    labels = [data.info.class_names[label] for label in np.argmax(logits, axis=-1)]
    try:
        with whole_file(config.predictions) as aside, open(aside, "w") as file:
            rows = zip(data.names, labels)
            csv.writer(file, lineterminator="\n").writerows([("filename", "label"), *rows])
    except OSError as error:
        raise RunError(f"--predictions: {config.predictions} cannot be written "
                       f"({error}).") from None
    print(f"Wrote {config.predictions}: the classes of {len(labels)} images of {data.source}.")
