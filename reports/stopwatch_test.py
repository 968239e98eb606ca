import time

import pytest

from reports.stopwatch import Stopwatch
from training import run_files


def test_stretches_are_added_up(tmp_path):
    watch = Stopwatch(str(tmp_path / "seconds.json"), lambda: 0)
    assert watch.seconds == 0
    for _ in range(2):
        with watch:
            time.sleep(0.1)
    assert 0.2 <= watch.seconds < 1
    with pytest.raises(KeyboardInterrupt), watch:
        time.sleep(0.1)
        raise KeyboardInterrupt
    assert 0.3 <= watch.seconds < 2


def test_a_stretch_that_was_killed_ends_with_its_last_result(tmp_path):
    since = time.time() - 1000
    run_files.write(str(tmp_path), "seconds.json", {"seconds": 5.0, "since": since})
    with Stopwatch(str(tmp_path / "seconds.json"), lambda: since + 30) as watch:
        pass
    assert watch.seconds == pytest.approx(35, abs=1)
    run_files.write(str(tmp_path), "seconds.json", {"seconds": 5.0, "since": since})
    with Stopwatch(str(tmp_path / "seconds.json"), lambda: 0) as watch:     # nothing came of it
        pass
    assert watch.seconds == pytest.approx(5, abs=1)
