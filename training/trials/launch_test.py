"""Processes of Python without TensorFlow, which start in a moment."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from commands import signals
from training.trials import launch

# Writes the signals that it gets into a file; ends seconds after the first, or with the second.
NOTING = """
import signal, sys, time
got = []
def note(number, frame):
    got.append(number)
    with open(sys.argv[1], "w") as file:
        file.write(" ".join(map(str, map(int, got))))
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, note)
open(sys.argv[1], "w").close()
end = time.monotonic() + 60
while not got and time.monotonic() < end:
    time.sleep(0.01)
end = time.monotonic() + float(sys.argv[2])
while len(got) < 2 and time.monotonic() < end:
    time.sleep(0.01)
sys.exit(5)
"""


def python(code, *arguments):
    return subprocess.Popen([sys.executable, "-S", "-c", code, *map(str, arguments)])


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_statuses_are_those_of_a_shell():
    codes = {"a": "import sys; sys.exit(3)", "b": "pass",
             "c": "import os; os.kill(os.getpid(), 9)"}
    seen = []
    found = launch.run_all(codes, [None], lambda name, share: python(codes[name]),
                           lambda *end: seen.append(end))
    assert found == {"a": 3, "b": 0, "c": 137} and seen == list(found.items())


def test_as_many_are_at_work_as_there_are_shares():
    at_work, most, used = {}, [], []

    def start(number, share):
        assert share not in at_work.values()
        at_work[number] = share
        most.append(len(at_work))
        used.append(share)
        return python("import time; time.sleep(0.1)")

    launch.run_all(range(5), "ab", start, lambda number, status: not at_work.pop(number))
    assert max(most) == 2 and len(most) == 5 and set(used) == {"a", "b"}


@pytest.mark.parametrize("number, error", [(signal.SIGTERM, signals.Terminated),
                                           (signal.SIGINT, KeyboardInterrupt)])
def test_a_signal_is_passed_on_once_and_no_more_are_started(number, error, tmp_path):
    started, seen = [], []

    def start(which, share):
        started.append(python(NOTING, tmp_path / str(which), 0.5))
        wait_for((tmp_path / str(which)).exists)
        if which == 1:
            os.kill(os.getpid(), number)
        return started[-1]

    with pytest.raises(KeyboardInterrupt) as raised:
        launch.run_all(range(4), "ab", start, lambda *end: seen.append(end))
    assert type(raised.value) is error
    assert len(started) == 2 and all(process.returncode == 5 for process in started)
    assert sorted(seen) == [(0, 5), (1, 5)]
    # Not SIGINT: a terminal has sent that itself.
    assert [(tmp_path / name).read_text() for name in "01"] == ["15", "15"]


def test_a_second_ctrl_c_is_passed_on(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "ONE_PRESS_SECONDS", 0)
    note = tmp_path / "note"

    def press_twice():
        wait_for(note.exists)
        os.kill(os.getpid(), signal.SIGINT)
        wait_for(lambda: note.read_text() == "15")
        os.kill(os.getpid(), signal.SIGINT)

    presses = threading.Thread(target=press_twice)
    presses.start()
    with pytest.raises(KeyboardInterrupt):
        launch.run_all([0], [None], lambda number, share: python(NOTING, note, 60),
                       lambda *end: None)
    presses.join()
    assert note.read_text() == "15 2"


@pytest.mark.parametrize("fails", ["start", "ended"])
def test_an_error_leaves_none_at_work(fails, tmp_path):
    started = []

    def start(number, share):
        if fails == "start" and number == 1:
            raise OSError("no more processes")
        started.append(python("pass") if fails == "ended" and number == 1
                       else python(NOTING, tmp_path / str(number), 0.2))
        wait_for(lambda: number or (tmp_path / "0").exists())
        return started[-1]

    def ended(number, status):
        if number == 1:
            raise OSError("no screen")

    with pytest.raises(OSError, match="no "):
        launch.run_all(range(2), "ab", start, ended)
    assert started[0].returncode == 5 and (tmp_path / "0").read_text() == "15"
