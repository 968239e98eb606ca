"""The optimizer and one step of training."""

import keras
import tensorflow as tf

from training import objective, progress
from training.towers import ONE

LOWEST_LEARNING_RATE = 1e-6
AVERAGE = "average"
SLOTS = ("momentum", "velocity", AVERAGE)


class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """The rate that hyperparameters ask for, continuous, and never below a lowest one."""

    def __init__(self, hparams):
        if hparams.schedule == "cosine":
            self._rate = keras.optimizers.schedules.CosineDecay(
                hparams.learning_rate, hparams.decay_steps)
        else:
            self._rate = keras.optimizers.schedules.ExponentialDecay(
                hparams.learning_rate, hparams.decay_steps, hparams.decay_rate)

    def __call__(self, step):
        return tf.maximum(self._rate(step), LOWEST_LEARNING_RATE)


def warn_of_early_end(hparams, max_steps):
    """Says on the screen if the learning rate is at its lowest long before a training ends."""
    if hparams.schedule == "cosine" and hparams.decay_steps < max_steps:
        progress.warn(f"schedule=cosine ends at decay_steps={hparams.decay_steps:g}; the steps "
                      f"from there to --max_steps={max_steps} have the learning rate "
                      f"{LOWEST_LEARNING_RATE:g}.")


class Adam(keras.optimizers.Adam):
    """Keras' Adam, with each variable's update in one pass over memory.

    Attributes:
      moments_from: int64 tf.Variable, the step at which the moments were 0: not step 0 where a
        training starts from a checkpoint that has none.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.moments_from = tf.Variable(0, trainable=False, dtype=tf.int64)

    def update_step(self, gradient, variable, learning_rate):
        slot = self._get_variable_index(variable)
        steps = tf.cast(self.iterations.value, tf.int64) + 1 - self.moments_from
        step = tf.cast(steps, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=self._momentums[slot].value.handle,
            v=self._velocities[slot].value.handle, beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step, lr=learning_rate, beta1=self.beta_1,
            beta2=self.beta_2, epsilon=self.epsilon, grad=gradient)


def make_optimizer(network):
    """Returns Adam with the network's learning rate and slots for each of its variables.

    With the hyperparameter ema_decay it keeps an exponential moving average of each, too.
    """
    hparams = network.hparams
    optimizer = Adam(LearningRate(hparams), beta_1=0.9, beta_2=0.999, epsilon=1e-8,
                     use_ema=hparams.ema_decay > 0, ema_momentum=hparams.ema_decay)
    optimizer.build(network.trainable_variables)
    return optimizer


def slots(network, optimizer):
    """Returns an optimizer's variables as {slot: {path: variable}}, paths as the network's.

    The slots are Adam's moments and, where it keeps one, the moving average.
    """
    paths = [path for path, variable in network.variable_paths().items() if variable.trainable]
    found = {slot: dict(zip(paths, (variable for variable in optimizer.variables
                                    if variable.path.endswith("_" + slot))))
             for slot in SLOTS}
    return {slot: variables for slot, variables in found.items() if variables}


def make_step(network, optimizer, towers=ONE, micro_batch=None):
    """Returns a function that trains the network on one batch.

    Losses are summed over a device's examples and divided by the global batch, so that the
    sum of the devices' gradients is the gradient of the mean, however the batch was split.

    Args:
      network: Network.
      optimizer: its optimizer.
      towers: Towers.
      micro_batch: most examples that a device computes at once, or None for all of its share:
        the gradients of the parts are added up, which takes less memory, and gives the same
        update but for rounding.

    Returns:
      Function of a batch, as `Towers.spread` returns it, and of the number of examples in the
      whole batch; returns its Outcome, summed over the batch as float32 scalars, from before the
      update.
    """
    variables = network.trainable_variables

    def gradients(batch, global_batch):
        with tf.GradientTape() as tape:
            outcome = objective.judge(network.hparams, batch, network(batch))
            loss = tf.reduce_sum(outcome.total_loss) / global_batch
        return tape.gradient(loss, variables), objective.summed(outcome)

    def replica_step(batch, global_batch):
        if micro_batch is None or batch["images"].shape[0] <= micro_batch:
            total, outcome = gradients(batch, global_batch)
        else:
            total, outcome = _sum_of_parts(gradients, batch, global_batch, micro_batch, variables)
        optimizer.apply(total, variables)
        return tf.stack(outcome)    # which is sent to other devices at once

    @tf.function
    def step(batch, global_batch):
        outcome = towers.sum(towers.run(replica_step, batch, global_batch))
        return objective.Outcome(*tf.unstack(outcome))

    return step


def _sum_of_parts(gradients, batch, global_batch, micro_batch, variables):
    """Returns the gradients and the Outcome of a batch, summed over its parts."""
    size = batch["images"].shape[0]

    def add(start, total, outcome):
        part = {key: values[start:start + micro_batch] for key, values in batch.items()}
        more, counted = gradients(part, global_batch)
        total = [old + tf.convert_to_tensor(new) for old, new in zip(total, more)]
        return start + micro_batch, total, objective.Outcome(*map(tf.add, outcome, counted))

    none = [tf.zeros(variable.shape) for variable in variables]
    nothing = objective.Outcome(*[tf.constant(0.0)] * len(objective.Outcome._fields))
    _, total, outcome = tf.while_loop(
        lambda start, *_: start < size, add, [tf.constant(0), none, nothing],
        parallel_iterations=1)
    return total, outcome
