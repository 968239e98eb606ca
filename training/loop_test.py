import math
import os
import signal
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

import models
from commands import signals
from commands.errors import NonFiniteLossError, RunError
from commands.signals import Terminated
from input_data.dataset import DataError, Dataset, DatasetInfo
from models.hparams import HParams
from training import loop
from training.checkpoints.read import (
    StoredCheckpoint,
    checkpoint_names,
    latest_checkpoint,
    newest_whole_checkpoint,
)
from training.checkpoints.write import CheckpointWriter
from training.config import Config
from training.monitoring import routing_scalars, screen, tensorboard
from training.monitoring.history import read_history
from training.optimizer import make_optimizer
from training.run_folder import contents

HPARAMS = HParams().override("num_prime_capsules=2")


def image_split(images, labels, read=None):
    """A split of float images, as they are."""
    def stored(numbers):
        return {"images": images[numbers], "targets": labels[numbers, None]}

    def prepare(values, seed):
        return {**values, "target_images": values["images"][:, tf.newaxis]}

    info = DatasetInfo("test", *images.shape[1:], 10, (), num_examples=len(images))
    return Dataset(info, "test images", read or stored, prepare)


@pytest.fixture
def data(digits):
    images, labels = digits
    return image_split((images[..., None] / 255).astype(np.float32), labels)


def build(data, model="capsule", hparams=HPARAMS):
    keras.utils.set_random_seed(0)
    network = models.build(model, hparams, data.info)
    return network, make_optimizer(network)


def losses(folder):
    with open(f"{folder}/history.csv") as file:
        return [float(line.split(",")[3]) for line in file.readlines()[1:]]


def train(network, optimizer, data, folder, max_steps, batch_size=16, save_step=1000,
          deadline=math.inf, hook=None):
    if not folder.is_dir():
        folder.mkdir()
    writer = CheckpointWriter(str(folder), network, optimizer, keep=1000,
                              newest=latest_checkpoint(str(folder)))
    config = Config(summary_dir=str(folder), max_steps=max_steps, save_step=save_step,
                    batch_size=batch_size, seed=1)
    return loop.run(loop.Training(config, network, optimizer, data, writer), deadline, hook)


def test_loss_halves_on_one_batch(tmp_path, digits):
    images, labels = digits
    one_batch = image_split((images[:8, ..., None] / 255).astype(np.float32), labels[:8])
    train(*build(one_batch), one_batch, tmp_path / "run", 60, batch_size=8)
    found = losses(tmp_path / "run")
    assert found[-1] < found[0] / 2


@pytest.mark.parametrize("model", models.NETWORKS)
def test_resumed_training_ends_at_the_same_bytes(tmp_path, data, model):
    whole, optimizer = build(data, model)
    train(whole, optimizer, data, tmp_path / "whole", 6)
    train(*build(data, model), data, tmp_path / "parts", 4)
    resumed, resumed_optimizer = build(data, model)
    stored = StoredCheckpoint(latest_checkpoint(str(tmp_path / "parts")))
    stored.restore_network(resumed)
    stored.restore_optimizer(resumed, resumed_optimizer)
    train(resumed, resumed_optimizer, data, tmp_path / "parts", 6)
    for expected, found in zip(whole.variables + optimizer.variables,
                               resumed.variables + resumed_optimizer.variables):
        np.testing.assert_array_equal(expected, found)


def test_checkpoints_come_every_save_step_and_at_the_end(tmp_path, data):
    assert train(*build(data), data, tmp_path / "run", 5, save_step=2) is None
    assert [os.path.basename(name) for name in checkpoint_names(str(tmp_path / "run"))] == [
        "model.ckpt-2", "model.ckpt-4", "model.ckpt-5"]


@pytest.mark.parametrize("model, overrides", [
    ("capsule", "routing=1"), ("capsule", "routing=5,leaky=true"),
    *((model, "") for model in models.NETWORKS if model != "capsule")])
