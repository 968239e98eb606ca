import os
import time

import pytest

from commands.errors import RunError
from training.run_folder import contents, stopwatch


@pytest.fixture
def clock(monkeypatch):
    """What the stopwatch takes for the time: a list of one number, to be set."""
    now = [time.time()]
    monkeypatch.setattr(stopwatch.time, "time", lambda: now[0])
    return now


def test_stretches_are_added_up(tmp_path, clock):
    assert stopwatch.seconds(tmp_path) == 0
    for _ in range(2):
        with stopwatch.running(tmp_path, resumed=True):
            clock[0] += 100
    assert stopwatch.seconds(tmp_path) == pytest.approx(200)
    with pytest.raises(KeyboardInterrupt), stopwatch.running(tmp_path, resumed=True):
        clock[0] += 50
        raise KeyboardInterrupt
    assert stopwatch.seconds(tmp_path) == pytest.approx(250)


def test_a_stretch_that_was_killed_ends_with_its_last_checkpoint(tmp_path, clock):
    since = clock[0] - 1000
    contents.write(tmp_path, contents.SECONDS, {"seconds": 5.0, "since": since})
    with stopwatch.running(tmp_path, resumed=True):     # nothing came of it
        pass
    assert stopwatch.seconds(tmp_path) == pytest.approx(5)
    contents.write(tmp_path, contents.SECONDS, {"seconds": 5.0, "since": since})
    (tmp_path / "model.ckpt-7.index").touch()
    os.utime(tmp_path / "model.ckpt-7.index", (since + 30, since + 30))
    with stopwatch.running(tmp_path, resumed=True):
        pass
    assert stopwatch.seconds(tmp_path) == pytest.approx(35, abs=0.01)


def test_a_new_training_counts_from_0(tmp_path, clock):
    contents.write(tmp_path, contents.SECONDS, {"seconds": 500.0, "since": clock[0] - 1000})
    with stopwatch.running(tmp_path, resumed=False):
        clock[0] += 7
    assert stopwatch.seconds(tmp_path) == pytest.approx(7)


def test_a_full_disk_ends_no_training(tmp_path, monkeypatch, capsys):
    def full(*_):
        raise RunError("no space.")

    monkeypatch.setattr(stopwatch.contents, "write", full)
    with stopwatch.running(tmp_path, resumed=False):
        pass
    assert capsys.readouterr().err.count("no space. The training's wall time is not noted.") == 2


def test_a_damaged_note_is_named(tmp_path):
    contents.write(tmp_path, contents.SECONDS, {"seconds": "five"})
    with pytest.raises(RunError, match=r"seconds\.json: expected a number as seconds"):
        stopwatch.seconds(tmp_path)
