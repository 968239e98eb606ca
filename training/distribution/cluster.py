"""Which processes train together: what the environment variable TF_CONFIG says."""

import dataclasses
import json
import os
import re

from commands.errors import UsageError

VARIABLE = "TF_CONFIG"
EXAMPLE = ('{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, '
           '"task": {"type": "worker", "index": 0}}')


@dataclasses.dataclass(frozen=True)
class ClusterSpec:
    """The workers of a training, the chief first, and which of them this process is."""

    addresses: tuple        # of str "host:port"
    number: int

    @property
    def is_chief(self):
        """Whether this is the worker that writes."""
        return self.number == 0


def from_environment(environment):
    """Returns the ClusterSpec of a dict of environment variables.

    A cluster has "worker" and, if one likes, one "chief", which then comes first.

    Returns:
      ClusterSpec, or None without TF_CONFIG, or if it names one process alone.

    Raises:
      UsageError: if it names no such cluster.
    """
    text = environment.get(VARIABLE)
    if not text:
        return None
    try:
        config = json.loads(text)
        cluster, task = config.get("cluster") or {}, config.get("task") or {}
        addresses = [address for job in ("chief", "worker") for address in cluster.get(job, [])]
        others = sorted(set(cluster) - {"chief", "worker"})
        job, index = task.get("type"), task.get("index")
    except (ValueError, AttributeError, TypeError):
        raise _error(f"found {text!r}") from None
    if others or len(cluster.get("chief", [])) > 1:
        raise _error(f"found {', '.join(others) or 'several chiefs'} in its cluster")
    for address in addresses:
        if not isinstance(address, str) or not _is_address(address):
            raise _error(f"found {address!r} as a worker's address")
    if len(set(addresses)) != len(addresses):
        raise _error("found an address twice")
    if len(addresses) < 2:
        return None
    if job not in ("chief", "worker") or type(index) is not int or not (
            0 <= index < len(cluster.get(job, []))):
        raise _error(f"found the task {json.dumps(task)}, which is none of the cluster")
    before = len(cluster.get("chief", [])) if job == "worker" else 0
    return ClusterSpec(tuple(addresses), before + index)


def checked(config):
    """Returns a Config that can be done with what TF_CONFIG says, if it says anything.

    Raises:
      UsageError: if it cannot.
    """
    check(config, from_environment(os.environ))
    return config


def check(config, spec):
    """Checks that a cluster can do what a configuration asks for.

    Args:
      config: Config.
      spec: ClusterSpec or None.

    Raises:
      UsageError: if not.
    """
    if spec and not config.train:
        raise UsageError(f"{VARIABLE} is for training: evaluation takes one process, without it.")
    if spec and config.device_type == "cpu" and config.num_gpus > 1:
        raise UsageError(f"--num_gpus={config.num_gpus}: with {VARIABLE} each worker's CPU is "
                         "one device.")


def _is_address(text):
    found = re.fullmatch(r".+:([0-9]{1,5})", text)
    return found and 0 < int(found[1]) < 2**16


def _error(found):
    return UsageError(f"{VARIABLE}: expected workers and one of them, such as {EXAMPLE}, {found}.")
