"""The work of one contestant, in a process of its own that `contest.hold` starts."""

import resource
import sys
import time

from commands import quiet_tensorflow

_steps = {}     # by the name of the work: what `contestants.make_step` returned


def work(contestant, name, count):
    """Does some steps of a contestant's work.

    Args:
      contestant: dict of a Contestant's attributes, the same at each call.
      name: str, the work: "train", "evaluate", "route", "records" or "multiply".
      count: int, number of steps.

    Returns:
      list of float, seconds of each step; int, items in a step.
    """
    quiet_tensorflow.load()
    from benchmarks.contestants import Contestant, make_step

    if name not in _steps:
        _steps[name] = make_step(Contestant(**contestant), name)
    step, items = _steps[name]
    return [_seconds(step) for _ in range(count)], items


def _seconds(step):
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def peak_memory():
    """Returns the process's peak memory in bytes, on the GPU if there is one, and its name."""
    import tensorflow as tf

    if gpus := tf.config.list_physical_devices("GPU"):
        return (tf.config.experimental.get_memory_info("GPU:0")["peak"],
                tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, None
