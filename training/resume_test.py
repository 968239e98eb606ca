"""Trainings that are killed and started again, as real processes."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def start(folder, data_dir):
    return subprocess.Popen(
        [sys.executable, "experiment.py", f"--summary_dir={folder}", f"--data_dir={data_dir}",
         "--hparams_override=num_prime_capsules=2", "--max_steps=60", "--save_step=5",
         "--batch_size=8", "--seed=3"],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finish(process):
    assert process.wait(timeout=120) == 0


def kill_when_there(process, path):
    """Kills a training as soon as it has written a file, and before it ends."""
    deadline = time.monotonic() + 120
    while not os.path.exists(path):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -9


def last_tensors(folder):
    reader = tf.train.load_checkpoint(f"{folder}/train/model.ckpt-60")
    return {key: reader.get_tensor(key) for key in reader.get_variable_to_shape_map()
            if not key.startswith(("_CHECKPOINTABLE", "save_counter"))}


@pytest.fixture
def whole(tmp_path, mnist_dir):
    finish(start(tmp_path / "whole", mnist_dir))
    return last_tensors(tmp_path / "whole")


def test_a_killed_training_ends_at_the_same_bytes(tmp_path, mnist_dir, whole):
    folder = tmp_path / "killed"
    # Before the first checkpoint, between two, and while one is written.
    for name in ("flags.json", "model.ckpt-10.index", "model.ckpt-30.data-00000-of-00001"):
        kill_when_there(start(folder, mnist_dir), folder / "train" / name)
    finish(start(folder, mnist_dir))
    found = last_tensors(folder)
    assert found.keys() == whole.keys()
    for key, value in whole.items():
        np.testing.assert_array_equal(found[key], value, err_msg=key)
    history = (folder / "train" / "history.csv").read_text()
    steps = [line.split(",")[0] for line in history.splitlines()]
    assert len(steps) == len(set(steps)) and steps[-1] == "60"
