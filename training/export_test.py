import os

import numpy as np
import pytest
import tensorflow as tf

import experiment
from training import export
from training.checkpoints.read import StoredCheckpoint
from training.checkpoints.write import nested
from training.run_folder import contents

SMALL = "num_prime_capsules=1,routing=1,remake=false,ema_decay=0.5"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    assert experiment.main(["experiment.py", f"--summary_dir={folder}", "--max_steps=3",
                            "--batch_size=4", f"--hparams_override={SMALL}"]) == 0
    return f"{folder}/train/model.ckpt-3"


def run(*arguments):
    return export.main(["export", *map(str, arguments)])


def result(checkpoint, folder):
    assert experiment.main(["experiment.py", "--train=false", f"--checkpoint={checkpoint}",
                            f"--summary_dir={folder}", "--eval_size=200"]) == 0
    return contents.read(os.path.join(folder, "test"), contents.RESULT)


@pytest.mark.parametrize("dtype", export.DTYPES)
def test_it_computes_what_the_training_evaluates(trained, tmp_path, capsys, dtype):
    assert run(f"--checkpoint={trained}", f"--output={tmp_path}/net", f"--dtype={dtype}") == 0
    assert f"Wrote {tmp_path}/net/model.ckpt-3: " in capsys.readouterr().out
    expected = StoredCheckpoint(trained).network_arrays()
    reader = tf.train.load_checkpoint(f"{tmp_path}/net/model.ckpt-3")
    keys = set(reader.get_variable_to_shape_map()) - {"_CHECKPOINTABLE_OBJECT_GRAPH"}
    assert len(keys) == len(expected) + 1 == 7      # the step; no slots
    for path, array in StoredCheckpoint(f"{tmp_path}/net/model.ckpt-3").network_arrays().items():
        assert array.dtype == dtype
        np.testing.assert_array_equal(array, expected[path].astype(dtype))
    found = result(f"{tmp_path}/net/model.ckpt-3", tmp_path / "its")
    own = result(trained, tmp_path / "own")
    assert found["step"] == 3 and abs(found["wrong"] - own["wrong"]) <= 2
    if dtype == "float32":
        assert found["confusion"] == own["confusion"]


def test_nothing_of_the_machine_goes_with_it(trained, tmp_path):
    assert run(f"--checkpoint={trained}", f"--output={tmp_path}/net") == 0
    assert sorted(os.listdir(tmp_path / "net")) == [
        "dataset.json", "flags.json", "hparams.json", "model.ckpt-3.data-00000-of-00001",
        "model.ckpt-3.index"]
    flags = contents.read(tmp_path / "net", contents.FLAGS)
    assert set(flags) == set(export.KEPT) and flags["model"] == "capsule"


def test_a_training_can_start_from_it(trained, tmp_path):
    assert run(f"--checkpoint={trained}", f"--output={tmp_path}/net") == 0
    assert experiment.main([
        "experiment.py", f"--summary_dir={tmp_path}/run", "--max_steps=4", "--batch_size=4",
        f"--checkpoint={tmp_path}/net/model.ckpt-3"]) == 0


def test_a_network_of_the_reference_is_exported(tmp_path):
    shapes = {"conv1/weights": [9, 9, 1, 256], "conv_capsule1/biases": [2, 8, 1, 1]}
    tf.raw_ops.SaveV2(
        prefix=f"{tmp_path}/model.ckpt-5", tensor_names=[*shapes, "global_step"],
        shape_and_slices=[""] * 3,
        tensors=[*(tf.fill(shape, 0.5) for shape in shapes.values()), tf.constant(5.0)])
    assert run(f"--checkpoint={tmp_path}/model.ckpt-5", f"--output={tmp_path}/net/") == 0
    arrays = StoredCheckpoint(f"{tmp_path}/net/model.ckpt-5").network_arrays()
    assert {path: array.shape for path, array in arrays.items()} == {
        "conv1/kernel": (9, 9, 1, 256), "conv_capsule1/bias": (2, 8)}


def test_numbers_that_are_too_large_are_named(tmp_path, capsys):
    network = nested({"conv1/kernel": tf.Variable([1e5])})
    tf.train.Checkpoint(network=network, step=tf.Variable(1, dtype=tf.int64)).write(
        f"{tmp_path}/model.ckpt-1")
    assert run(f"--checkpoint={tmp_path}/model.ckpt-1", f"--output={tmp_path}/net") == 2
    assert "conv1/kernel has numbers too large for float16" in capsys.readouterr().err
    assert not [entry for entry in os.listdir(tmp_path) if entry.startswith("net")]
    assert run(f"--checkpoint={tmp_path}/model.ckpt-1", f"--output={tmp_path}/net",
               "--dtype=float32") == 0


@pytest.mark.parametrize("arguments, message", [
    (("--output=x",), "--checkpoint is missing"), (("--checkpoint=x",), "--output is missing"),
    (("--checkpoint=x", "--output=/"), "/ is there already"),
    (("--checkpoint=x", "--output=/no/net"), "there is no folder for /no/net"),
    (("--checkpoint=/no/x", "--output=new"), "Checkpoint /no/x: there is no")])
def test_wrong_flags_get_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    error = capsys.readouterr().err.strip()
    assert message in error and len(error.splitlines()) == 1
    assert not os.listdir(tmp_path)


def test_a_training_goes_on_from_a_copy(trained, tmp_path, capsys):
    assert run(f"--checkpoint={trained}", f"--output={tmp_path}/train", "--dtype=float32") == 0
    assert experiment.main(["experiment.py", f"--summary_dir={tmp_path}", "--max_steps=4"]) == 0
    assert f"Resuming from {tmp_path}/train/model.ckpt-3." in capsys.readouterr().out