def test_black_images_train_without_nan(tmp_path, model, overrides):
    black = image_split(np.zeros((8, 28, 28, 1), np.float32), np.arange(8) % 10)
    hparams = HPARAMS.override(overrides)
    network, optimizer = build(black, model, hparams)
    train(network, optimizer, black, tmp_path / "run", 10, batch_size=8)
    for variable in network.variables + optimizer.variables:
        assert np.isfinite(variable.numpy()).all()


def test_a_loss_that_is_not_finite_stops_at_the_last_good_checkpoint(tmp_path, data):
    bad = image_split(np.full((16, 28, 28, 1), np.nan, np.float32), np.zeros(16, np.int32))
    network, optimizer = build(data)
    train(network, optimizer, data, tmp_path / "run", 2)
    with pytest.raises(NonFiniteLossError, match=r"Step 3: .*nan.*model\.ckpt-2"):
        train(network, optimizer, bad, tmp_path / "run", 5)
    assert latest_checkpoint(str(tmp_path / "run")).endswith("model.ckpt-2")


def test_damaged_data_stop_with_a_checkpoint(tmp_path, data):
    calls = []

    def read(numbers):
        calls.append(numbers)
        if len(calls) > 4:
            raise DataError("records: damaged record 7.")
        return data.read(numbers)

    damaged = Dataset(data.info, data.source, read, data.prepare)
    with pytest.raises(DataError, match=r"^records: damaged record 7\.$"):
        train(*build(data), damaged, tmp_path / "run", 50)
    assert StoredCheckpoint(latest_checkpoint(str(tmp_path / "run"))).step >= 1


def test_an_update_that_is_not_finite_is_not_saved(tmp_path, data):
    network, optimizer = build(data)
    train(network, optimizer, data, tmp_path / "run", 2)
    # The loss of the step is finite, its update is not.
    optimizer.apply = lambda gradients, variables: variables[0].assign(
        tf.fill(variables[0].shape, np.float32(np.inf)))
    with pytest.raises(NonFiniteLossError, match=r"Step 3: the update of conv1/kernel .*ckpt-2"):
        train(network, optimizer, data, tmp_path / "run", 3)
    assert latest_checkpoint(str(tmp_path / "run")).endswith("model.ckpt-2")


def test_time_that_is_up_ends_the_training_without_the_mark_of_an_end(tmp_path, data, capsys):
    folder = tmp_path / "run"
    assert train(*build(data), data, folder, 50, deadline=time.monotonic()) == 4
    assert (f"Time is up at step 1 of 50, saved: {folder}/model.ckpt-1; the same command goes on."
            in capsys.readouterr().out)
    assert contents.read(folder, contents.FINISHED) is None
    assert train(*build(data), data, tmp_path / "other", 1, deadline=time.monotonic()) is None
    assert contents.read(tmp_path / "other", contents.FINISHED) == {"step": 1}


def failing(monkeypatch, name):
    """Makes a function of os fail; returns the list that, with something in it, mends it."""
    real, mended = getattr(os, name), []

    def fail(*arguments, **options):
        if not mended:
            raise OSError(28, "No space left on device")
        return real(*arguments, **options)

    monkeypatch.setattr(f"os.{name}", fail)
    return mended


def test_a_save_that_fails_is_tried_again(tmp_path, data, monkeypatch, capsys):
    (tmp_path / "run").mkdir()
    mended = failing(monkeypatch, "mkdir")
    monkeypatch.setattr("training.checkpoints.write.RETRY_SECONDS", 0)
    warn = screen.warn
    monkeypatch.setattr(screen, "warn", lambda text: (warn(text), mended.append(text)))
    assert train(*build(data), data, tmp_path / "run", 6, save_step=2) is None
    steps = [StoredCheckpoint(name).step
             for name in checkpoint_names(str(tmp_path / "run"))]
    assert steps == [3, 4, 6]       # 2 failed, and 3 made up for it
    assert capsys.readouterr().err.count("checkpoint of step 2 cannot be written (No space") == 1


