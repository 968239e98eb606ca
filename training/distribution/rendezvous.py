"""The workers of a cluster wait for each other, before TensorFlow connects them.

TensorFlow waits for the others with signals blocked and without a word. So this comes first: the
chief listens where TensorFlow's server will, each other worker says its number and its devices
there, and when all have come the chief lets them go on. All hold their ports meanwhile: TensorFlow
shall not find one taken, which takes all workers down with a traceback.
"""

import contextlib
import re
import socket
import time

from commands.errors import RunError

GREETING = b"capsules, worker "
GO = b"go\n"
POLL_SECONDS = 0.5
CONNECT_SECONDS = 5


def meet(spec, devices, minutes):
    """Returns when all workers are there, and says on the screen who is waited for.

    Args:
      spec: ClusterSpec.
      devices: str, this worker's, such as "2 GPU".
      minutes: float, how long to wait.

    Raises:
      RunError: if they do not come in time, if this worker's port cannot be had, or if not all
        have the same devices.
    """
    deadline = time.monotonic() + 60 * minutes
    print(f"Worker {spec.number} of {len(spec.addresses)}, waiting for "
          f"{'the others' if spec.is_chief else 'worker 0 at ' + spec.addresses[0]}.", flush=True)
    with _own_port(spec) as server:
        if spec.is_chief:
            _receive(spec, server, devices, deadline)
        else:
            _call(spec, devices, deadline)


def _own_port(spec):
    """Returns the socket of this worker's port, which TensorFlow's server will have after it."""
    port = int(spec.addresses[spec.number].rpartition(":")[2])
    try:
        return socket.create_server(("", port))
    except OSError as error:
        raise RunError(f"TF_CONFIG: port {port} of this worker cannot be had "
                       f"({error.strerror}).") from None


def _receive(spec, server, devices, deadline):
    """Waits, as the chief, for all others, and tells them to go on, or why not."""
    come, theirs = {}, {}
    server.settimeout(POLL_SECONDS)
    with contextlib.ExitStack() as stack:
        while len(come) < len(spec.addresses) - 1:
            come = {number: connection for number, connection in come.items()
                    if _is_open(connection)}
            missing = [f"{number} ({address})" for number, address in enumerate(spec.addresses)
                       if number and number not in come]
            _check_time(deadline, f"worker {', '.join(missing)}")
            with contextlib.suppress(OSError):      # who hangs up is not there
                connection = stack.enter_context(server.accept()[0])
                connection.settimeout(POLL_SECONDS)
                number, said = _understood(connection.makefile("rb").readline())
                connection.setblocking(False)
                if 0 < number < len(spec.addresses):
                    come[number], theirs[number] = connection, said     # the last that said so
        other = next((number for number in come if theirs[number] != devices), None)
        answer = GO if other is None else (
            f"TF_CONFIG: worker {other} computes on {theirs[other]}, worker 0 on {devices}; give "
            "all workers the same.\n".encode())
        for connection in come.values():
            with contextlib.suppress(OSError):
                connection.sendall(answer)
        if answer != GO:
            raise RunError(answer.decode().strip())


def _call(spec, devices, deadline):
    """Waits, as another worker, for the chief's word."""
    host, _, port = spec.addresses[0].rpartition(":")
    address = host.strip("[]"), int(port)
    while True:
        with (contextlib.suppress(OSError),
              socket.create_connection(address, CONNECT_SECONDS) as connection):
            connection.sendall(GREETING + f"{spec.number} {devices}\n".encode())
            connection.settimeout(POLL_SECONDS)
            answer = b""
            while not answer.endswith(b"\n"):
                _check_time(deadline, f"worker 0 ({spec.addresses[0]})")
                with contextlib.suppress(TimeoutError):
                    received = connection.recv(1000)
                    if not received:
                        break       # the chief has gone, or is another program
                    answer += received
            if answer == GO:
                return
            if answer.startswith(b"TF_CONFIG"):
                raise RunError(answer.decode(errors="replace").strip())
        _check_time(deadline, f"worker 0 ({spec.addresses[0]})")
        time.sleep(POLL_SECONDS)


def _is_open(connection):
    """Returns whether a worker that has said its number still waits."""
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False


def _understood(greeting):
    """Returns the number and the devices that a worker said, or 0 and ""."""
    found = re.fullmatch(re.escape(GREETING) + rb"(\d{1,6}) ([\w ]+)\n", greeting)
    return (int(found[1]), found[2].decode()) if found else (0, "")


def _check_time(deadline, who):
    if time.monotonic() > deadline:
        raise RunError(f"TF_CONFIG: {who} did not come (--patience_minutes).")
