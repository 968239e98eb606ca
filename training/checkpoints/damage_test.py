"""Damaged checkpoints: named and passed over, never loaded."""

import os
import random

import numpy as np
import pytest
import tensorflow as tf

from commands.errors import DamagedError
from training.checkpoints.integrity import DATA, INDEX
from training.checkpoints.read import RunError, StoredCheckpoint, newest_whole_checkpoint


def write(folder, step):
    tensors = np.random.default_rng(step).random((2, 50), np.float32)
    tf.train.Checkpoint(
        network={"layer": {"kernel": tf.Variable(tensors[0])}}, step=tf.Variable(step),
        momentum={"layer": {"kernel": tf.Variable(tensors[1])}},
    ).write(f"{folder}/model.ckpt-{step}")


@pytest.fixture
def folder(tmp_path):
    """A folder with two checkpoints, of steps 2 and 4."""
    write(tmp_path, 2)
    write(tmp_path, 4)
    return tmp_path


def changed(data, place):
    """Truncates at a byte (int), or flips a bit (byte, bit)."""
    if isinstance(place, int):
        return data[:place]
    byte, bit = place
    return data[:byte] + bytes([data[byte] ^ 1 << bit]) + data[byte + 1:]


def assert_passed_over(folder, capfd):
    with pytest.raises(DamagedError, match=r"model\.ckpt-4"):
        StoredCheckpoint(f"{folder}/model.ckpt-4")
    assert newest_whole_checkpoint(str(folder)).step == 2
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("Warning: Checkpoint ")
    assert "model.ckpt-4" in lines[0] and lines[0].endswith(" It is skipped.")


def places(kind, size):
    draw = random.Random(size)
    if kind == "truncations":
        return [0, 1, size - 1, *draw.sample(range(2, size - 1), 13)]
    if kind == "flips":
        return [(draw.randrange(size), draw.randrange(8)) for _ in range(50)]
    return [(byte, byte % 8) for byte in range(size)]


@pytest.mark.parametrize("ending, kind", [
    (INDEX, "truncations"), (DATA, "truncations"), (INDEX, "flips"), (DATA, "flips"),
    (INDEX, "every byte")])
def test_truncations_and_flipped_bits_are_found(folder, ending, kind, capfd):
    path = folder / f"model.ckpt-4{ending}"
    data = path.read_bytes()
    whole = StoredCheckpoint(f"{folder}/model.ckpt-4").network_arrays()
    found = 0
    for place in places(kind, len(data)):
        path.write_bytes(changed(data, place))
        try:
            stored = StoredCheckpoint(f"{folder}/model.ckpt-4")
        except DamagedError:
            found += 1
            assert_passed_over(folder, capfd)
        else:       # a byte that nothing reads
            assert kind != "truncations" and stored.step == 4
            np.testing.assert_equal(stored.network_arrays(), whole)
    assert found > 0.7 * len(places(kind, len(data)))
    path.write_bytes(data)
    assert newest_whole_checkpoint(str(folder)).step == 4


@pytest.mark.parametrize("ending", [INDEX, DATA])
def test_one_file_alone_is_no_checkpoint(folder, ending, capfd):
    os.remove(folder / f"model.ckpt-4{ending}")
    assert_passed_over(folder, capfd)


@pytest.mark.parametrize("text", [
    None, b"", b'model_checkpoint_path: "model.ckpt-', b"\x00\xff" * 40,
    b'model_checkpoint_path: "model.ckpt-9"', b'model_checkpoint_path: "/old/place/model.ckpt-2"'])
def test_a_broken_state_file_does_not_matter(folder, text, capfd):
    if text is not None:
        (folder / "checkpoint").write_bytes(text)
    assert newest_whole_checkpoint(str(folder)).step == 4
    assert not capfd.readouterr().err


def test_where_none_is_whole_nothing_is_taken_or_removed(folder, capfd):
    for step in (2, 4):
        (folder / f"model.ckpt-{step}{INDEX}").write_bytes(b"")
    before = sorted(os.listdir(folder))
    with pytest.raises(DamagedError, match=r"none of its 2 checkpoints is whole; bring one back"):
        newest_whole_checkpoint(str(folder))
    assert sorted(os.listdir(folder)) == before
    assert len(capfd.readouterr().err.splitlines()) == 2


def test_a_folder_without_checkpoints_is_a_beginning(tmp_path):
    (tmp_path / "model.ckpt-0.meta").write_bytes(b"a graph of TensorFlow 1's")
    assert newest_whole_checkpoint(str(tmp_path)) is None
    assert newest_whole_checkpoint(str(tmp_path / "nowhere")) is None


def test_a_file_that_may_not_be_read_is_not_called_damaged(folder, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(RunError, match=r"ckpt-4 cannot be read \(Permission denied\)"):
        newest_whole_checkpoint(str(folder))
