"""The training loop: batch, update, summaries, checkpoint."""

import contextlib
import dataclasses
import math
import time
from typing import Any

import numpy as np
import tensorflow as tf

from commands.errors import NonFiniteLossError, RunError
from commands.signals import Interrupts
from input_data.dataset import Dataset
from input_data.pipeline import plain_data_errors, training_batches
from training.config import TIME_IS_UP_STATUS, Config
from training.distribution.replicas import ONE, Replicas
from training.monitoring import routing_scalars, screen, tensorboard
from training.monitoring.clock import Clock
from training.monitoring.history import training_seconds
from training.optimizer import LearningRate
from training.run_folder import contents
from training.step import StepMetrics, make_train_step

SCALARS_EVERY = 10      # steps
DETAILS_EVERY = 100     # steps; with the hyperparameter verbose
TIME_IS_UP = 1          # below the number of every signal that asks to end


class Hook:
    """Callbacks of a training, for tests and measurements; these do nothing."""

    def before_step(self, step, batch):
        """Receives a step's number and its batch, a dict."""

    def after_step(self, step, metrics):
        """Receives a step's number and its StepMetrics, summed over the batch."""

    def around_save(self, step):
        """Returns a context manager around the writing of a step's checkpoint."""
        return contextlib.nullcontext()


@dataclasses.dataclass(frozen=True)
class Training:
    """What a training needs; `replicas` is the Replicas that the network was made for."""

    config: Config
    network: Any
    optimizer: Any
    data: Dataset
    writer: Any
    replicas: Replicas = ONE


def run(training, deadline=math.inf, hook=None):
    """Trains a network from its optimizer's step to max_steps.

    Writes checkpoints every save_step and at the end, summaries, history.csv and, at max_steps,
    finished.json. Ctrl-C, SIGTERM and the deadline end the training after the current step, with
    a checkpoint. A checkpoint that cannot be written is reported and tried again.

    Args:
      training: Training.
      deadline: float, the value of time.monotonic() to end at.
      hook: Hook, or None.

    Returns:
      The exit status of a signal or the deadline, or None.

    Raises:
      DataError: for damaged examples; after a checkpoint.
      NonFiniteLossError: if a loss is not finite; the last checkpoint is from before.
      RunError: if the last checkpoint, or a summary, cannot be written.
    """
    hook = Hook() if hook is None else hook
    config, network, writer = training.config, training.network, training.writer
    replicas, batch_size = training.replicas, config.batch_size
    first_step = int(training.optimizer.iterations.numpy())
    train_step = make_train_step(network, training.optimizer, replicas, config.micro_batch)
    global_batch = tf.constant(batch_size, tf.float32)
    learning_rate = LearningRate(network.hparams)
    with (
        Interrupts() as interrupts,
        tensorboard.Summaries(writer.folder, _tags(network),
                              lambda step: step > first_step) as summary,
        screen.bar("Training", config.max_steps * batch_size, first_step * batch_size) as bar,
    ):
        summary.row(writer.folder)
        clock = Clock(first_step, training_seconds(writer.folder) if first_step else 0, batch_size)
        batches = iter(training_batches(training.data, batch_size, config.seed, first_step,
                                        replicas.part(batch_size)))
        for step in range(first_step + 1, config.max_steps + 1):
            batch = _next(batches, training, step if step > first_step + 1 else None)
            hook.before_step(step, batch)
            metrics = StepMetrics(*map(float, train_step(replicas.spread(batch, batch_size),
                                                         global_batch)))
            interrupts.begin()
            hook.after_step(step, metrics)
            _check_losses(metrics, step, writer)

            values = tensorboard.batch_scalars(metrics, batch_size)
            bar.set_postfix(step=step, loss=f"{values['total_loss']:.4f}",
                            accuracy=f"{values['accuracy']:.1%}", refresh=False)
            bar.update(batch_size)
            last = (step == config.max_steps
                    or _is_asked_to_end(replicas, interrupts, deadline))
            detailed = network.hparams.verbose and step % DETAILS_EVERY == 0
            if detailed:
                values |= _details(summary, step, network, batch, config.micro_batch)
            if last or detailed or step % SCALARS_EVERY == 0 or step == first_step + 1:
                values["learning_rate"] = float(learning_rate(step - 1))
                summary.scalars(step, values | clock.lap(step))
                summary.metrics(step, training_loss=values["total_loss"])

            if last or writer.overdue or step % config.save_step == 0:
                _check_variables(network, step, writer)
                with hook.around_save(step):
                    _save(writer, last)
            if last:
                replicas.wait()         # until the chief has saved
                break
    return _end(writer, step, config.max_steps, interrupts, summary)


def _next(batches, training, step):
    """Returns the next batch; saves the training, if there was a step, when that fails."""
    try:
        with plain_data_errors():
            return next(batches)
    except Exception:
        if step is not None and training.replicas.is_chief:
            _check_variables(training.network, step - 1, training.writer)
            try:
                print(f"Stopped at step {step - 1}: {training.writer.save()}")
            except RunError as error:
                screen.warn(str(error))
        raise


def _tags(network):
    """Returns the names of a training's scalars."""
    details = routing_scalars.tags(network) if network.hparams.verbose else ()
    return *tensorboard.TRAINING_TAGS, *details


def _details(summary, step, network, batch, most):
    """Writes a step's details and returns its routing scalars, for `most` examples of a batch."""
    # No more at once than training computes.
    part = {key: examples[:most] for key, examples in batch.items()}
    summary.details(step, network, part)
    return routing_scalars.values(network, part["images"])


def _is_asked_to_end(replicas, interrupts, deadline):
    """Whether a signal or the deadline asks any of the workers to end."""
    number = replicas.highest(interrupts.received or TIME_IS_UP * (time.monotonic() >= deadline))
    if number > TIME_IS_UP:
        interrupts.receive(number)
    return number > 0


def _save(writer, last):
    try:
        writer.save()
    except RunError as error:
        if last:
            raise
        screen.warn(f"{error} Training goes on and tries again within a minute.")


def _end(writer, step, max_steps, interrupts, summary):
    """Prints how the training ended, and returns its exit status."""
    if interrupts.received and step < max_steps:
        print(f"Stopped at step {step}: {writer.newest}")
        return interrupts.status
    if step == max_steps:
        contents.write(writer.folder, contents.FINISHED, {"step": step})
        print(f"Finished at step {step}: {writer.newest}")
    else:
        print(f"Time is up at step {step} of {max_steps}, saved: {writer.newest}; the same command "
              "goes on.")
    if summary.failure:
        raise RunError(f"{summary.failure}; the checkpoint is whole.")
    return None if step == max_steps else TIME_IS_UP_STATUS


def _check_losses(metrics, step, writer):
    for term in ("classification", "reconstruction"):
        value = getattr(metrics, term)
        if not math.isfinite(value):
            raise NonFiniteLossError(
                f"Step {step}: the {term} loss is {value}; the last good checkpoint is "
                f"{writer.newest or 'none'}.")


def _check_variables(network, step, writer):
    """Raises NonFiniteLossError before such variables reach a checkpoint."""
    for path, variable in network.variable_paths().items():
        if not np.isfinite(variable.numpy()).all():
            raise NonFiniteLossError(
                f"Step {step}: the update of {path} is not finite; the last good checkpoint is "
                f"{writer.newest or 'none'}.")
