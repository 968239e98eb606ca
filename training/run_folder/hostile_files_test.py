"""Checkpoints and JSON files that somebody made up: refused in one line, never loaded in part."""

import json
import os
import shutil
import struct

import numpy as np
import pytest
import tensorflow as tf

import experiment
from commands.errors import RunError
from input_data.formats.tfrecords import masked_crc
from training.checkpoints.integrity import INDEX
from training.checkpoints.read import KEY_SUFFIX, StoredCheckpoint
from training.run_folder import contents

SMALL = "--hparams_override=num_prime_capsules=1,routing=1,remake=false"


def run(*arguments):
    return experiment.main(["experiment.py", *map(str, arguments)])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of 2 steps on the sample."""
    folder = tmp_path_factory.mktemp("hostile") / "run"
    assert run(f"--summary_dir={folder}", SMALL, "--max_steps=2", "--batch_size=4") == 0
    return folder


@pytest.fixture
def copy(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


def one_line(capsys):
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.strip()]
    assert len(lines) == 1 and lines[0].startswith("experiment.py: error: "), captured.err
    assert "Traceback" not in captured.out + captured.err
    return lines[0]


def nested(tensors):
    """A dict of "a/b" as dicts of dicts, of which a checkpoint makes the keys a/b."""
    found = {}
    for key, value in tensors.items():
        *folders, last = key.removesuffix(KEY_SUFFIX).split("/")
        inner = found
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[last] = tf.Variable(value)
    return found


def rewrite(folder, **changes):
    """Writes the run's checkpoint again, sound, with other tensors; None leaves one out."""
    name = f"{folder}/train/model.ckpt-2"
    reader = tf.train.load_checkpoint(name)
    tensors = {key: reader.get_tensor(key) for key in reader.get_variable_to_shape_map()
               if not key.startswith(("_CHECKPOINTABLE", "save_counter"))}
    for key, value in changes.items():
        key = key.replace("__", "/") + KEY_SUFFIX
        assert key in tensors
        if value is None:
            del tensors[key]
        else:
            tensors[key] = value
    tf.train.Checkpoint(**nested(tensors)).write(name)


@pytest.mark.parametrize("changes, message", [
    ({"step": np.array([1, 2, 3])}, "step"),
    ({"step": np.array("two")}, "step"),
    ({"step": np.array(-5)}, "step"),
    ({"step": np.array(np.nan)}, "step"),
    ({"step": np.array(2.5)}, "step"),
    ({"network__conv1__bias": np.array(["a"] * 256)}, "conv1/bias"),
    ({"network__conv1__bias": np.zeros(256, np.float64)}, "conv1/bias"),
    ({"momentum__conv1__bias": np.zeros(255, np.float32)}, "conv1/bias"),
    ({"velocity__conv1__kernel": np.zeros((1, 2, 3), np.float32)}, "conv1/kernel"),
    ({"velocity__conv1__kernel": np.array("text")}, "conv1/kernel"),
])
def test_a_sound_checkpoint_of_wrong_tensors(copy, changes, message, capsys):
    rewrite(copy, **changes)
    assert run(f"--summary_dir={copy}", "--max_steps=9") == 2
    line = one_line(capsys)
    assert f"Checkpoint {copy}/train/model.ckpt-2" in line and message in line


def claim(path, old, new):
    """Makes the index of a checkpoint claim another shape, under right checksums."""
    data = bytearray(path.read_bytes())
    assert data.count(old) >= 1 and len(old) == len(new)
    changed = bytes(data).replace(old, new)
    # The data block is the first one: its end is where a type byte and its checksum fit.
    for end in range(len(data) - 5):
        if data[end] == 0 and data[end + 1:end + 5] == struct.pack(
                "<I", masked_crc(bytes(data[:end + 1]))):
            break
    else:
        raise AssertionError("no block found")
    block = changed[:end + 1]
    path.write_bytes(block + struct.pack("<I", masked_crc(block)) + changed[end + 5:])


