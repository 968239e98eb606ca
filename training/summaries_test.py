import csv

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import models
from input_data.dataset import DatasetInfo
from models.hparams import HParams
from training.errors import RunError
from training.summaries import Summaries


def write(folder, steps, stale=None):
    with Summaries(str(folder), ("loss", "accuracy"), stale) as summaries:
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


def test_steps_taken_again_replace_their_rows(tmp_path):
    write(tmp_path, [1, 10, 20])
    with open(tmp_path / "history.csv", "a") as file:
        file.write("30,0.")        # killed while writing
    write(tmp_path, [15, 30], stale=lambda step: step > 10)
    assert [row[0] for row in history(tmp_path)] == ["step", "1", "10", "15", "30"]


def test_a_users_history_is_left_alone(tmp_path):
    (tmp_path / "history.csv").write_text("year,event\n1066,Hastings\n")
    with pytest.raises(RunError, match="move it away"):
        write(tmp_path, [1])
    assert "Hastings" in (tmp_path / "history.csv").read_text()


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
