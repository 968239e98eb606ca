"""The optimizer and one step of training."""

import keras
import tensorflow as tf

from training import objective

LOWEST_LEARNING_RATE = 1e-6
SLOTS = ("momentum", "velocity")


class LearningRate(keras.optimizers.schedules.ExponentialDecay):
    """Exponential decay, continuous, that ends at a lowest rate."""

    def __call__(self, step):
        return tf.maximum(super().__call__(step), LOWEST_LEARNING_RATE)


class Adam(keras.optimizers.Adam):
    """Keras' Adam, with each variable's update in one pass over memory."""

    def update_step(self, gradient, variable, learning_rate):
        slot = self._get_variable_index(variable)
        step = tf.cast(self.iterations.value + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=self._momentums[slot].value.handle,
            v=self._velocities[slot].value.handle, beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step, lr=learning_rate, beta1=self.beta_1,
            beta2=self.beta_2, epsilon=self.epsilon, grad=gradient)


def make_optimizer(network):
    """Returns Adam with the network's learning rate and a slot for each of its variables."""
    hparams = network.hparams
    optimizer = Adam(
        LearningRate(hparams.learning_rate, hparams.decay_steps, hparams.decay_rate),
        beta_1=0.9, beta_2=0.999, epsilon=1e-8)
    optimizer.build(network.trainable_variables)
    return optimizer


def slots(network, optimizer):
    """Returns Adam's moments as {slot: {path: variable}}, paths as the network's variables'."""
    paths = [path for path, variable in network.variable_paths().items() if variable.trainable]
    return {slot: dict(zip(paths, (variable for variable in optimizer.variables
                                   if variable.path.endswith("_" + slot))))
            for slot in SLOTS}


def make_step(network, optimizer, strategy=None):
    """Returns a function that trains the network on one batch.

    Losses are summed over a device's examples and divided by the global batch, so that the
    sum of the devices' gradients is the gradient of the mean, however the batch was split.

    Args:
      network: Network.
      optimizer: its optimizer.
      strategy: tf.distribute.Strategy, or None for one device.

    Returns:
      Function of a batch that returns its Outcome, summed over the batch as float32 scalars,
      from before the update.
    """
    strategy = strategy or tf.distribute.get_strategy()
    variables = network.trainable_variables

    def replica_step(batch, global_batch):
        with tf.GradientTape() as tape:
            outcome = objective.judge(network.hparams.loss_type, batch, network(batch))
            loss = tf.reduce_sum(outcome.total_loss) / global_batch
        optimizer.apply(tape.gradient(loss, variables), variables)
        return objective.summed(outcome)

    @tf.function
    def step(batch, global_batch):
        outcome = strategy.run(replica_step, args=(batch, global_batch))
        return objective.Outcome(*(strategy.reduce("SUM", value, axis=None)
                                   for value in outcome))

    return step
