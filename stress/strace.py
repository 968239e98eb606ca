"""System calls of a process, by strace: which there are, and what happens when one goes wrong."""

import dataclasses
import os
import re
import shutil
import subprocess

# What changes or reaches files; `close` is not among them, it cannot lose what fsync brought home.
CALLS = ("openat", "creat", "write", "pwrite64", "writev", "pwritev", "ftruncate", "fsync",
         "fdatasync", "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat",
         "mkdir", "mkdirat", "rmdir")
# strace does not know every name on every machine: ? leaves those out.
TRACE = "trace=" + ",".join(f"?{name}" for name in CALLS)
FAULTS = {"SIGKILL": "signal=SIGKILL", "EIO": "error=EIO", "ENOSPC": "error=ENOSPC"}


def missing():
    """Returns why calls cannot be traced here, or None."""
    return None if shutil.which("strace") else "strace is not installed"


@dataclasses.dataclass(frozen=True)
class Call:
    """A system call of a thread.

    Attributes:
      name: str.
      ordinal: int, which of the thread's calls of this name, from 1.
      arguments: str, as strace shows them, with the paths of descriptors.
    """

    name: str
    ordinal: int
    arguments: str

    def paths(self):
        """Returns the paths that the call names, by name or by descriptor."""
        given = re.sub(r"AT_FDCWD<[^>]*>|\) += .*", "", self.arguments)
        return re.findall(r'[<"](/[^>"]*)[>"]', given)

    def __str__(self):
        """Returns the call without what differs from run to run: process ids, random names."""
        names = " ".join(os.path.basename(path) for path in self.paths())
        return f"{self.name} " + re.sub(r"(part-|tempstate)\d+\b(?!-of)", r"\1N", names)


class Tracer:
    """strace, attached to all threads of a process until that ends.

    Args:
      pid: int.
      log: str, file for the calls.
      fault: (Call, key of FAULTS) to inject, or None.
    """

    def __init__(self, pid, log, fault=None):
        self._log = log
        command = ["strace", "-f", "-y", "-s", "16", "-o", log, "-e", TRACE, "-p", str(pid)]
        if fault:
            call, kind = fault
            command += ["-e", f"inject={call.name}:{FAULTS[kind]}:when={call.ordinal}"]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        line = self._process.stderr.readline()
        if "attached" not in line:
            self._process.kill()
            raise OSError(f"strace: {line.strip()}")

    def calls(self):
        """Waits for the process' end and returns its Calls, and the index of the one injected."""
        self._process.communicate()
        return parse(self._log)


def parse(log):
    """Returns the Calls in strace's log, and the index of the one that the fault was injected to.

    The index is None without a fault; a process that was killed was so at its last call.
    """
    ordinals, found, injected = {}, [], None
    with open(log) as file:
        for line in file:
            if match := re.match(r"(\d+) +(\w+)\((.*)", line):
                key = match.group(1), match.group(2)
                ordinals[key] = ordinals.get(key, 0) + 1
                found.append(Call(match.group(2), ordinals[key], match.group(3)))
            if "(INJECTED)" in line or ("killed by SIGKILL" in line and injected is None):
                injected = len(found) - 1
    return found, injected
