import dataclasses
import json

import keras
import numpy as np
import pytest

import input_data
from capsules import CapsNet, pretrained
from commands.errors import RunError, UsageError
from conftest import write_class_folders
from reports import trained_network
from reports.conftest import PAIRS
from training.config import Config
from training.train import train


def flags(**given):
    values = trained_network.flags()
    values(["command", *(f"--{name}={value}" for name, value in given.items())])
    return values


def chosen(**given):
    """What a choice decides, by the flags that name a network and its data."""
    config = trained_network.choice(flags(**given))
    return {name: getattr(config, name) for name in trained_network.NAMES}


def test_what_flags_leave_open_is_as_the_training_left_it(tmp_path):
    name, data = str(tmp_path / "model.ckpt-7"), str(tmp_path)
    of = dict(checkpoint=name, model="capsule", dataset="mnist", data_dir=None, num_targets=1,
              hparams_override="")
    assert chosen(checkpoint=name) == of
    (tmp_path / "flags.json").write_text(json.dumps(dict(
        model="baseline", dataset="cifar10", data_dir=data, num_targets=2, seed=3)))
    stored = {**of, "model": "baseline", "dataset": "cifar10", "data_dir": data, "num_targets": 2}
    assert chosen(checkpoint=name) == stored
    assert chosen(checkpoint=name, dataset="norb") == {**stored, "dataset": "norb",
                                                       "data_dir": None}
    with pytest.raises(RunError, match="trained with --model=baseline, found --model=capsule"):
        chosen(checkpoint=name, model="capsule")
    with pytest.raises(RunError, match="trained with --num_targets=2, found --num_targets=1"):
        chosen(checkpoint=name, num_targets=1)


def test_a_training_with_validate_is_looked_at_with_what_it_held_out(tmp_path):
    write_class_folders(tmp_path / "data" / "train", per_class=8, size=(17, 17, 1))
    settings = Config(dataset="images", data_dir=str(tmp_path / "data"), validate=True,
                      validation_fraction=0.25, validation_seed=3, max_steps=1, batch_size=4,
                      summary_dir=str(tmp_path / "run"),
                      hparams_override="num_prime_capsules=1,routing=1,remake=false")
    assert train(settings) is None
    checkpoint = str(tmp_path / "run" / "train" / "model.ckpt-1")
    _, data = trained_network.load(trained_network.choice(flags(checkpoint=checkpoint)))
    expected = dataclasses.replace(settings, train=False).load_data()
    assert data.info.num_examples == 3 * 2
    np.testing.assert_array_equal(*(found.read(np.arange(6))["images"]
                                    for found in (data, expected)))
    # Other data are looked at as they are.
    assert not trained_network.choice(flags(checkpoint=checkpoint, data_dir=tmp_path)).validate
    assert not trained_network.choice(flags(checkpoint=checkpoint, dataset="mnist")).validate


@pytest.mark.parametrize("name, value", [
    ("model", "own"), ("model", []), ("dataset", "none"), ("dataset", 5), ("num_targets", "2"),
    ("validate", None), ("data_dir", 5)])
def test_flags_that_no_training_left_are_named(tmp_path, name, value):
    (tmp_path / "flags.json").write_text(json.dumps({name: value}))
    with pytest.raises(RunError, match=rf"flags\.json: {name}"):
        trained_network.choice(flags(checkpoint=str(tmp_path / "model.ckpt-7")))


def test_a_network_that_was_loaded_goes_through_a_keras_file(tmp_path):
    network, data = trained_network.load(
        trained_network.of_checkpoint(trained_network.shipped_checkpoint()))
    batch = {"images": trained_network.examples(data, [0, 1, 2], "--examples")["images"]}
    network.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras")
    for expected, found in zip(network(batch), again(batch)):
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("data_dir", ["{}/train.tfrecords", "{}/multitrain.tfrecords@60"])
def test_records_of_the_training_are_not_taken_for_tests(tmp_path, data_dir):
    (tmp_path / "train.tfrecords").write_text("")
    (tmp_path / "flags.json").write_text(json.dumps({"data_dir": data_dir.format(tmp_path)}))
    with pytest.raises(RunError, match=r"trained on the records .*; name those to evaluate on"):
        chosen(checkpoint=f"{tmp_path}/model.ckpt-7")


def test_archives_are_data_to_test_on_and_other_datasets_have_their_own(tmp_path):
    (tmp_path / "digits.zip").write_text("")
    (tmp_path / "flags.json").write_text(json.dumps(dict(
        dataset="digits", data_dir=f"{tmp_path}/digits.zip")))
    name = f"{tmp_path}/model.ckpt-7"
    assert chosen(checkpoint=name)["data_dir"] == f"{tmp_path}/digits.zip"
    assert chosen(checkpoint=name, dataset="mnist")["data_dir"] is None


