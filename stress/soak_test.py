import json
import multiprocessing
import os
import random
import subprocess
import sys
import time

import pytest

from benchmarks.contest import ROOT
from stress import lives, soak

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are counted by /proc")


def test_six_kills_change_no_byte(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "stress.soak", "--kills=6", "--trainings=capsule", "--seed=1",
         f"--output={tmp_path}"],
        cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with open(tmp_path / "report.json") as file:
        outcome, = json.load(file)["outcomes"]
    assert (outcome["name"], outcome["kills"], outcome["difference"]) == ("capsule", 6, "")
    assert outcome["saving"] and "| capsule | 36 | 6 |" in done.stdout
    assert sorted(os.listdir(tmp_path)) == ["report.json", "report.md"]


def test_moments_are_drawn_by_the_seed_and_hit_all_phases():
    moments = soak.draw_moments(50, 124, random.Random("0"))
    assert moments == soak.draw_moments(50, 124, random.Random("0"))
    assert moments != soak.draw_moments(50, 124, random.Random("1"))
    phases = [moment.phase for moment in moments]
    assert phases.count("save") > 10 and phases.count("step") > 10 and "start" in phases
    assert [moment.step for moment in moments] == sorted(moment.step for moment in moments)
    assert all(1 <= moment.step <= 124 - soak.SPARE for moment in moments)


def write_end(folder, value, rows):
    import tensorflow as tf

    tf.train.Checkpoint(step=tf.Variable(3), x=tf.Variable(value)).write(f"{folder}/model.ckpt-3")
    header = "step,accuracy,seconds,images_per_second\n"
    (folder / "history.csv").write_text(
        header + "".join(f"{row},{time.monotonic()},{random.random()}\n" for row in rows))


@pytest.mark.parametrize("value, rows, difference", [
    (1.0, ["1,5", "2,6", "3,7"], ""),
    (1.0 + 2**-23, ["1,5", "3,7"], "x/.ATTRIBUTES/VARIABLE_VALUE"),
    (1.0, ["1,5", "3,7", "3,7"], "history.csv: steps"),
    (1.0, ["1,5"], "history.csv: steps"),
    (1.0, ["1,6", "3,7"], "history.csv: {(1, 5.0)}"),
])
def test_one_bit_of_difference_is_found(tmp_path, value, rows, difference):
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    write_end(tmp_path / "whole", 1.0, ["1,5", "3,7"])
    write_end(tmp_path / "killed", value, rows)
    found = soak._difference(str(tmp_path / "whole"), str(tmp_path / "killed"), 3)
    assert found.startswith(difference) and bool(found) == bool(difference)


def test_a_life_that_ended_was_not_killed(tmp_path):
    process = multiprocessing.get_context("fork").Process(target=os.setpgid, args=(0, 0))
    process.start()
    (tmp_path / "log").touch()
    life = lives.Life(process, lives.Counters(), str(tmp_path / "log"))
    assert not life.wait_until(lambda counters: False)
    with pytest.raises(lives.LifeError, match="ended before it was killed"):
        life.kill()


@pytest.mark.parametrize("arguments, message", [
    (["--trainings=capsule,resnet"], "found 'resnet'"), (["--kills=0"], "kills"),
    (["--output=/proc/soak"], "cannot be used"),
])
def test_bad_flags_are_one_line_and_status_2(capsys, arguments, message):
    assert soak.main(["soak.py", *arguments]) == 2
    line = capsys.readouterr().err.strip()
    assert message in line and len(line.splitlines()) == 1
