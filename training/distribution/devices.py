"""Chooses a run's devices: GPUs, parts of the CPU, or a cluster's workers."""

import contextlib
import os
import subprocess
import sys

import tensorflow as tf

from commands.errors import RunError
from training.distribution import cluster, rendezvous
from training.distribution.replicas import ONE, Replicas

CONNECT_SECONDS = 40        # for workers that have met
# Waits for the end of standard input; ends its parent, with a line, if that comes too late.
WATCH = """
import os, select, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
if not select.select([0], [], [], float(sys.argv[1]))[0]:
    print(sys.argv[2], flush=True)
    os.kill(os.getppid(), signal.SIGKILL)
"""

_cluster = []       # the Replicas of the cluster that this process is in, if it is in one


def prepare(config):
    """Chooses the devices that TensorFlow will see, and connects the workers of a cluster.

    To be called between TensorFlow's import and its first use.

    Args:
      config: Config.

    Raises:
      RunError: if there are not so many devices, or a worker does not come.
    """
    chosen = _choose(config.num_gpus, config.device_type)
    spec = cluster.from_environment(os.environ)
    if spec and not _cluster:
        rendezvous.meet(spec, chosen, config.patience_minutes)
        _cluster.append(_connect(spec))


def replicas(config):
    """Returns the Replicas of a run; those of the cluster are for training alone.

    Args:
      config: Config, for which `prepare` was called, or of one device.
    """
    if _cluster and config.train:
        return _cluster[0]
    if config.num_gpus == 1:
        return ONE
    if config.device_type == "gpu":
        return Replicas(tf.distribute.MirroredStrategy(
            [f"GPU:{number}" for number in range(config.num_gpus)]))
    return Replicas(tf.distribute.MirroredStrategy(
        [f"CPU:{number}" for number in range(config.num_gpus)],
        # The others keep what they learned of the first strategy of a process.
        cross_device_ops=tf.distribute.ReductionToOneDevice()))


def _choose(number, device_type):
    """Chooses devices, and returns what they are, in words."""
    gpus = tf.config.list_physical_devices("GPU")
    if device_type == "gpu" and not gpus and number == 1:
        print("There is no GPU; the CPU computes.")
    elif device_type == "gpu" and number > len(gpus):
        raise RunError(f"--num_gpus={number}: there {'is' if len(gpus) == 1 else 'are'} "
                       f"{len(gpus)}; --device_type=cpu splits the CPU into {number} instead.")
    else:
        try:
            tf.config.set_visible_devices(gpus[:number] if device_type == "gpu" else [], "GPU")
            if device_type == "cpu" and number > 1:
                _split_cpu(number)
        except RuntimeError:
            raise RunError(f"--num_gpus={number} --device_type={device_type}: this process has "
                           "chosen other devices before; start another.") from None
    return f"{number} {'GPU' if device_type == 'gpu' and gpus else 'CPU'}"


def _split_cpu(number):
    parts = [tf.config.LogicalDeviceConfiguration()] * number
    try:
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0], parts)
    except RuntimeError:        # it is in use; there may be as many, or more
        if len(tf.config.list_logical_devices("CPU")) < number:
            raise


def _connect(spec):
    """Returns the Replicas of a cluster whose workers have met."""
    with _watched(CONNECT_SECONDS, f"Worker {spec.number}: the others cannot be reached, or have "
                  "gone; start all workers again."):
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    return Replicas(strategy, spec)


@contextlib.contextmanager
def _watched(seconds, line):
    """Ends this process with a line on the screen if the block takes longer.

    TensorFlow connects with all threads of Python stopped, and waits an hour for a worker that
    went meanwhile: only another process can end that.
    """
    with subprocess.Popen([sys.executable, "-c", WATCH, str(seconds), line],
                          stdin=subprocess.PIPE):       # which is closed at the block's end
        yield
