"""Chooses a run's devices: GPUs, parts of the CPU, or the workers of a cluster."""

import functools

import tensorflow as tf

from commands.errors import RunError, reason
from training.distribution import cluster
from training.distribution.replicas import ONE, Replicas


def prepare(config):
    """Chooses a Config's devices and connects the workers of a cluster, before TensorFlow's use.

    Raises:
      RunError: if there are fewer devices than asked for, or the workers cannot connect.
    """
    _choose(config.num_gpus, config.device_type)
    if spec := cluster.from_environment():
        _connect(spec)


def replicas(config):
    """Returns the Replicas of a Config that was prepared, or of one device."""
    if spec := cluster.from_environment():
        return _connect(spec)
    if config.num_gpus == 1:
        return ONE
    names = [f"{config.device_type.upper()}:{number}" for number in range(config.num_gpus)]
    # Other ways to sum on CPUs remember the devices of a process's first strategy.
    sums = tf.distribute.ReductionToOneDevice() if config.device_type == "cpu" else None
    return Replicas(tf.distribute.MirroredStrategy(names, cross_device_ops=sums))


def _choose(number, device_type):
    gpus = tf.config.list_physical_devices("GPU")
    if device_type == "gpu" and not gpus and number == 1:
        print("There is no GPU; the CPU computes.")
        return
    if device_type == "gpu" and number > len(gpus):
        raise RunError(f"--num_gpus={number}: there {'is' if len(gpus) == 1 else 'are'} "
                       f"{len(gpus)}; --device_type=cpu splits the CPU into {number} instead.")
    try:
        tf.config.set_visible_devices(gpus[:number] if device_type == "gpu" else [], "GPU")
        if device_type == "cpu" and number > 1:
            _split_cpu(number)
    except RuntimeError:
        raise RunError(f"--num_gpus={number} --device_type={device_type}: this process has "
                       "chosen other devices before; start another.") from None


def _split_cpu(number):
    cpu, = tf.config.list_physical_devices("CPU")
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * number)
    except RuntimeError:        # TensorFlow was used before; there may be enough parts
        if len(tf.config.list_logical_devices("CPU")) < number:
            raise


@functools.cache
def _connect(spec):
    """Returns the Replicas of a cluster, once all workers have come."""
    others = [address for address in spec.addresses if address != spec.addresses[spec.number]]
    print(f"Worker {spec.number} of {len(spec.addresses)} waits for {', '.join(others)}, up to "
          "an hour. Ctrl-C and SIGTERM have no effect meanwhile.", flush=True)
    try:
        # An hour is TensorFlow's limit, and not to be changed. It waits with Python stopped.
        return Replicas(tf.distribute.MultiWorkerMirroredStrategy(), spec)
    except (tf.errors.OpError, ValueError) as error:
        raise RunError(f"TF_CONFIG: worker {spec.number} ({spec.addresses[spec.number]}) cannot "
                       f"connect: {reason(error)}.") from None
