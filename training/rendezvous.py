"""The workers of a cluster wait for each other, before TensorFlow connects them.

TensorFlow waits for the others with signals blocked and without a word. So this comes first: the
chief listens where TensorFlow's server will, each other worker says its number there, and when all
have come the chief lets them go on. All hold their ports meanwhile: TensorFlow shall not find one
taken, which takes all workers down with a traceback.
"""

import contextlib
import socket
import time

from training.errors import RunError

GREETING = b"capsules, worker "
GO = b"go\n"
POLL_SECONDS = 0.5
CONNECT_SECONDS = 5


def meet(spec, minutes):
    """Returns when all workers are there, and says on the screen who is waited for.

    Args:
      spec: ClusterSpec.
      minutes: float, how long to wait.

    Raises:
      RunError: if they do not come in time, or this worker's port cannot be had.
    """
    deadline = time.monotonic() + 60 * minutes
    print(f"Worker {spec.number} of {len(spec.addresses)}, waiting for "
          f"{'the others' if spec.is_chief else 'worker 0 at ' + spec.addresses[0]}.", flush=True)
    with _own_port(spec) as server:
        if spec.is_chief:
            _receive(spec, server, deadline)
        else:
            _call(spec, deadline)


def _own_port(spec):
    """Returns the socket of this worker's port, which TensorFlow's server will have after it."""
    port = int(spec.addresses[spec.number].rpartition(":")[2])
    try:
        return socket.create_server(("", port))
    except OSError as error:
        raise RunError(f"TF_CONFIG: port {port} of this worker cannot be had "
                       f"({error.strerror}).") from None


def _receive(spec, server, deadline):
    """Waits, as the chief, for all others."""
    come = {}
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
                number = _number(connection.makefile("rb").readline())
                connection.setblocking(False)
                if 0 < number < len(spec.addresses):
                    come[number] = connection       # the last one that said so
        for connection in come.values():
            with contextlib.suppress(OSError):
                connection.sendall(GO)


def _call(spec, deadline):
    """Waits, as another worker, for the chief's word."""
    host, _, port = spec.addresses[0].rpartition(":")
    address = host.strip("[]"), int(port)
    while True:
        with (contextlib.suppress(OSError),
              socket.create_connection(address, CONNECT_SECONDS) as connection):
            connection.sendall(GREETING + b"%d\n" % spec.number)
            connection.settimeout(POLL_SECONDS)
            answer = b""
            while not answer.endswith(b"\n"):
                _check_time(deadline, f"worker 0 ({spec.addresses[0]})")
                with contextlib.suppress(TimeoutError):
                    received = connection.recv(len(GO))
                    if not received:
                        break       # the chief has gone, or is another program
                    answer += received
            if answer == GO:
                return
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


def _number(greeting):
    """Returns the number that a worker said, or 0."""
    said = greeting.removeprefix(GREETING).strip()
    return int(said) if greeting.startswith(GREETING) and said.isdigit() else 0


def _check_time(deadline, who):
    if time.monotonic() > deadline:
        raise RunError(f"TF_CONFIG: {who} did not come (--patience_minutes).")
