"""The optimizer: learning rate, Adam or LAMB, moving average of the weights."""

import keras
import tensorflow as tf

from training.monitoring import screen

LOWEST_LEARNING_RATE = 1e-6
AVERAGE = "average"
SLOTS = ("momentum", "velocity", AVERAGE)


class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of the hyperparameters, never below LOWEST_LEARNING_RATE.

    During the first warmup_steps it rises linearly from 0 to what the schedule says.
    """

    def __init__(self, hparams):
        self._warmup_steps = hparams.warmup_steps
        if hparams.schedule == "cosine":
            self._rate = keras.optimizers.schedules.CosineDecay(
                hparams.learning_rate, hparams.decay_steps)
        else:
            self._rate = keras.optimizers.schedules.ExponentialDecay(
                hparams.learning_rate, hparams.decay_steps, hparams.decay_rate)

    def __call__(self, step):
        rate = self._rate(step)
        if self._warmup_steps:
            rate *= tf.minimum((tf.cast(step, tf.float32) + 1) / self._warmup_steps, 1)
        return tf.maximum(rate, LOWEST_LEARNING_RATE)


def warn_of_early_end(hparams, max_steps):
    """Warns if the learning rate reaches its lowest value before the training ends."""
    if hparams.schedule == "cosine" and hparams.decay_steps < max_steps:
        screen.warn(f"schedule=cosine ends at decay_steps={hparams.decay_steps:g}; the steps "
                    f"from there to --max_steps={max_steps} have the learning rate "
                    f"{LOWEST_LEARNING_RATE:g}.")


class Adam(keras.optimizers.Adam):
    """Keras' Adam, with each variable's update in one pass over memory.

    Attributes:
      moments_from: int64 tf.Variable, the step at which the moments were 0. It is not 0 where a
        training starts from a checkpoint without moments.
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


class Lamb(Adam):
    """LAMB (You et al. 2020, arXiv:1904.00962), without weight decay.

    Each variable moves by Adam's update at rate 1, scaled to the learning rate times the
    variable's length.
    """

    def update_step(self, gradient, variable, learning_rate):
        before = variable.read_value()
        super().update_step(gradient, variable, tf.ones([]))
        update = before - variable.read_value()
        length, update_length = tf.norm(before), tf.norm(update)
        trust = tf.where((length > 0) & (update_length > 0), length / update_length, 1)
        variable.assign(before - learning_rate * trust * update)


def make_optimizer(network):
    """Returns a network's optimizer, which averages its variables if ema_decay is set."""
    hparams = network.hparams
    kind = {"adam": Adam, "lamb": Lamb}[hparams.optimizer]
    optimizer = kind(LearningRate(hparams), beta_1=0.9, beta_2=0.999, epsilon=1e-8,
                     use_ema=hparams.ema_decay > 0, ema_momentum=hparams.ema_decay)
    optimizer.build(network.trainable_variables)
    return optimizer


def optimizer_slots(network, optimizer):
    """Returns an optimizer's moments and moving average as {slot: {network's path: variable}}."""
    paths = [path for path, variable in network.variable_paths().items() if variable.trainable]
    found = {slot: dict(zip(paths, (variable for variable in optimizer.variables
                                    if variable.path.endswith("_" + slot))))
             for slot in SLOTS}
    return {slot: variables for slot, variables in found.items() if variables}
