import socket
import threading
import time

import pytest

from commands.errors import RunError
from conftest import free_ports
from training.distribution import rendezvous
from training.distribution.cluster import ClusterSpec

MINUTES = 0.5


@pytest.fixture
def addresses():
    return tuple(f"127.0.0.1:{port}" for port in free_ports(3))


class Worker(threading.Thread):
    """A worker that waits for the others; `error` and `ended` say what became of it."""

    def __init__(self, addresses, number, minutes=MINUTES, devices="1 CPU"):
        super().__init__(daemon=True)
        self._arguments = ClusterSpec(addresses, number), devices, minutes
        self.error = self.ended = None
        self.start()

    def run(self):
        try:
            rendezvous.meet(*self._arguments)
        except RunError as error:
            self.error = str(error)
        self.ended = time.monotonic()


def test_all_go_on_when_all_have_come(addresses, capsys):
    workers = [Worker(addresses, number) for number in (2, 0)]
    time.sleep(1)
    assert not any(worker.ended for worker in workers)
    workers.append(Worker(addresses, 1))
    for worker in workers:
        worker.join(10)
    assert all(worker.ended and worker.error is None for worker in workers)
    lines = sorted(capsys.readouterr().out.splitlines())
    assert lines[0] == "Worker 0 of 3, waiting for the others."
    assert lines[2] == f"Worker 2 of 3, waiting for worker 0 at {addresses[0]}."


def test_other_devices_end_all(addresses):
    workers = [Worker(addresses, number, devices=devices)
               for number, devices in enumerate(("2 GPU", "2 GPU", "1 CPU"))]
    for worker in workers:
        worker.join(10)
        assert worker.error == ("TF_CONFIG: worker 2 computes on 1 CPU, worker 0 on 2 GPU; give "
                                "all workers the same.")


def test_who_does_not_come_is_named(addresses):
    chief, worker = Worker(addresses, 0, 0.05), Worker(addresses, 1, 0.2)
    for thread in (chief, worker):
        thread.join(20)
    assert chief.error == (f"TF_CONFIG: worker 2 ({addresses[2]}) did not come "
                           "(--patience_minutes).")
    assert worker.error.startswith(f"TF_CONFIG: worker 0 ({addresses[0]}) did not come")


def test_who_has_gone_again_is_waited_for(addresses):
    addresses = addresses[:2]
    chief = Worker(addresses, 0)
    address = ("127.0.0.1", int(addresses[0].rpartition(":")[2]))
    deadline = time.monotonic() + 10
    for words in (b"GET / HTTP/1.1\r\n", b"capsules, worker 7 1 CPU\n",
                  b"capsules, worker x 1 CPU\n", b""):
        while True:         # until it listens
            try:
                stranger = socket.create_connection(address, 1)
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        with stranger:
            stranger.sendall(words)
    time.sleep(1)
    assert chief.ended is None
    worker = Worker(addresses, 1)
    for thread in (chief, worker):
        thread.join(10)
    assert chief.ended and worker.ended and not (chief.error or worker.error)


@pytest.mark.parametrize("number", [0, 1])
def test_a_port_that_is_taken_gets_one_line(addresses, number):
    port = int(addresses[number].rpartition(":")[2])
    with (socket.create_server(("", port)),
          pytest.raises(RunError, match=f"port {port} of this worker cannot be had")):
        rendezvous.meet(ClusterSpec(addresses, number), "1 CPU", MINUTES)
