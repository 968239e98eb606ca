"""Facts about the machine, for reports."""

import os
import platform
from importlib import metadata


def facts(threads=0):
    """Returns processor, cores, TensorFlow's threads (0: its choice), memory, versions: a dict."""
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "threads": str(threads or "TensorFlow's choice"),
        "memory": f"{gib:.1f} GiB",
        "system": platform.platform(),
        "Python": platform.python_version(),
        "TensorFlow": metadata.version("tensorflow"),
        "Keras": metadata.version("keras"),
    }


def _processor():
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() == "model name":
                    return value.strip()
    return platform.processor() or platform.machine()
