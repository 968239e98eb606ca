"""Summaries for TensorBoard, and the same scalars as history.csv."""

import contextlib
import csv
import os

import tensorflow as tf

from capsules import norm
from commands.errors import RunError, reason
from commands.whole_files import whole_file
from models.capsule_model import CapsuleModel
from training.monitoring import hparams_tab, routing_maps, screen
from training.run_folder import contents

ROUTING_PICTURES = 3        # of a batch


class Summaries:
    """Writes scalars by step into a folder; a context manager.

    What cannot be written, on a full disk for example, is named on the screen once, and left out.

    Args:
      folder: str.
      tags: names of the scalars.
      stale: function of a step that says whether an earlier run's row of it goes from
        history.csv, because the step is now taken again; None keeps all.

    Attributes:
      failure: str, the first thing that could not be written and why, or None.

    Raises:
      RunError: if history.csv is there and is not such a file, or cannot be written.
    """

    def __init__(self, folder, tags, stale=None):
        self.failure = None
        self._folder = folder
        self._tags = tags
        self._path = os.path.join(folder, contents.HISTORY)
        self._events = None
        self._cut = False       # whether history.csv may end in half a row
        try:
            self._keep_rows(stale or (lambda step: False))
        except OSError as error:
            raise RunError(f"{self._path} cannot be read or written ({error.strerror}).") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._events:
            with self._noting(self._folder):
                self._events.close()

    def scalars(self, step, values):
        """Writes one value for each tag.

        Args:
          step: int.
          values: dict from tag to float.
        """
        def write():
            for tag in self._tags:
                tf.summary.scalar(tag, values[tag])

        self._write_events(step, write)
        row = [step, *(f"{values[tag]:.9g}" for tag in self._tags)]
        with self._noting(self._path):
            if self._cut or not os.path.exists(self._path):
                self._keep_rows(lambda earlier: earlier >= step)
            self._cut = True
            with open(self._path, "a") as file:
                csv.writer(file, lineterminator="\n").writerow(row)
            self._cut = False

    def picture(self, step, tag, pixels):
        """Writes a picture, uint8 [height, width, 3]."""
        self._write_events(step, lambda: tf.summary.image(tag, pixels[None]))

    def row(self, train_folder):
        """Writes the run's row in TensorBoard's tab HParams, for `metrics` to fill.

        Args:
          train_folder: str, where the training left its flags and hyperparameters.
        """
        self._write_events(0, lambda: hparams_tab.write_row(self._folder, train_folder))

    def metrics(self, step, **values):
        """Writes values of that row, by the names that hparams_tab.METRICS has."""
        def write():
            for name, value in values.items():
                hparams_tab.write_metric(name, value)

        self._write_events(step, write)

    def details(self, step, network, batch):
        """Writes histograms, and pictures of a batch's reconstructions and routing.

        Args:
          step: int.
          network: Network.
          batch: dict, a batch.
        """
        inferred = network(batch)

        def write():
            for path, variable in network.variable_paths().items():
                tf.summary.histogram(path, variable.value)
            tf.summary.histogram("activation/logits", inferred.logits)
            if inferred.capsules is not None:
                tf.summary.histogram("activation/capsules", inferred.capsules)
                tf.summary.histogram("activation/capsule_lengths", norm(inferred.capsules))
            tf.summary.image("images", batch["images"])
            if inferred.reconstructions is not None:
                for target in range(inferred.reconstructions.shape[1]):
                    suffix = f"_{target + 1}" if inferred.reconstructions.shape[1] > 1 else ""
                    tf.summary.image("target" + suffix, batch["target_images"][:, target])
                    tf.summary.image("reconstruction" + suffix, inferred.reconstructions[:, target])
            if isinstance(network, CapsuleModel):
                images = batch["images"][:ROUTING_PICTURES]
                maps = routing_maps.routing_maps(network, images)
                tf.summary.image("routing", routing_maps.pictures(images, maps))

        self._write_events(step, write)

    def _keep_rows(self, stale):
        """Writes history.csv again, with its header and the whole rows that are not stale."""
        rows = _history(self._path, ["step", *self._tags], stale)
        with whole_file(self._path, replace=True) as aside, open(aside, "w") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)

    def _write_events(self, step, write):
        with self._noting(self._folder):
            events = self._events or tf.summary.create_file_writer(self._folder)
            self._events = None     # a file in which something is missing is not gone on with
            with events.as_default(step):
                write()
            self._events = events

    @contextlib.contextmanager
    def _noting(self, path):
        try:
            yield
        except (tf.errors.OpError, OSError, RunError) as error:
            if not self.failure:
                self.failure = f"{path}: summaries cannot be written ({reason(error)})"
                screen.warn(f"{self.failure}; going on without.")


def read_history(folder):
    """Returns the rows of a folder's history.csv: a list of dicts, step int, other values float.

    Rows that a killed run left unfinished, and a file that is not there, count for nothing.

    Raises:
      RunError: if the file cannot be read, or is none that this module wrote.
    """
    path = os.path.join(folder, contents.HISTORY)
    try:
        with open(path, newline="") as file:
            rows = csv.DictReader(file)
            if not {"step", "accuracy"} <= set(rows.fieldnames or ("step", "accuracy")):
                raise ValueError("expected columns step and accuracy")
            return [{tag: int(value) if tag == "step" else float(value)
                     for tag, value in row.items()} for row in rows if all(row.values())]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise RunError(f"{path} cannot be read ({error}); mend it or move it away.") from None


def training_scalars(metrics, batch_size):
    """Returns the values of TRAINING_TAGS for a batch's summed StepMetrics."""
    return {"batch_classification_cost": metrics.classification / batch_size,
            "reconstruction_error": metrics.reconstruction / batch_size,
            "total_loss": metrics.total_loss / batch_size,
            "accuracy": metrics.correct / batch_size,
            "correct_prediction_batch": metrics.correct,
            "almost_correct_batch": metrics.almost_correct}


TRAINING_TAGS = ("batch_classification_cost", "reconstruction_error", "total_loss", "accuracy",
                 "correct_prediction_batch", "almost_correct_batch")
EVALUATION_TAGS = ("correct_prediction", "wrong_prediction", "almost_wrong_prediction",
                   "batch_classification_cost", "reconstruction_error", "total_loss", "accuracy")


def _history(path, header, stale):
    """Returns the rows of a history.csv that are not stale, the header first."""
    if not os.path.exists(path):
        return [header]
    try:
        with open(path, newline="") as file:
            text = file.read()
        # A run that was killed, or had no disk left, may leave half a row.
        whole = text[:text.rfind("\n") + 1] or text
        found, *rows = list(csv.reader(whole.splitlines())) or [header]
    except (UnicodeDecodeError, csv.Error) as error:
        raise RunError(f"{path} cannot be read ({error}); mend it or move it away.") from None
    if found != header:
        raise RunError(f"{path} is not a history of this run: expected columns "
                       f"{','.join(header)}; move it away.")
    numbered = [row for row in rows if len(row) == len(header) and row[0].isdigit()]
    return [header, *(row for row in numbered if not stale(int(row[0])))]