def test_a_last_save_that_fails_is_an_error(tmp_path, data, monkeypatch):
    train(*build(data), data, tmp_path / "run", 1)
    network, optimizer = build(data)
    optimizer.iterations.assign(1)
    failing(monkeypatch, "mkdir")
    with pytest.raises(RunError, match=r"step 3 cannot be written \(No space left on device\); "
                                       r"the newest is .*model\.ckpt-1\.$"):
        train(network, optimizer, data, tmp_path / "run", 3)
    assert contents.read(tmp_path / "run", contents.FINISHED) == {"step": 1}


def test_summaries_that_fail_do_not_lose_the_training(tmp_path, data, monkeypatch, capsys):
    class Full:
        """An event file on a full disk."""

        def as_default(self, step):
            raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.summary, "create_file_writer", lambda folder: Full())
    with pytest.raises(RunError, match=r"summaries cannot be written \(No space.*; the checkpoint "
                                       "is whole"):
        train(*build(data), data, tmp_path / "run", 30)
    assert newest_whole_checkpoint(str(tmp_path / "run")).step == 30
    assert capsys.readouterr().err.count("Warning") == 1
    assert len(losses(tmp_path / "run")) == 4      # of steps 1, 10, 20, 30


def signal_at(step, numbers):
    """A summary's function that sends signals to this process at a step."""
    def scalars(self, at, values):
        if at == step:
            for number in numbers:
                os.kill(os.getpid(), number)
                time.sleep(0.05)
    return scalars


@pytest.mark.parametrize("numbers", [
    [signal.SIGINT], [signal.SIGTERM], [signal.SIGTERM, signal.SIGTERM],
    [signal.SIGINT, signal.SIGINT]])      # at once, as `timeout` does
def test_signals_end_the_training_with_a_checkpoint(tmp_path, data, numbers, monkeypatch,
                                                    capsys):
    before = signal.getsignal(numbers[0])
    monkeypatch.setattr(tensorboard.Summaries, "scalars", signal_at(10, numbers))
    status = train(*build(data), data, tmp_path / "run", 100)
    assert status == 128 + numbers[0] and signal.getsignal(numbers[0]) == before
    # The signal comes after the loop has looked for signals in step 10.
    assert f"Stopped at step 11: {tmp_path}/run/model.ckpt-11" in capsys.readouterr().out
    assert newest_whole_checkpoint(str(tmp_path / "run")).step == 11
    assert contents.read(tmp_path / "run", contents.FINISHED) is None


def test_a_second_ctrl_c_leaves_at_once(tmp_path, data, monkeypatch):
    monkeypatch.setattr(signals, "ONE_PRESS_SECONDS", 0.01)
    monkeypatch.setattr(tensorboard.Summaries, "scalars", signal_at(10, [signal.SIGINT] * 2))
    with pytest.raises(KeyboardInterrupt, match="again"):
        train(*build(data), data, tmp_path / "run", 100)
    assert not checkpoint_names(str(tmp_path / "run"))


def test_ctrl_c_that_comes_to_several_workers_is_one_press(monkeypatch):
    with signals.Interrupts() as found:
        found.begin()
        found.receive(signal.SIGINT)        # of another worker, before this one's own
        os.kill(os.getpid(), signal.SIGINT)
        assert found.status == 130
        monkeypatch.setattr(signals, "ONE_PRESS_SECONDS", 0)
        with pytest.raises(KeyboardInterrupt, match="again"):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)


def test_before_the_first_step_a_signal_leaves_at_once(tmp_path, data):
    def read(numbers):
        os.kill(os.getpid(), signal.SIGTERM)
        return data.read(numbers)

    first = Dataset(data.info, data.source, read, data.prepare)
    with pytest.raises(Terminated, match="before the first step; there was nothing to save"):
        train(*build(data), first, tmp_path / "run", 100)
    assert not checkpoint_names(str(tmp_path / "run"))


