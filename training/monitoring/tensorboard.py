"""Writes summaries for TensorBoard, and the same scalars to history.csv."""

import contextlib

import tensorflow as tf

from capsules import norm
from commands.errors import RunError, reason
from models.capsule_model import CapsuleModel
from training.monitoring import hparams_tab, routing_maps, screen
from training.monitoring.clock import WALL_TIME
from training.monitoring.history import History
from training.step import StepMetrics

ROUTING_PICTURES = 3        # of a batch


class Summaries:
    """Writes scalars by step into a folder; a context manager.

    It warns once when it cannot write, on a full disk for example, and goes on.

    Args:
      folder: str.
      tags: names of the scalars.
      is_stale: function of a step that says whether history.csv loses its earlier row of that
        step, because the step is taken again.

    Attributes:
      failure: str, the first file that could not be written and why, or None.

    Raises:
      RunError: if history.csv is another program's, or cannot be read or written.
    """

    def __init__(self, folder, tags, is_stale=lambda step: False):
        self.failure = None
        self._folder = folder
        self._events = None
        try:
            self._history = History(folder, tags, is_stale)
        except OSError as error:
            raise RunError(f"{folder}: the history cannot be read or written "
                           f"({error.strerror}).") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._events:
            with self._noting(self._folder):
                self._events.close()

    def scalars(self, step, values):
        """Writes the values of tags; history.csv gets nan for those of tags without one.

        Args:
          step: int.
          values: dict from tag to float.
        """
        def write():
            for tag, value in values.items():
                tf.summary.scalar(tag, value)

        self._write_events(step, write)
        with self._noting(self._history.path):
            self._history.append(step, values)

    def picture(self, step, tag, pixels):
        """Writes a picture, uint8 [height, width, 3]."""
        self._write_events(step, lambda: tf.summary.image(tag, pixels[None]))

    def row(self, train_folder):
        """Writes the row in TensorBoard's HParams tab of the training in a folder."""
        self._write_events(0, lambda: hparams_tab.write_row(self._folder, train_folder))

    def metrics(self, step, **values):
        """Writes values of that row, by their names in hparams_tab.METRICS."""
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

    def _write_events(self, step, write):
        with self._noting(self._folder):
            events = self._events or tf.summary.create_file_writer(self._folder)
            self._events = None     # after a failure, start another file
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
                screen.warn(f"{self.failure}; going on without them.")


def batch_scalars(metrics, batch_size):
    """Returns the values of a batch's summaries: {tag: float}.

    Args:
      metrics: StepMetrics of a batch, summed.
      batch_size: int.
    """
    return {"batch_classification_cost": metrics.classification / batch_size,
            "reconstruction_error": metrics.reconstruction / batch_size,
            "total_loss": metrics.total_loss / batch_size,
            "accuracy": metrics.correct / batch_size,
            "correct_prediction_batch": metrics.correct,
            "almost_correct_batch": metrics.almost_correct}


BATCH_TAGS = tuple(batch_scalars(StepMetrics(0, 0, 0, 0), 1))
# In the order of versions: a history's new columns follow those that it has.
TRAINING_TAGS = (*BATCH_TAGS, *WALL_TIME, "learning_rate")
