import os

import numpy as np
import pytest
import tensorflow as tf

import experiment
from input_data.dataset import DatasetInfo
from models.hparams import HParams
from training import export
from training.checkpoints import tf1_names
from training.checkpoints.read import StoredCheckpoint
from training.checkpoints.tf1_names_test import baseline_shapes, capsule_shapes
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


@pytest.fixture(scope="module", params=["capsule", "baseline"])
def reference_network(request, tmp_path_factory):
    """A trained network of the reference, its checkpoint and the reference's shapes by name."""
    folder = tmp_path_factory.mktemp(request.param)
    overrides = "num_prime_capsules=1,routing=1,ema_decay=0.5"
    assert experiment.main(["experiment.py", f"--summary_dir={folder}", "--max_steps=2",
                            "--batch_size=4", f"--model={request.param}",
                            f"--hparams_override={overrides}"]) == 0
    info = DatasetInfo("mnist", 28, 28, 1, 10, ())
    shapes = {"capsule": capsule_shapes(info, 1, 36, remake=True),
              "baseline": baseline_shapes(info, 4096)}[request.param]
    return f"{folder}/train/model.ckpt-2", shapes


def test_the_reference_restores_it(reference_network, tmp_path):
    checkpoint, shapes = reference_network
    assert run("--format=reference", f"--checkpoint={checkpoint}", f"--output={tmp_path}/net") == 0
    averages = {tf1_names.key(path): array
                for path, array in StoredCheckpoint(checkpoint).network_arrays().items()}
    # The reference restores all variables of its graph, Adam's too, from what the state file names.
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variables = {name: tf.compat.v1.get_variable(name, shape, use_resource=False)
                     for name, shape in shapes.items()}
        step = tf.compat.v1.get_variable("global_step", [], use_resource=False, trainable=False)
        update = tf.compat.v1.train.AdamOptimizer(0.5).minimize(
            tf.add_n([tf.nn.l2_loss(variable) for variable in variables.values()]), step)
        latest = tf.compat.v1.train.latest_checkpoint(f"{tmp_path}/net")
        assert latest == f"{tmp_path}/net/model.ckpt-2"
        tf.compat.v1.train.Saver().restore(session, latest)
        assert session.run(step) == 2
        restored = session.run(variables)
        session.run(update)
        updated = session.run(variables)
    assert restored.keys() == averages.keys()
    for name, array in restored.items():
        np.testing.assert_array_equal(array.ravel(), averages[name].ravel())
        # Adam's first update is the learning rate, against the gradient's sign.
        far = np.abs(array) > 1e-3
        np.testing.assert_allclose((array - updated[name])[far], 0.5 * np.sign(array[far]), 1e-3)


def test_it_is_evaluated_in_the_references_format(reference_network, tmp_path):
    checkpoint, shapes = reference_network
    assert run(f"--checkpoint={checkpoint}", f"--output={tmp_path}/net", "--format=reference") == 0
    reader = tf.train.load_checkpoint(f"{tmp_path}/net/model.ckpt-2")
    found = reader.get_variable_to_shape_map()
    assert {name: tuple(found[name]) for name in shapes} == shapes
    assert set(reader.get_variable_to_dtype_map().values()) == {tf.float32}
    assert (result(f"{tmp_path}/net/model.ckpt-2", tmp_path / "its")["confusion"]
            == result(checkpoint, tmp_path / "own")["confusion"])


@pytest.mark.parametrize("step", [0, 200])
def test_the_references_checkpoint_comes_back(golden_dir, tmp_path, step):
    name = f"mnist_capsule_small/model.ckpt-{step}"
    assert run(f"--checkpoint={golden_dir}/{name}", f"--output={tmp_path}/{os.path.dirname(name)}",
               "--format=reference") == 0
    expected, found = (tf.train.load_checkpoint(f"{folder}/{name}")
                       for folder in (golden_dir, tmp_path))
    assert found.get_variable_to_shape_map() == expected.get_variable_to_shape_map()
    assert found.get_variable_to_dtype_map() == expected.get_variable_to_dtype_map()
    for key in expected.get_variable_to_shape_map():
        if step == 0 or not (key.endswith(("/Adam", "/Adam_1")) or key in tf1_names.POWERS):
            np.testing.assert_array_equal(found.get_tensor(key), expected.get_tensor(key))


def test_networks_that_the_reference_has_not_are_refused(tmp_path, capsys):
    network = nested({"hidden/kernel": tf.Variable([1.0]), "fc1/kernel": tf.Variable([1.0])})
    tf.train.Checkpoint(network=network, step=tf.Variable(1, dtype=tf.int64)).write(
        f"{tmp_path}/model.ckpt-1")
    assert run(f"--checkpoint={tmp_path}/model.ckpt-1", f"--output={tmp_path}/net",
               "--format=reference") == 2
    error = capsys.readouterr().err.strip()
    assert error.endswith("none with the layers fc1, hidden.") and "\n" not in error
    assert not os.path.exists(tmp_path / "net")


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
    (("--checkpoint=x", "--output=new", "--format=reference", "--dtype=float16"),
     "--dtype: the reference reads float32 alone"),
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


def test_routing_that_the_reference_has_not_is_refused(tmp_path, capsys):
    tf.train.Checkpoint(step=tf.Variable(1, dtype=tf.int64), network=nested(
        {"conv1/kernel": tf.Variable([1.0])})).write(f"{tmp_path}/model.ckpt-1")
    (tmp_path / "hparams.json").write_text(HParams(routing_type="max_min").to_json())
    assert run(f"--checkpoint={tmp_path}/model.ckpt-1", f"--output={tmp_path}/net",
               "--format=reference") == 2
    assert ("the reference has dynamic routing alone, found routing_type=max_min."
            in capsys.readouterr().err)