def test_a_signal_at_the_last_step_finds_it_finished(tmp_path, data, monkeypatch):
    monkeypatch.setattr(tensorboard.Summaries, "scalars", signal_at(2, [signal.SIGTERM]))
    assert train(*build(data), data, tmp_path / "run", 2) is None


@pytest.mark.parametrize("overrides", [
    "warmup_steps=9", "schedule=cosine,decay_steps=12", "decay_rate=0.5,decay_steps=3"])
def test_a_row_has_the_learning_rate_that_its_step_used(tmp_path, data, overrides):
    network, optimizer = build(data, "mlp", models.default_hparams("mlp").override(overrides))
    used, update_step = [], optimizer.update_step

    def spy(gradient, variable, learning_rate):
        tf.py_function(lambda rate: used.append(float(rate)), [learning_rate], [])
        update_step(gradient, variable, learning_rate)

    optimizer.update_step = spy
    train(network, optimizer, data, tmp_path / "run", 10)
    train(network, optimizer, data, tmp_path / "run", 11)      # resumed: another function
    rows = read_history(str(tmp_path / "run"))
    used = used[::len(network.variables)]
    assert [row["step"] for row in rows] == [1, 10, 11] and len(used) == 11
    for row in rows:
        assert row["learning_rate"] == pytest.approx(used[row["step"] - 1], rel=1e-6)
    assert len({row["learning_rate"] for row in rows}) == 3


@pytest.mark.parametrize("model", models.NETWORKS)
def test_verbose_rows_have_routing_diagnostics_every_details_step(tmp_path, data, model,
                                                                  monkeypatch):
    monkeypatch.setattr(loop, "DETAILS_EVERY", 2)
    hparams = models.default_hparams(model).override("num_prime_capsules=2,verbose=true")
    network, optimizer = build(data, model, hparams)
    train(network, optimizer, data, tmp_path / "run", 4)
    train(network, optimizer, data, tmp_path / "run", 5)
    rows = read_history(str(tmp_path / "run"))
    assert [row["step"] for row in rows] == [1, 2, 4, 5]
    tags = set(routing_scalars.tags(network))
    assert bool(tags) == (network.class_capsules is not None)
    assert {tag for tag in rows[0] if tag.startswith("routing/")} == tags
    for row in rows:
        finite = {tag for tag in tags if math.isfinite(row[tag])}
        assert finite == (tags if row["step"] % 2 == 0 else set())


def test_details_change_no_bit_of_a_training(tmp_path, data, monkeypatch):
    monkeypatch.setattr(loop, "DETAILS_EVERY", 1)
    plain, verbose = (build(data, hparams=HPARAMS.override(f"verbose={verbose}"))
                      for verbose in ("false", "true"))
    train(*plain, data, tmp_path / "plain", 3)
    train(*verbose, data, tmp_path / "verbose", 3)
    for expected, found in zip(plain[0].variables + plain[1].variables,
                               verbose[0].variables + verbose[1].variables):
        np.testing.assert_array_equal(expected, found)


def test_a_training_that_begins_again_counts_seconds_from_0(tmp_path, data):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "seconds.json").write_text('{"seconds": 900, "since": null}')
    train(*build(data), data, tmp_path / "run", 1)
    assert read_history(str(tmp_path / "run"))[0]["seconds"] < 300


def test_the_last_step_before_an_early_end_is_in_the_history(tmp_path, data):
    class Stop(loop.Hook):
        def after_step(self, step, metrics):
            if step == 3:
                os.kill(os.getpid(), signal.SIGTERM)

    assert train(*build(data), data, tmp_path / "run", 100, hook=Stop()) == 143
    assert [row["step"] for row in read_history(str(tmp_path / "run"))] == [1, 3]
