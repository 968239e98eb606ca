
import numpy as np
import pytest

import input_data
import models
from commands.errors import RunError
from models.hparams import HParams
from training.checkpoints.read import StoredCheckpoint, latest_checkpoint
from training.checkpoints.write import CheckpointWriter
from training.optimizer import make_optimizer


@pytest.fixture(scope="module")
def info():
    return input_data.load("mnist", None, "test").info


def build(info, model="capsule", overrides="num_prime_capsules=2"):
    network = models.build(model, HParams().override(overrides), info)
    return network, make_optimizer(network)


def save(folder, network, optimizer, step=7):
    optimizer.iterations.assign(step)
    return CheckpointWriter(str(folder), network, optimizer, keep=1).save()


@pytest.mark.parametrize("model", models.NETWORKS)
def test_network_slots_and_step_come_back(tmp_path, info, model):
    network, optimizer = build(info, model)
    for variable in optimizer.variables[1:]:
        variable.assign(np.random.default_rng(0).random(variable.shape, np.float32))
    name = save(tmp_path, network, optimizer)
    assert name == latest_checkpoint(str(tmp_path)) == f"{tmp_path}/model.ckpt-7"
    other, other_optimizer = build(info, model)
    stored = StoredCheckpoint(name)
    stored.restore_network(other)
    stored.restore_optimizer(other, other_optimizer)
    assert stored.step == 7
    for expected, found in zip(network.variables + optimizer.variables,
                               other.variables + other_optimizer.variables):
        np.testing.assert_array_equal(expected, found)


@pytest.mark.parametrize("model, overrides, message", [
    ("capsule", "num_prime_capsules=4",
     r"conv_capsule1/kernel: expected \[9, 9, 256, 32\], found \[9, 9, 256, 16\]; "
     "most likely the hyperparameter num_prime_capsules"),
    ("capsule", "num_prime_capsules=2,padding=SAME",
     r"capsule2/kernel: expected \[392, 8, 160\], found \[72, 8, 160\]; .*padding"),
    ("capsule", "num_prime_capsules=2,remake=false",
     r"recons/.*: expected no such variable, found .*; .*hyperparameter remake"),
    ("baseline", "", r"conv1/kernel: .* most likely the flag --model differs"),
])
def test_another_architecture_is_named(tmp_path, info, model, overrides, message):
    name = save(tmp_path, *build(info))
    with pytest.raises(RunError, match=message):
        StoredCheckpoint(name).restore_network(build(info, model, overrides)[0])


def test_a_missing_decoder_is_named(tmp_path, info):
    name = save(tmp_path, *build(info, overrides="num_prime_capsules=2,remake=false"))
    with pytest.raises(RunError, match=r"recons_1/kernel: .*found none; .*remake"):
        StoredCheckpoint(name).restore_network(build(info)[0])


def test_missing_checkpoints_name_their_neighbours(tmp_path, info):
    save(tmp_path, *build(info))
    with pytest.raises(RunError, match=r"no .*ckpt-8.index; found model.ckpt-7"):
        StoredCheckpoint(str(tmp_path / "model.ckpt-8"))
    with pytest.raises(RunError, match="no folder"):
        StoredCheckpoint(str(tmp_path / "nowhere" / "model.ckpt-8"))


def test_other_tensors_are_not_a_network(tmp_path):
    import tensorflow as tf

    name = tf.train.Checkpoint(x=tf.Variable(1.0)).write(str(tmp_path / "other"))
    with pytest.raises(RunError, match="holds no variables of a network"):
        StoredCheckpoint(name)
