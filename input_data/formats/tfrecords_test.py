import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from input_data.dataset import DataError
from input_data.formats import tfrecords

EVEN = [bytes([i]) * 50 for i in range(100)]
UNEVEN = [bytes([i]) * (i % 7) for i in range(100)]


@pytest.mark.parametrize("data", [EVEN, UNEVEN])
@pytest.mark.parametrize("max_shard", [0, 30])
def test_written_records_are_read_by_tensorflow_and_by_number(tmp_path, data, max_shard):
    name = str(tmp_path / "records")
    tfrecords.write(name, iter(data), len(data), max_shard)
    paths = tfrecords.shard_names(f"{name}@4" if max_shard else name)
    assert [item.numpy() for item in tf.data.TFRecordDataset(paths)] == data
    files = tfrecords.RecordFiles(paths)
    assert len(files) == len(data)
    for number in np.random.default_rng(0).permutation(len(data)):
        assert files[number] == data[number]


def test_reads_what_tensorflow_writes(tmp_path):
    path = str(tmp_path / "records")
    with tf.io.TFRecordWriter(path) as writer:
        for data in UNEVEN:
            writer.write(data)
    files = tfrecords.RecordFiles([path])
    assert [files[i] for i in range(len(files))] == UNEVEN


@pytest.mark.parametrize("sizes", [[100], [1, 33, 0, 66], [30] * 3 + [10]])
def test_blocks_may_end_anywhere(tmp_path, sizes):
    rows = np.frombuffer(b"".join(EVEN), np.uint8).reshape(100, 50)
    blocks = np.split(tfrecords.framed(rows), np.cumsum(sizes)[:-1])
    tfrecords.write_blocks(str(tmp_path / "r"), iter(blocks), 100, max_shard=30)
    paths = tfrecords.shard_names(f"{tmp_path}/r@4")
    assert [item.numpy() for item in tf.data.TFRecordDataset(paths)] == EVEN


def test_shards_are_balanced(tmp_path):
    tfrecords.write(str(tmp_path / "r"), iter(EVEN), 100, max_shard=30)
    sizes = {path.stat().st_size for path in tmp_path.iterdir()}
    assert len(list(tmp_path.iterdir())) == 4 and len(sizes) == 1


@pytest.mark.parametrize("byte", [0, 9, 20, 65])
def test_flipped_byte_names_file_and_position(tmp_path, byte):
    path = tmp_path / "records"
    tfrecords.write(str(path), iter(EVEN), 100)
    damaged = bytearray(path.read_bytes())
    damaged[66 * 30 + byte] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(DataError, match=rf"{path}.*byte {66 * 30}\b"):
        files = tfrecords.RecordFiles([str(path)])
        for number in range(100):
            files[number]


@pytest.mark.parametrize("data", [EVEN, UNEVEN])
@pytest.mark.parametrize("cut", [1, 20])
def test_cut_file_is_found_when_opened(tmp_path, data, cut):
    path = tmp_path / "records"
    tfrecords.write(str(path), iter(data), 100)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(DataError, match=f"{path}.*(cut short|more bytes)"):
        tfrecords.RecordFiles([str(path)])


def test_empty_file_is_named(tmp_path):
    path = tmp_path / "records"
    path.touch()
    with pytest.raises(DataError, match=f"{path}.*empty"):
        tfrecords.RecordFiles([str(path)])


@settings(max_examples=100, deadline=None)
@given(content=st.binary(min_size=1, max_size=60))
def test_any_bytes_raise_only_data_errors(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)
    with pytest.raises(DataError):
        tfrecords.RecordFiles([str(path)])


def test_missing_shard_is_named(tmp_path):
    tfrecords.write(str(tmp_path / "r"), iter(EVEN), 100, max_shard=50)
    assert len(tfrecords.shard_names(f"{tmp_path}/r@2")) == 2
    with pytest.raises(DataError, match="r-00000-of-00003 is missing; there: r-00000-of-00002"):
        tfrecords.shard_names(f"{tmp_path}/r@3")
    (tmp_path / "r-00001-of-00002").unlink()
    with pytest.raises(DataError, match="r-00001-of-00002 is missing"):
        tfrecords.shard_names(f"{tmp_path}/r@2")
    for count in ("two", "²", "0", "999999999", "9" * 5000):
        with pytest.raises(DataError, match="NAME@N with a number of shards N, 1 to 99999"):
            tfrecords.shard_names(f"{tmp_path}/r@{count}")


def test_find_takes_one_set_and_lists_several(tmp_path):
    names = ["train_2shifted.tfrecords", "train_6shifted.tfrecords"]
    assert tfrecords.find(str(tmp_path), names) is None
    (tmp_path / "train_2shifted.tfrecords-00000-of-00002").touch()
    (tmp_path / "train_2shifted.tfrecords-00001-of-00002").touch()
    (tmp_path / "multitrain_2shifted.tfrecords").touch()
    (tmp_path / "two\nlines").touch()
    assert tfrecords.find(str(tmp_path), names) == f"{tmp_path}/train_2shifted.tfrecords@2"
    (tmp_path / "train_6shifted.tfrecords").touch()
    with pytest.raises(DataError, match=r"train_2shifted\.tfrecords@2, .*train_6shifted"):
        tfrecords.find(str(tmp_path), names)


def test_interrupted_writing_leaves_nothing(tmp_path):
    def broken():
        yield from EVEN[:60]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tfrecords.write(str(tmp_path / "r"), broken(), 100, max_shard=30)
    assert not list(tmp_path.iterdir())


def test_writing_overwrites_nothing(tmp_path):
    path = tmp_path / "r"
    path.write_text("the user's")
    with pytest.raises(DataError, match="there already"):
        tfrecords.write(str(path), iter(EVEN), 100)
    assert path.read_text() == "the user's"


def test_a_shard_that_is_there_already_is_found_before_any_work(tmp_path):
    (tmp_path / "r-00003-of-00004").write_text("the user's")
    untouched = iter(EVEN)
    with pytest.raises(DataError, match="r-00003-of-00004 is there already"):
        tfrecords.write(str(tmp_path / "r"), untouched, 100, max_shard=30)
    assert len(list(untouched)) == 100 and len(list(tmp_path.iterdir())) == 1