def test_without_a_checkpoint_the_shipped_one_is_taken(tmp_path, monkeypatch):
    folder = tmp_path / "mnist"
    folder.mkdir()
    (folder / "model.ckpt-7.index").write_text("")
    (folder / "model.ckpt-7.data-00000-of-00001").write_text("")
    (folder / "flags.json").write_text(json.dumps(dict(model="capsule", num_targets=2)))
    monkeypatch.setattr(trained_network, "SHIPPED", tmp_path)
    assert chosen()["checkpoint"] == str(folder / "model.ckpt-7")
    assert chosen()["num_targets"] == 2


@pytest.mark.parametrize("files", [[], ["model.ckpt-7.index", "model.ckpt-8.index"]])
def test_a_folder_without_the_one_shipped_checkpoint_is_named(tmp_path, monkeypatch, files):
    folder = tmp_path / "small"
    folder.mkdir()
    for name in files:
        (folder / name).write_text("")
    monkeypatch.setattr(trained_network, "SHIPPED", tmp_path)
    with pytest.raises(UsageError, match=f"--checkpoint is missing, and {folder} does not"):
        trained_network.choice(flags(), "small")


def test_the_shipped_network_reads_digits():
    network, data = trained_network.load(trained_network.choice(flags()))
    wrong = total = 0
    for batch, predictions, _ in trained_network.answers(network, data, most=500):
        wrong += np.sum(~trained_network.right(batch["targets"], predictions))
        total += len(predictions)
    assert total == 500 and wrong <= 5


@pytest.mark.parametrize("name", pretrained.NETWORKS)
def test_the_library_has_the_shipped_networks_too(name):
    network, data = trained_network.load(trained_network.choice(flags(), name))
    batch = trained_network.examples(data, [0, 1, 2], "--examples")
    expected = network({"images": batch["images"]})
    model = CapsNet.from_pretrained(name)
    np.testing.assert_allclose(model(batch["images"]), expected.logits, rtol=1e-5)
    np.testing.assert_allclose(model.reconstruct(batch["images"]), expected.reconstructions,
                               atol=1e-5)


def test_an_empty_name_of_a_checkpoint_is_refused():
    with pytest.raises(UsageError, match="--checkpoint is empty"):
        trained_network.choice(flags(checkpoint=""))


@pytest.mark.parametrize("needs, overrides, model, message", [
    (("class_capsules",), "", "baseline", "baseline, which has no capsules"),
    (("class_capsules", "decoder"), "remake=false", "capsule", "has no decoder"),
    (("grid",), "", "baseline", "baseline, which has no capsules"),
    (("grid",), "", "efficient", "efficient, whose voting capsules lie in no grid"),
])
def test_networks_that_lack_something_are_refused(untrained, needs, overrides, model, message):
    with pytest.raises(RunError, match=message):
        trained_network.load(
            trained_network.of_checkpoint(untrained(overrides, model), model=model), needs)


def test_answers_are_the_networks_in_the_splits_order(untrained):
    choice = trained_network.of_checkpoint(untrained(data_dir=PAIRS, num_targets=2), num_targets=2,
                                           data_dir=PAIRS)
    network, data = trained_network.load(choice)
    batches = list(trained_network.answers(network, data, most=3))
    assert [len(predictions) for _, predictions, _ in batches] == [3]
    images, logits = (np.concatenate(parts) for parts in zip(*(
        (batch["images"], logits) for batch, _, logits in batches)))
    np.testing.assert_allclose(logits, network({"images": images}).logits, atol=1e-5)
    np.testing.assert_array_equal(
        images, trained_network.examples(data, [0, 1, 2], "--x")["images"])
    for _, predictions, logits in batches:
        np.testing.assert_array_equal(predictions, np.argsort(-logits)[:, :2])


@pytest.mark.parametrize("number", [-1, 2000])
def test_examples_beyond_the_split_are_named(number):
    data = input_data.load("mnist", None, "test")
    with pytest.raises(UsageError, match=f"--example: .* 0 to 1999, found {number}"):
        trained_network.examples(data, [3, number], "--example")


def test_right_is_all_targets_in_any_order():
    np.testing.assert_array_equal(
        trained_network.right(np.array([[1, 2], [1, 2], [1, 2]]),
                              np.array([[2, 1], [1, 3], [3, 4]])),
        [True, False, False])
