"""A run folder that version 1.0 left resumes and evaluates as version 1.0 did it.

testdata/run_of_version_1 holds ten steps on the sample with seed 3 and batches of 20; the numbers
below are what version 1.0 itself reached with the folder.
"""

import math
import os
import shutil

import pytest

import experiment
from conftest import TESTDATA
from training.monitoring.history import read_history
from training.run_folder import contents

FOLDER = os.path.join(TESTDATA, "run_of_version_1")
WRONG_AT_10, WRONG_AT_20 = 388, 271     # of the first 500 test digits
LOSSES = {1: 0.0280108064, 10: 0.0264107347, 11: 0.0239598602, 20: 0.0247211114}


@pytest.fixture
def run(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "run")
    return tmp_path / "run"


def evaluate(run, step):
    assert experiment.main([
        "experiment.py", "--train=false", f"--summary_dir={run}", "--eval_size=500",
        f"--checkpoint={run}/train/model.ckpt-{step}"]) == 0
    return contents.read(str(run / "test"), contents.RESULT)


def test_it_evaluates_as_it_did(run):
    before = contents.read(str(run / "test"), contents.RESULT)
    result = evaluate(run, 10)
    assert before["wrong"] == WRONG_AT_10
    assert result["wrong"] == pytest.approx(WRONG_AT_10, abs=2)     # rounding on other machines
    assert {**before, **result}.keys() >= before.keys()


def test_it_resumes_as_it_did(run):
    assert experiment.main(["experiment.py", f"--summary_dir={run}", "--max_steps=20"]) == 0
    history = read_history(str(run / "train"))
    assert {row["step"]: row["total_loss"] for row in history} == pytest.approx(LOSSES, rel=1e-4)
    seconds = [row["seconds"] for row in history]
    assert all(map(math.isnan, seconds[:2])) and 1.553 < seconds[2] < seconds[3]
    rates = [row["learning_rate"] for row in history]
    assert all(map(math.isnan, rates[:2])) and 0.001 > rates[2] > rates[3] > 0.0009
    flags = contents.read(str(run / "train"), contents.FLAGS)
    assert (flags["seed"], flags["batch_size"], flags["max_steps"]) == (3, 20, 20)
    assert flags["routing_implementation"] == "products"        # the only one of version 1
    assert evaluate(run, 20)["wrong"] == pytest.approx(WRONG_AT_20, abs=5)
