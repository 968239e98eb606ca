import os
import struct
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import conftest
from input_data.dataset import DataError
from input_data.formats.norb_matrix import Matrix
from input_data.norb import norb_convert, norb_input

TESTDATA = os.path.join(conftest.TESTDATA, "norb")
MAGIC = {np.dtype(np.uint8): 0x1E3D4C55, np.dtype(np.int32): 0x1E3D4C54}
FEATURES = {
    "height": tf.io.FixedLenFeature([], tf.int64), "width": tf.io.FixedLenFeature([], tf.int64),
    "depth": tf.io.FixedLenFeature([], tf.int64), "label": tf.io.FixedLenFeature([], tf.int64),
    "meta": tf.io.FixedLenFeature([4], tf.int64), "image_raw": tf.io.FixedLenFeature([], tf.string)}


def published_records(split):
    path = f"{TESTDATA}/{split}duo.tfrecords"
    return [record.numpy() for record in tf.data.TFRecordDataset(path)]


def write_matrix(path, array):
    shape = (*array.shape, 1, 1)[:max(array.ndim, 3)]
    header = struct.pack("<II", MAGIC[array.dtype], array.ndim) + struct.pack(
        f"<{len(shape)}I", *shape)
    path.write_bytes(header + array.tobytes())


@pytest.fixture
def arrays():
    """The published training records' content as smallNORB's three arrays."""
    parsed = [tf.io.parse_single_example(record, FEATURES) for record in published_records("train")]
    images = [np.frombuffer(one["image_raw"].numpy(), np.uint8).reshape(2, 96, 96)
              for one in parsed]
    return {"dat": np.stack(images),
            "cat": np.array([one["label"] for one in parsed], np.int32),
            "info": np.array([one["meta"] for one in parsed], np.int32)}


@pytest.fixture
def folder(tmp_path, arrays):
    for split in norb_convert.PREFIXES:
        for kind, array in arrays.items():
            write_matrix(matrix(tmp_path, kind, split), array)
    return tmp_path


def matrix(folder, kind, split="train"):
    return folder / f"{norb_convert.PREFIXES[split]}-{kind}.mat"


def run(folder, *arguments):
    return norb_convert.main(["norb_convert.py", f"--data_dir={folder}", *arguments])


def features(record):
    return {name: (tuple(value.int64_list.value), tuple(value.bytes_list.value))
            for name, value in tf.train.Example.FromString(record).features.feature.items()}


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_published_records_come_out(folder, split):
    assert run(folder, f"--split={split}") == 0
    found = [record.numpy() for record in tf.data.TFRecordDataset(f"{folder}/{split}duo.tfrecords")]
    expected = published_records("train")
    assert [features(record) for record in found] == [features(record) for record in expected]


def test_the_reader_reads_them(folder):
    assert run(folder) == 0
    ours, published = (norb_input.load(where, "train").read(np.arange(6))
                       for where in (str(folder), TESTDATA))
    for key in published:
        np.testing.assert_array_equal(ours[key], published[key])


def test_nothing_is_overwritten(folder, capsys):
    (folder / "trainduo.tfrecords").write_text("the user's")
    assert run(folder) == 2
    assert "there already" in capsys.readouterr().err
    assert (folder / "trainduo.tfrecords").read_text() == "the user's"


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path):
    path.write_bytes(path.read_bytes() + b"1")


def empty(path):
    path.write_bytes(b"")


def zip_it(path):
    path.write_bytes(b"\x1f\x8b" + path.read_bytes())


def promise_more(path):
    data = path.read_bytes()
    path.write_bytes(data[:8] + b"\xff\xff\xff\xff" + data[12:])


@pytest.mark.parametrize("kind", ["dat", "cat", "info"])
@pytest.mark.parametrize("damage, message", [
    (cut, "expected [0-9]+ bytes for 6 rows"),
    (lengthen, "expected [0-9]+ bytes for 6 rows"),
    (empty, r"found a header of ; unpack"),
    (zip_it, "not gzipped, of N.* found a header of 1f8b"),
    (promise_more, "expected [0-9]+ bytes for 4294967295 rows"),
    (os.remove, r"cannot be read \(No such file"),
])
def test_a_damaged_file_is_named_and_nothing_written(folder, capsys, kind, damage, message):
    damage(matrix(folder, kind))
    before = sorted(os.listdir(folder))
    assert run(folder) == 2
    line = capsys.readouterr().err.strip()
    assert len(line.splitlines()) == 1 and f"training-{kind}.mat" in line
    with pytest.raises(DataError, match=message):
        norb_convert.generate(str(folder), "train")
    assert sorted(os.listdir(folder)) == before


@pytest.mark.parametrize("kind, change, message", [
    ("cat", lambda array: array[:5], "6 pairs.* 5 labels"),
    ("cat", lambda array: array.astype(np.uint8), "of N values of int32, .* 01000000 06"),
    ("cat", lambda array: array + np.int32(2), "from 0 to 4, found 5 for pair 3"),
    ("dat", lambda array: array[:, :1], "of Nx2x96x96 values .* 04000000 06000000 01000000 60"),
    ("info", lambda array: array[:, :3], "of Nx4 values .* 02000000 06000000 03000000 01"),
    ("info", lambda array: array[:0], "of Nx4 values .* 02000000 00000000 04000000 01"),
])
def test_other_arrays_are_refused(folder, arrays, kind, change, message):
    write_matrix(matrix(folder, kind), np.ascontiguousarray(change(arrays[kind])))
    with pytest.raises(DataError, match=message):
        norb_convert.generate(str(folder), "train")
    assert not list(folder.glob("*.tfrecords*"))


def test_a_file_cut_while_it_is_read_is_named(folder):
    rows = Matrix(str(matrix(folder, "dat")), np.uint8, (2, 96, 96)).rows()
    next(rows)
    cut(matrix(folder, "dat"))
    with pytest.raises(DataError, match="cut short at row 5"):
        list(rows)


@given(st.binary(max_size=40))
def test_damaged_headers_raise_only_data_errors(tmp_path_factory, header):
    path = tmp_path_factory.getbasetemp() / "header.mat"
    path.write_bytes(header)
    with pytest.raises(DataError, match=r"header\.mat"):
        Matrix(str(path), np.int32, (3,))


@pytest.mark.parametrize("arguments", [["--data_dir=/nowhere"], ["--split=valid_test"], ["extra"]])
def test_bad_flags_are_one_line_and_status_2(folder, capsys, arguments):
    assert run(folder, *arguments) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize("command, start", [
    (["norb_convert.py"], os.path.dirname(norb_convert.__file__)),
    (["-m", "input_data.norb.norb_convert"],
     os.path.join(os.path.dirname(norb_convert.__file__), "..", "..")),
])
def test_runs_from_its_folder_and_as_a_module(folder, command, start):
    done = subprocess.run([sys.executable, *command, f"--data_dir={folder}"], cwd=start,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Wrote 6 records")
    assert "Traceback" not in done.stderr and "cuda" not in done.stderr
