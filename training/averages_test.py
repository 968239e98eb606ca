"""Moving averages of weights: kept through restarts, and what evaluations take."""

import numpy as np
import tensorflow as tf

import experiment
from conftest import load_network, tensors
from training.config import Config

SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"


def train(folder, mnist_dir, max_steps, *others, hparams=""):
    assert experiment.main([
        "experiment.py", f"--summary_dir={folder}", f"--data_dir={mnist_dir}", "--model=mlp",
        "--batch_size=8", f"--max_steps={max_steps}", f"--hparams_override={hparams}",
        *others]) == 0
    return f"{folder}/train/model.ckpt-{max_steps}"


def test_a_restart_keeps_the_average(tmp_path, mnist_dir):
    whole = train(tmp_path / "whole", mnist_dir, 6, hparams="ema_decay=0.9,schedule=cosine")
    train(tmp_path / "parts", mnist_dir, 2, hparams="ema_decay=0.9,schedule=cosine")
    parts = train(tmp_path / "parts", mnist_dir, 6)
    assert tensors(whole) == tensors(parts)
    assert any(key.startswith("average/") for key in tensors(whole))


def test_a_restart_with_lamb_ends_at_the_same_bytes(tmp_path, mnist_dir):
    hparams = "optimizer=lamb,warmup_steps=4,ema_decay=0.9"
    whole = train(tmp_path / "whole", mnist_dir, 6, hparams=hparams)
    train(tmp_path / "parts", mnist_dir, 2, hparams=hparams)
    assert tensors(train(tmp_path / "parts", mnist_dir, 6)) == tensors(whole)


def test_evaluations_take_the_average(tmp_path, mnist_dir):
    name = train(tmp_path / "run", mnist_dir, 5, hparams="ema_decay=0.9")
    data = Config(train=False, checkpoint=name, data_dir=str(mnist_dir)).load_data()
    network = load_network(name, "mlp", data.info)
    reader = tf.train.load_checkpoint(name)
    for path, variable in network.variable_paths().items():
        average, last = (reader.get_tensor(f"{slot}/{path}{SUFFIX}")
                         for slot in ("average", "network"))
        np.testing.assert_array_equal(variable, average)
        assert not np.array_equal(average, last)


def test_a_start_from_another_run_averages_from_there(tmp_path, mnist_dir):
    start = train(tmp_path / "start", mnist_dir, 3)
    name = train(tmp_path / "run", mnist_dir, 4, f"--checkpoint={start}",
                 hparams="ema_decay=0.75")
    before, after = (tf.train.load_checkpoint(each) for each in (start, name))
    paths = [key.removeprefix("network") for key in before.get_variable_to_shape_map()
             if key.startswith("network/")]
    assert len(paths) == 4
    for path in paths:
        expected = 0.75 * before.get_tensor("network" + path) + 0.25 * after.get_tensor(
            "network" + path)
        np.testing.assert_allclose(after.get_tensor("average" + path), expected, rtol=1e-5,
                                   atol=1e-7)
