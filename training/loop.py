"""The training loop: batches, steps, summaries, checkpoints."""

import math
import time

import numpy as np
import tensorflow as tf

from commands.errors import NonFiniteLossError, RunError
from commands.signals import Interrupts
from input_data.pipeline import plain_data_errors, training_batches
from training.distribution.replicas import ONE
from training.monitoring import progress, tensorboard
from training.run_folder import contents
from training.step import StepMetrics, make_train_step

SCALARS_EVERY = 10      # steps
DETAILS_EVERY = 100     # steps; with the hyperparameter verbose
TIME_IS_UP = 1          # below the number of every signal that asks to end


def train(network, optimizer, split, writer, max_steps, save_step, batch_size, seed,
          deadline=math.inf, micro_batch=None, towers=ONE):
    """Trains a network from its optimizer's step to max_steps.

    Leaves in the writer's folder: checkpoints every save_step and at the end, summaries,
    history.csv, and the mark of a finished training. Ctrl-C and SIGTERM end the training after
    the step, with a checkpoint; so does the deadline. What cannot be written on the way is
    reported, and tried again.

    Args:
      network: Network.
      optimizer: its optimizer (see `optimization.make_optimizer`).
      split: Split to train on.
      writer: CheckpointWriter of both.
      max_steps: int, the step to end at.
      save_step: int, steps between checkpoints.
      batch_size: examples in a batch, over all devices.
      seed: int, decides order and augmentation of the examples.
      deadline: float, what time.monotonic() says when the training is to end.
      micro_batch: most examples that a device computes at once, or None for its whole share.
      towers: Towers, in whose scope the network was made.

    Returns:
      The exit status that a signal asks for, or None.

    Raises:
      DataError: for damaged examples; after a checkpoint.
      NonFiniteLossError: if a loss is not a number; the last checkpoint is from before.
      RunError: if the last checkpoint, or a summary, could not be written.
    """
    first_step = int(optimizer.iterations.numpy())
    train_step = make_train_step(network, optimizer, towers=towers, micro_batch=micro_batch)
    global_batch = tf.constant(batch_size, tf.float32)
    with (
        Interrupts() as interrupts,
        tensorboard.Summaries(writer.folder, tensorboard.TRAINING_TAGS,
                            lambda step: step > first_step) as summary,
        progress.bar("Training", max_steps * batch_size, first_step * batch_size) as bar,
    ):
        summary.row(writer.folder)
        batches = iter(training_batches(split, batch_size, seed, first_step,
                                        towers.part(batch_size)))
        for step in range(first_step + 1, max_steps + 1):
            try:
                with plain_data_errors():
                    batch = next(batches)
            except Exception:
                if step > first_step + 1 and towers.is_chief:
                    _save_before_error(network, writer, step - 1)
                raise
            outcome = StepMetrics(*map(float, train_step(
                towers.spread(batch, batch_size), global_batch)))
            interrupts.begin()
            _check_losses(outcome, step, writer)
            values = tensorboard.training_scalars(outcome, batch_size)
            bar.set_postfix(step=step, loss=f"{values['total_loss']:.4f}",
                            accuracy=f"{values['accuracy']:.1%}", refresh=False)
            bar.update(batch_size)
            if step % SCALARS_EVERY == 0 or step in (first_step + 1, max_steps):
                summary.scalars(step, values)
                summary.metrics(step, training_loss=values["total_loss"])
            if network.hparams.verbose and step % DETAILS_EVERY == 0:
                # No more at once than training takes.
                summary.details(step, network,
                                {key: values[:micro_batch] for key, values in batch.items()})
            last = _is_asked_to_end(towers, interrupts, deadline) or step == max_steps
            if last or writer.overdue or step % save_step == 0:
                _check_variables(network, step, writer)
                _save(writer, last)
            if last:
                towers.wait()       # until the chief has saved
                break
    return _end(writer, step, max_steps, interrupts, summary)


def _is_asked_to_end(towers, interrupts, deadline):
    """Returns whether a signal or the deadline says so, to any of the workers."""
    number = towers.highest(interrupts.received or TIME_IS_UP * (time.monotonic() >= deadline))
    if number > TIME_IS_UP:
        interrupts.receive(number)
    return number > 0


def _save(writer, last):
    try:
        writer.save()
    except RunError as error:
        if last:
            raise
        progress.warn(f"{error} Going on; it is tried again within a minute.")


def _save_before_error(network, writer, step):
    """Saves what was trained before the next batch could not be had."""
    _check_variables(network, step, writer)
    try:
        print(f"Stopped at step {step}: {writer.save()}")
    except RunError as error:
        progress.warn(str(error))


def _end(writer, step, max_steps, interrupts, summary):
    """Says how the training ended, and returns its exit status."""
    if interrupts.received and step < max_steps:
        print(f"Stopped at step {step}: {writer.newest}")
        return interrupts.status
    contents.write(writer.folder, contents.FINISHED, {"step": step})
    if step < max_steps:
        print(f"Time is up at step {step} of {max_steps}: {writer.newest}; the same command "
              "goes on.")
    else:
        print(f"Finished at step {step}: {writer.newest}")
    if summary.failure:
        raise RunError(f"{summary.failure}; the checkpoint is whole.")
    return None


def _check_losses(outcome, step, writer):
    for term in ("classification", "reconstruction"):
        value = getattr(outcome, term)
        if not math.isfinite(value):
            raise NonFiniteLossError(
                f"Step {step}: the {term} loss is {value}; the last good checkpoint is "
                f"{writer.newest or 'none'}.")


def _check_variables(network, step, writer):
    """Keeps what the next loss would show out of a checkpoint."""
    for path, variable in network.variable_paths().items():
        if not np.isfinite(variable.numpy()).all():
            raise NonFiniteLossError(
                f"Step {step}: the update of {path} is not finite; the last good checkpoint is "
                f"{writer.newest or 'none'}.")
