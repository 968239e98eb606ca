"""The command line on pairs of digits, and on images of another size."""

import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

import input_data
from conftest import TESTDATA, load_network
from experiment_test import SMALL, one_line, read_json, run
from input_data.formats.tf_examples import serialize
from input_data.formats.tfrecords import shard_names, write
from input_data.mnist import mnist_shift
from input_data.mnist.multi_mnist_test import FEATURES, RECORD

MULTIMNIST = os.path.join(TESTDATA, "multimnist")
TRAIN, TEST = (f"multi{split}_4shifted_mnist.tfrecords" for split in ("train", "test"))


def counted_by_hand(checkpoint, name):
    """Counts pairs of which not both digits, and none, are among a network's two longest capsules.

    Returns:
      wrong and almost_wrong, ints.
    """
    info = input_data.load("mnist", name, "test", num_targets=2).info
    network = load_network(checkpoint, "capsule", info)
    wrong = almost_wrong = 0
    for record in tf.data.TFRecordDataset(shard_names(name)):
        parsed = tf.io.parse_single_example(record, FEATURES)
        pixels = np.frombuffer(parsed["merged_raw"].numpy(), np.uint8)
        image = pixels.reshape(1, info.height, info.width, 1).astype(np.float32) / 255
        logits = network({"images": tf.constant(image)}).logits[0].numpy()
        found = set(np.argsort(-logits)[:2]) & {int(parsed["label_1"]), int(parsed["label_2"])}
        wrong += len(found) < 2
        almost_wrong += not found
    return wrong, almost_wrong


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on the published pairs: 3 steps."""
    folder = tmp_path_factory.mktemp("pairs") / "run"
    assert run(f"--summary_dir={folder}", f"--data_dir={MULTIMNIST}/{TRAIN}@3",
               "--num_targets=2", SMALL + ",verbose=true", "--max_steps=3", "--batch_size=4") == 0
    return folder


def test_published_pairs_train_and_evaluate(trained, tmp_path):
    assert read_json(trained / "train" / "flags.json")["num_targets"] == 2
    checkpoint = f"{trained}/train/model.ckpt-3"
    name = f"{MULTIMNIST}/{TEST}@2"
    assert run("--num_targets=2", f"--data_dir={name}", "--train=false",
               f"--checkpoint={checkpoint}", f"--summary_dir={tmp_path}") == 0
    result = read_json(tmp_path / "test" / "result.json")
    assert result["examples"] == 4
    assert (result["wrong"], result["almost_wrong"]) == counted_by_hand(checkpoint, name)


def test_generated_pairs_train_and_evaluate(tmp_path, mnist_dir):
    for split in ("train", "test"):
        assert mnist_shift.main([
            "mnist_shift.py", f"--data_dir={mnist_dir}", f"--split={split}", "--num_pairs=5",
            "--multi_targets=true", "--shift=4", "--pad=4", "--max_shard=60"]) == 0
    common = f"--summary_dir={tmp_path}", "--num_targets=2"
    assert run(*common, f"--data_dir={mnist_dir}/{TRAIN}@5", SMALL, "--max_steps=40",
               "--batch_size=16") == 0
    assert run(*common, f"--data_dir={mnist_dir}/{TEST}@2", "--train=false") == 0
    result = read_json(tmp_path / "test" / "result.json")
    assert result["examples"] == 100 and result["step"] == 40
    counted = counted_by_hand(f"{tmp_path}/train/model.ckpt-40", f"{mnist_dir}/{TEST}@2")
    assert (result["wrong"], result["almost_wrong"]) == counted
    assert result["almost_wrong"] < result["wrong"]


def test_pairs_made_of_digits_train_and_evaluate(tmp_path, mnist_dir, capsys):
    common = f"--summary_dir={tmp_path}", f"--data_dir={mnist_dir}", "--num_targets=2"
    assert run(*common, SMALL, "--validate", "--max_steps=2", "--batch_size=4") == 0
    assert "50000 images of 36x36x1" in capsys.readouterr().out
    assert run(*common, "--validate", "--train=false", "--eval_size=30") == 0
    assert read_json(tmp_path / "test" / "result.json")["examples"] == 30
    assert run("--num_targets=2", "--train=false", "--eval_size=30",
               f"--checkpoint={tmp_path}/train/model.ckpt-2") == 0
    assert f"pairs made of {mnist_dir}" in capsys.readouterr().out


def test_a_run_keeps_its_number_of_targets(trained, capsys):
    before = sorted(os.listdir(trained / "train"))
    assert run(f"--summary_dir={trained}", "--max_steps=9", "--num_targets=1") == 2
    assert "started with --num_targets=2, found --num_targets=1" in one_line(capsys)
    assert sorted(os.listdir(trained / "train")) == before


@pytest.mark.parametrize("arguments, message", [
    (["--num_targets=0"], "--num_targets=0: 0 is not an integer in the range"),
    (["--num_targets=two"], "num_targets"),
    (["--num_targets=3"], "--num_targets=3"),
    (["--num_targets=2", f"--data_dir={MULTIMNIST}", "--validate"],
     "expected train-images-idx3-ubyte and train-labels-idx1-ubyte (.gz or not), found multi"),
    (["--num_targets=2", f"--data_dir={MULTIMNIST}/{TEST}@2", "--validate"],
     "leave --validate out"),
    (["--num_targets=2", f"--data_dir={MULTIMNIST}/{TEST}@3"], "-00000-of-00003 is missing"),
    ([f"--data_dir={MULTIMNIST}"], "expected train_2shifted_mnist.tfrecords, or train-images"),
    ([f"--data_dir={MULTIMNIST}/{TEST}@2"], "feature image_raw is missing"),
])
def test_bad_flags_get_one_line(arguments, message, tmp_path, capsys):
    assert run(*arguments, f"--summary_dir={tmp_path}", SMALL) == 2
    assert message in one_line(capsys)


def changed(**changes):
    return lambda path: (os.remove(path), write(str(path), [serialize(**{**RECORD, **changes})], 1))


@pytest.mark.parametrize("damage, message", [
    (os.remove, "00001-of-00002 is missing"),
    (lambda path: os.truncate(path, 0), "empty file"),
    (lambda path: os.truncate(path, 5000), "cut short"),
    (changed(), "like the first"),
    (changed(height=36, width=36, depth=3), "like the first"),
    (changed(height=36, width=36), "expected 1296 bytes of merged_raw"),
    (changed(height=36, width=36, label_2=10, **{
        name: bytes(1296) for name in ("merged_raw", "image_raw_1", "image_raw_2")}),
     "expected label_2 from 0 to 9, found 10"),
])
def test_bad_pairs_get_one_line(trained, damage, message, tmp_path, capsys):
    for name in shard_names(f"{MULTIMNIST}/{TEST}@2"):
        shutil.copy(name, tmp_path)
    damage(tmp_path / f"{TEST}-00001-of-00002")
    capsys.readouterr()     # of making the damaged files
    assert run("--num_targets=2", f"--data_dir={tmp_path}/{TEST}@2", "--train=false",
               f"--checkpoint={trained}/train/model.ckpt-3") == 2
    assert message in one_line(capsys)


def test_expanded_digits_train_and_evaluate(tmp_path, mnist_dir, capsys):
    for split in ("train", "test"):
        assert mnist_shift.main(["mnist_shift.py", f"--data_dir={mnist_dir}",
                                 f"--split={split}", "--shift=6", "--pad=6"]) == 0
    train, test = (f"--data_dir={mnist_dir}/{split}_6shifted_mnist.tfrecords"
                   for split in ("train", "test"))
    assert run(f"--summary_dir={tmp_path}", train, SMALL, "--max_steps=2", "--batch_size=4") == 0
    assert "images of 40x40x1" in capsys.readouterr().out
    assert run(f"--summary_dir={tmp_path}", test, "--train=false", "--eval_size=200") == 0
    assert read_json(tmp_path / "test" / "result.json")["examples"] == 200
