"""The training loop: batches, steps, summaries, checkpoints."""

import math

import tensorflow as tf

from input_data.dataset import DataError
from input_data.pipeline import plain_data_errors, training_batches
from training import checkpoints, objective, optimization, progress, summaries
from training.errors import NonFiniteLossError
from training.interrupts import Interrupts

SCALARS_EVERY = 10      # steps
DETAILS_EVERY = 100     # steps; with the hyperparameter verbose


def train(network, optimizer, split, folder, max_steps, save_step, batch_size, seed,
          micro_batch=None):
    """Trains a network from its optimizer's step to max_steps.

    Leaves in the folder: checkpoints every save_step and at the end, summaries, history.csv.
    Ctrl-C and SIGTERM end the training after the step, with a checkpoint.

    Args:
      network: Network.
      optimizer: its optimizer (see `optimization.make_optimizer`).
      split: Split to train on.
      folder: str, must exist.
      max_steps: int, the step to end at.
      save_step: int, steps between checkpoints.
      batch_size: examples in a batch, over all devices.
      seed: int, decides order and augmentation of the examples.
      micro_batch: most examples that are computed at once, or None for the whole batch.

    Returns:
      The exit status that a signal asks for, or None.

    Raises:
      DataError: for damaged examples; after a checkpoint.
      NonFiniteLossError: if a loss is not a number; the last checkpoint is from before.
      RunError: if files cannot be written.
    """
    first_step = int(optimizer.iterations)
    writer = checkpoints.Writer(folder, network, optimizer)
    train_step = optimization.make_step(network, optimizer, micro_batch=micro_batch)
    global_batch = tf.constant(batch_size, tf.float32)
    with (
        Interrupts() as interrupts,
        summaries.Summaries(folder, summaries.TRAINING_TAGS, lambda step: step > first_step)
        as summary,
        progress.bar("Training", max_steps * batch_size, first_step * batch_size) as bar,
    ):
        batches = iter(training_batches(split, batch_size, seed, first_step))
        for step in range(first_step + 1, max_steps + 1):
            try:
                with plain_data_errors():
                    batch = next(batches)
            except DataError:
                writer.save()
                raise
            outcome = objective.Outcome(*map(float, train_step(batch, global_batch)))
            _check_finite(outcome, step, folder)
            values = summaries.training_scalars(outcome, batch_size)
            bar.set_postfix(step=step, loss=f"{values['total_loss']:.4f}",
                            accuracy=f"{values['accuracy']:.1%}", refresh=False)
            bar.update(batch_size)
            if step % SCALARS_EVERY == 0 or step in (first_step + 1, max_steps):
                summary.scalars(step, values)
            if network.hparams.verbose and step % DETAILS_EVERY == 0:
                summary.details(step, network, batch)
            if step % save_step == 0 or step == max_steps or interrupts.received:
                name = writer.save()
            if interrupts.received:
                break
    print(f"{'Stopped' if interrupts.received else 'Finished'} at step {step}: {name}")
    return interrupts.status


def _check_finite(outcome, step, folder):
    for term in ("classification", "reconstruction"):
        value = getattr(outcome, term)
        if not math.isfinite(value):
            last = checkpoints.latest(folder)
            raise NonFiniteLossError(
                f"Step {step}: the {term} loss is {value}; the last good checkpoint is "
                f"{last or 'none'}.")
