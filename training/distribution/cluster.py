"""The workers of a training, as the environment variable TF_CONFIG names them."""

import dataclasses
import json
import os

from commands.errors import UsageError

EXAMPLE = ('{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, '
           '"task": {"type": "worker", "index": 0}}')


@dataclasses.dataclass(frozen=True)
class ClusterSpec:
    """The workers of a training, and which of them this process is."""

    addresses: tuple        # of str "host:port", the chief's first
    number: int             # the index of this process's address


def from_environment():
    """Returns the ClusterSpec of TF_CONFIG, or None if it names fewer than two workers.

    Raises:
      UsageError: if TF_CONFIG is not JSON, or its task is no worker.
    """
    text = os.environ.get("TF_CONFIG")
    if not text:
        return None
    try:
        config = json.loads(text)
        cluster = config.get("cluster", {})
        if not cluster.keys() <= {"chief", "worker", "ps", "evaluator"}:
            raise ValueError
        addresses = (*cluster.get("chief", ()), *cluster.get("worker", ()))
        if len(addresses) < 2:
            return None
        own = dict(enumerate(cluster[config["task"]["type"]]))[config["task"]["index"]]
        return ClusterSpec(addresses, addresses.index(own))
    except (AttributeError, LookupError, TypeError, ValueError):
        raise UsageError("TF_CONFIG: expected workers, and one of them as the task, such as "
                         f"{EXAMPLE}, found {text!r}.") from None


def checked(config):
    """Returns a Config; raises UsageError if the workers of TF_CONFIG cannot run it."""
    spec = from_environment()
    if spec and not config.train:
        raise UsageError("TF_CONFIG is for training; evaluate in one process, without it.")
    if spec and config.device_type == "cpu" and config.num_gpus > 1:
        raise UsageError(f"--num_gpus={config.num_gpus}: with TF_CONFIG each worker's CPU is one "
                         "device.")
    return config
