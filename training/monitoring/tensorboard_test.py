import csv
import os
import resource

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import models
from input_data.dataset import DatasetInfo
from models.hparams import HParams
from training.monitoring.tensorboard import Summaries


def write(folder, steps):
    with Summaries(str(folder), ("loss", "accuracy")) as summaries:
        for step in steps:
            summaries.scalars(step, {"loss": step / 7, "accuracy": 0.5})


def history(folder):
    with open(folder / "history.csv") as file:
        return list(csv.reader(file))


def test_tensorboard_and_history_hold_the_same_scalars(tmp_path):
    write(tmp_path, [1, 10])
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [event.step for event in events.Tensors("loss")] == [1, 10]
    values = [float(tf.make_ndarray(event.tensor_proto)) for event in events.Tensors("loss")]
    header, *rows = history(tmp_path)
    assert header == ["step", "loss", "accuracy"]
    np.testing.assert_allclose([float(row[1]) for row in rows], values, rtol=1e-6)


@pytest.fixture
def disk():
    """A function that says how many bytes a file may have; None for any number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft if size is None else size, hard))

    yield limit
    limit(None)


def test_what_could_not_be_written_is_left_out_and_the_rest_is_whole(tmp_path, disk, capsys):
    values = {"loss": 0.5, "accuracy": 0.5}
    with Summaries(str(tmp_path), ("loss", "accuracy")) as summaries:
        for step in range(1, 31):
            if step == 11:
                disk(os.path.getsize(tmp_path / "history.csv") + 3)
            elif step == 21:
                disk(None)
            summaries.scalars(step, values)
        assert [row[0] for row in history(tmp_path)] == [
            "step", *map(str, range(1, 11)), *map(str, range(21, 31))]
        os.remove(tmp_path / "history.csv")
        summaries.scalars(31, values)
    assert history(tmp_path) == [["step", "loss", "accuracy"], ["31", "0.5", "0.5"]]
    assert "summaries cannot be written" in summaries.failure
    assert len(capsys.readouterr().err.splitlines()) == 1
    events = [EventAccumulator(str(path), size_guidance={"tensors": 0}).Reload()
              for path in tmp_path.glob("*tfevents*")]
    steps = {event.step for file in events if "loss" in file.Tags()["tensors"]
             for event in file.Tensors("loss")}
    assert steps >= set(range(21, 32))


def test_details_hold_weights_activations_and_pictures(tmp_path):
    info = DatasetInfo("pairs", 20, 20, 1, 10, (), num_targets=2)
    network = models.build("capsule", HParams().override("num_prime_capsules=2"), info)
    batch = {"images": tf.zeros([3, 20, 20, 1]), "targets": tf.constant([[1, 2]] * 3),
             "target_images": tf.zeros([3, 2, 20, 20, 1])}
    with Summaries(str(tmp_path), ()) as summaries:
        summaries.details(5, network, batch)
    tags = set(EventAccumulator(str(tmp_path)).Reload().Tags()["tensors"])
    assert set(network.variable_paths()) | {"activation/logits", "activation/capsules"} <= tags
    assert {"images", "target_1", "target_2", "reconstruction_1", "reconstruction_2",
            "routing"} <= tags
