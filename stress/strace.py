"""The system calls of a process, listed by strace, and faults injected into them."""

import dataclasses
import os
import re
import subprocess

# The calls that change or open files. A failed `close` loses nothing after fsync.
CALLS = ("openat", "creat", "write", "pwrite64", "writev", "pwritev", "ftruncate", "fsync",
         "fdatasync", "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat",
         "mkdir", "mkdirat", "rmdir")
# The ? lets strace skip calls that the machine does not have.
TRACE = "trace=" + ",".join(f"?{name}" for name in CALLS)
FAULTS = {"SIGKILL": "signal=SIGKILL", "EIO": "error=EIO", "ENOSPC": "error=ENOSPC"}


@dataclasses.dataclass(frozen=True)
class Call:
    """A system call of a thread."""

    name: str
    ordinal: int        # counts the thread's calls of this name from 1
    arguments: str      # as strace shows them, with the paths of descriptors

    def paths(self):
        """Returns the paths in the arguments, named directly or by descriptor."""
        given = re.sub(r"AT_FDCWD<[^>]*>|\) += .*", "", self.arguments)
        return re.findall(r'[<"](/[^>"]*)[>"]', given)

    def __str__(self):
        """The call without process ids and random names, which differ between runs."""
        names = " ".join(os.path.basename(path) for path in self.paths())
        return f"{self.name} " + re.sub(r"(part-|tempstate)\d+\b(?!-of)", r"\1N", names)


def attach(pid, log, fault=None):
    """Attaches strace to a process until that ends, and returns the Popen of strace.

    Args:
      pid: int.
      log: str, file for the calls of all threads.
      fault: (Call, key of FAULTS) to inject, or None.
    """
    command = ["strace", "-f", "-y", "-s", "16", "-o", log, "-e", TRACE, "-p", str(pid)]
    if fault:
        call, kind = fault
        command += ["-e", f"inject={call.name}:{FAULTS[kind]}:when={call.ordinal}"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    line = process.stderr.readline()
    if "attached" not in line:
        process.kill()
        raise OSError(f"strace: {line.strip()}")
    return process


def parse(log):
    """Returns the Calls in a log of strace, and the index of the one with the fault.

    The index is None without a fault; SIGKILL hits the last call of a process.
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
