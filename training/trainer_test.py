import os
import signal
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

import models
from input_data.dataset import DataError, DatasetInfo, Split
from models.hparams import HParams
from training import checkpoints, optimization, trainer
from training.errors import NonFiniteLossError

HPARAMS = HParams().override("num_prime_capsules=2")


def image_split(images, labels, read=None):
    """A split of float images, as they are."""
    def stored(numbers):
        return {"images": images[numbers], "targets": labels[numbers, None]}

    def prepare(values, seed):
        return {**values, "target_images": values["images"][:, tf.newaxis]}

    info = DatasetInfo("test", *images.shape[1:], 10, (), num_examples=len(images))
    return Split(info, "test images", read or stored, prepare)


@pytest.fixture
def split(digits):
    images, labels = digits
    return image_split((images[..., None] / 255).astype(np.float32), labels)


def build(split, model="capsule", hparams=HPARAMS):
    keras.utils.set_random_seed(0)
    network = models.build(model, hparams, split.info)
    return network, optimization.make_optimizer(network)


def losses(folder):
    with open(f"{folder}/history.csv") as file:
        return [float(line.split(",")[3]) for line in file.readlines()[1:]]


def train(network, optimizer, split, folder, max_steps, batch_size=16, save_step=1000):
    folder.mkdir(exist_ok=True)
    return trainer.train(network, optimizer, split, str(folder), max_steps, save_step,
                         batch_size, seed=1)


def test_loss_halves_on_one_batch(tmp_path, digits):
    images, labels = digits
    one_batch = image_split((images[:8, ..., None] / 255).astype(np.float32), labels[:8])
    train(*build(one_batch), one_batch, tmp_path / "run", 60, batch_size=8)
    found = losses(tmp_path / "run")
    assert found[-1] < found[0] / 2


@pytest.mark.parametrize("model", models.NETWORKS)
def test_resumed_training_ends_at_the_same_bytes(tmp_path, split, model):
    whole, optimizer = build(split, model)
    train(whole, optimizer, split, tmp_path / "whole", 6)
    train(*build(split, model), split, tmp_path / "parts", 4)
    resumed, resumed_optimizer = build(split, model)
    stored = checkpoints.Stored(checkpoints.latest(str(tmp_path / "parts")))
    stored.restore_network(resumed)
    stored.restore_optimizer(resumed, resumed_optimizer)
    train(resumed, resumed_optimizer, split, tmp_path / "parts", 6)
    for expected, found in zip(whole.variables + optimizer.variables,
                               resumed.variables + resumed_optimizer.variables):
        np.testing.assert_array_equal(expected, found)


def test_checkpoints_come_every_save_step_and_at_the_end(tmp_path, split):
    assert train(*build(split), split, tmp_path / "run", 5, save_step=2) is None
    assert [os.path.basename(name) for name in checkpoints.all_names(str(tmp_path / "run"))] == [
        "model.ckpt-2", "model.ckpt-4", "model.ckpt-5"]


@pytest.mark.parametrize("model", models.NETWORKS)
@pytest.mark.parametrize("overrides", ["routing=1", "routing=5,leaky=true"])
def test_black_images_train_without_nan(tmp_path, model, overrides):
    black = image_split(np.zeros((8, 28, 28, 1), np.float32), np.arange(8) % 10)
    hparams = HPARAMS.override(overrides)
    network, optimizer = build(black, model, hparams)
    train(network, optimizer, black, tmp_path / "run", 10, batch_size=8)
    for variable in network.variables + optimizer.variables:
        assert np.isfinite(variable.numpy()).all()


def test_a_loss_that_is_not_finite_stops_at_the_last_good_checkpoint(tmp_path, split):
    bad = image_split(np.full((16, 28, 28, 1), np.nan, np.float32), np.zeros(16, np.int32))
    network, optimizer = build(split)
    train(network, optimizer, split, tmp_path / "run", 2)
    with pytest.raises(NonFiniteLossError, match=r"Step 3: .*nan.*model\.ckpt-2"):
        train(network, optimizer, bad, tmp_path / "run", 5)
    assert checkpoints.latest(str(tmp_path / "run")).endswith("model.ckpt-2")


def test_damaged_data_stop_with_a_checkpoint(tmp_path, split):
    calls = []

    def read(numbers):
        calls.append(numbers)
        if len(calls) > 4:
            raise DataError("records: damaged record 7.")
        return split.read(numbers)

    damaged = Split(split.info, split.source, read, split.prepare)
    with pytest.raises(DataError, match=r"^records: damaged record 7\.$"):
        train(*build(split), damaged, tmp_path / "run", 50)
    assert checkpoints.Stored(checkpoints.latest(str(tmp_path / "run"))).step >= 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_the_training_with_a_checkpoint(tmp_path, split, number, capsys):
    timer = threading.Timer(6, os.kill, (os.getpid(), number))
    timer.start()
    before = signal.getsignal(number)
    status = train(*build(split), split, tmp_path / "run", 100000)
    assert status == 128 + number and signal.getsignal(number) == before
    assert "Stopped at step" in capsys.readouterr().out
    assert checkpoints.Stored(checkpoints.latest(str(tmp_path / "run"))).step > 0


def test_learning_rate_decays_continuously_to_its_lowest():
    rate = optimization.LearningRate(0.001, 2000, 0.96)
    np.testing.assert_allclose(rate(0), 0.001, rtol=1e-6)
    np.testing.assert_allclose(rate(1000), 0.001 * 0.96 ** 0.5, rtol=1e-6)
    np.testing.assert_allclose(rate(10**7), 1e-6, rtol=1e-6)
