"""Divides a machine between processes: GPUs of its own for each, or a share of the processor."""

import glob
import itertools
import os

from commands.errors import UsageError

GPUS = "CUDA_VISIBLE_DEVICES"
THREADS = "TF_NUM_INTRAOP_THREADS"


def visible_gpus(environment):
    """Returns the GPUs that TensorFlow would find in an environment: list of str."""
    chosen = environment.get(GPUS)
    if chosen is None:
        # CUDA numbers the cards from 0, whatever their files are called.
        return [str(number) for number in range(len(glob.glob("/dev/nvidia[0-9]*")))]
    entries = (entry.strip() for entry in chosen.split(","))
    # CUDA ignores all entries from the first invalid one on, usually -1.
    return list(itertools.takewhile(lambda entry: entry and not entry.startswith("-"), entries))


def shares(at_once, environment, device_type="gpu", gpus_each=1):
    """Returns environment variables that give each process its devices: list of dicts of str.

    Args:
      at_once: int, processes.
      environment: dict of str that they inherit.
      device_type: "gpu", or "cpu" to leave the GPUs alone.
      gpus_each: int, GPUs for each process.

    Raises:
      UsageError: if there are GPUs, but too few.
    """
    if at_once == 1:
        return [{}]
    gpus = visible_gpus(environment) if device_type == "gpu" else []
    if not gpus:
        threads = max(1, (os.cpu_count() or 1) // at_once)
        return [{THREADS: environment.get(THREADS) or str(threads)}] * at_once
    if at_once * gpus_each > len(gpus):
        raise UsageError(f"--at_once: expected at most {max(1, len(gpus) // gpus_each)}, found "
                         f"{at_once}; GPUs here: {len(gpus)}, for each training: {gpus_each}.")
    return [{GPUS: ",".join(gpus[first:first + gpus_each])}
            for first in range(0, at_once * gpus_each, gpus_each)]