def shape(*sizes):
    """A TensorShapeProto's dimensions, as they stand in the index."""
    return b"".join(b"\x12" + bytes([len(dim)]) + dim
                    for dim in (b"\x08" + varint(size) for size in sizes))


def varint(number):
    found = b""
    while number >= 128:
        found, number = found + bytes([number & 127 | 128]), number >> 7
    return found + bytes([number])


@pytest.mark.parametrize("size", [2**28 - 1, 3 * 2**20])
def test_a_shape_that_the_data_cannot_hold(tmp_path, size):
    name = f"{tmp_path}/model.ckpt-2"
    tf.train.Checkpoint(step=tf.Variable(2), network={"x": tf.Variable(
        tf.zeros([2**21], tf.uint8))}).write(name)
    claim(tmp_path / f"model.ckpt-2{INDEX}", shape(2**21), shape(size))
    assert tf.train.load_checkpoint(name).get_variable_to_shape_map()[
        "network/x" + KEY_SUFFIX] == [size]
    with pytest.raises(RunError, match=rf"model\.ckpt-2: damaged \(it claims {size + 5} bytes or "
                                       r"more of tensors, its data hold 2097\d+\)"):
        StoredCheckpoint(name)


@pytest.mark.parametrize("name", [contents.FLAGS, contents.HPARAMS])
@pytest.mark.parametrize("text", [
    b"", b"{", b"[]", b"5", b"null", b"\xff\xfe", b"[" * 100_000, b'{"seed": ' + b"9" * 5000 + b"}",
], ids=["empty", "cut", "list", "number", "null", "no text", "nested", "digits"])
def test_json_that_is_none_of_ours(copy, name, text, capsys):
    (copy / "train" / name).write_bytes(text)
    assert run(f"--summary_dir={copy}", "--max_steps=9") == 2
    assert f"{copy}/train/{name}" in one_line(capsys)


@pytest.mark.parametrize("values, message", [
    ({"seed": "abc"}, "seed"), ({"seed": -1}, "seed"), ({"seed": 2**40}, "seed"),
    ({"seed": True}, "seed"), ({"batch_size": 0}, "batch_size"),
    ({"batch_size": [4]}, "batch_size"), ({"batch_size": 4.5}, "batch_size"),
    ({"data_dir": 5}, "data_dir"), ({"model": "resnet"}, "model"), ({"model": {}}, "model"),
    ({"dataset": None}, "dataset"), ({"convolution": "fast"}, "convolution"),
    ({"precision": 16}, "precision"), ({"num_targets": 0}, "num_targets"),
    ({"validate": "no"}, "validate"), ({"micro_batch": "x"}, "micro_batch"),
    ({"image_size": 5}, "image_size"), ({"validation_fraction": "x"}, "validation_fraction"),
    ({"hparams_override": None}, "hparams_override"), ({"checkpoint": [1]}, "checkpoint"),
])
def test_flags_that_no_training_had(copy, values, message, capsys):
    path = copy / "train" / contents.FLAGS
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    assert run(f"--summary_dir={copy}", "--max_steps=9") == 2
    assert message in one_line(capsys)


@pytest.mark.parametrize("text", ['{"step": "two"}', '{"step": null}', '{"step": [2]}', "[]", "{"])
def test_a_mark_of_the_end_that_is_none(copy, text, capsys):
    (copy / "train" / contents.FINISHED).write_text(text)
    assert run("--train=false", f"--summary_dir={copy}", "--eval_size=10",
               "--poll_seconds=0.1", "--patience_minutes=0.01") == 2
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    assert f"{copy}/train/{contents.FINISHED}" in captured.err.strip().splitlines()[-1]


def test_a_history_of_something_else(copy, capsys):
    for content in (b"\x00\xff" * 100, b"a,b\n1,2\n"):
        (copy / "train" / "history.csv").write_bytes(content)
        assert run(f"--summary_dir={copy}", "--max_steps=9") == 2
        assert f"{copy}/train/history.csv" in capsys.readouterr().err.strip().splitlines()[-1]
        assert (copy / "train" / "history.csv").read_bytes() == content
        assert not [name for name in os.listdir(copy / "train") if ".part-" in name]
