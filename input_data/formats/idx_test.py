import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import write_idx
from input_data.dataset import DataError
from input_data.formats import idx


@pytest.fixture
def array():
    return np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)


@pytest.mark.parametrize("name", ["file", "file.gz"])
def test_reads_what_was_written(tmp_path, array, name):
    path = str(tmp_path / name)
    write_idx(path, array)
    np.testing.assert_array_equal(idx.read(path, rank=3), array)


@pytest.mark.parametrize("name", ["file", "file.gz"])
@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"0",
                                    lambda data: data[:9], lambda data: b""])
def test_wrong_length_is_named(tmp_path, array, name, change):
    path = str(tmp_path / name)
    write_idx(path, array)
    opener = gzip.open if name.endswith(".gz") else open
    with opener(path, "rb") as file:
        data = change(file.read())
    with opener(path, "wb") as file:
        file.write(data)
    with pytest.raises(DataError, match=path):
        idx.read(path, rank=3)


def test_cut_gzip_is_named(tmp_path, array):
    path = tmp_path / "file.gz"
    write_idx(path, array)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match="damaged gzip"):
        idx.read(str(path), rank=3)


def test_header_of_huge_sizes_allocates_nothing(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes([0, 0, 8, 3]) + b"\xff" * 12 + b"12")
    with pytest.raises(DataError, match="cut short"):
        idx.read(str(path), rank=3)


def test_counts_and_labels_must_fit(tmp_path, array):
    images, labels = str(tmp_path / "images"), str(tmp_path / "labels")
    write_idx(images, array)
    write_idx(labels, np.array([1, 2], np.uint8))
    with pytest.raises(DataError, match=r"3 images.*2 labels"):
        idx.read_pair(images, labels)
    write_idx(labels, np.array([1, 2, 11], np.uint8))
    with pytest.raises(DataError, match="found 11 for example 2"):
        idx.read_pair(images, labels)


@given(header=st.binary(max_size=20), rank=st.integers(1, 4))
def test_damaged_headers_raise_only_data_errors(header, rank):
    try:
        shape = idx.parse_header(header, rank, "file")
    except DataError:
        return
    assert header[:4] == bytes([0, 0, 8, rank]) and len(shape) == rank
