"""Which device each of several processes gets: a GPU of its own, or a share of the processor."""

import glob
import itertools
import os

from commands.errors import UsageError

GPUS = "CUDA_VISIBLE_DEVICES"
THREADS = "TF_NUM_INTRAOP_THREADS"


def visible_gpus(environment):
    """Returns the GPUs that processes with an environment see, without asking TensorFlow.

    Args:
      environment: dict of str; its CUDA_VISIBLE_DEVICES, if any, decides.

    Returns:
      list of str, as they stand in CUDA_VISIBLE_DEVICES.
    """
    chosen = environment.get(GPUS)
    if chosen is None:
        # CUDA counts the cards that are there, whatever the names of their files.
        return [str(number) for number in range(len(glob.glob("/dev/nvidia[0-9]*")))]
    entries = (entry.strip() for entry in chosen.split(","))
    # CUDA sees none from the first impossible entry on; -1 is the usual one.
    return list(itertools.takewhile(lambda entry: entry and not entry.startswith("-"), entries))


def shares(at_once, gpus, environment, gpus_each=1):
    """Returns what the environments of processes at work at the same time say of their devices.

    Args:
      at_once: int, how many processes.
      gpus: list of str, the GPUs to divide; without any, the processes share the CPU.
      environment: dict of str, the one that the processes inherit.
      gpus_each: int, GPUs for each process.

    Returns:
      list of dicts of str, one for each process, to be laid over the environment.

    Raises:
      UsageError: if there are GPUs, but too few.
    """
    if at_once == 1:
        return [{}]
    if not gpus:
        threads = max(1, (os.cpu_count() or 1) // at_once)
        return [{THREADS: environment.get(THREADS) or str(threads)}] * at_once
    if at_once * gpus_each > len(gpus):
        raise UsageError(f"--at_once: expected at most {max(1, len(gpus) // gpus_each)}, found "
                         f"{at_once}; GPUs here: {len(gpus)}, for each training: {gpus_each}.")
    return [{GPUS: ",".join(gpus[first:first + gpus_each])}
            for first in range(0, at_once * gpus_each, gpus_each)]
