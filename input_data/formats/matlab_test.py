import io

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from input_data.dataset import DataError
from input_data.formats.matlab import read_struct

RANDOM = np.random.default_rng(0)
FIELDS = {
    "affine_matrix": RANDOM.random((6, 5)),
    "id": np.arange(5.0)[np.newaxis],
    "image": RANDOM.integers(0, 256, (1600, 5), np.uint8),
    "label_int": np.array([[3, 1, 4, 1, 5]], np.uint8),
    "name_of_more_than_eight_letters": "text",
}


def saved(compressed=False, **variables):
    """The bytes of a MATLAB file with an array before and one behind the struct."""
    file = io.BytesIO()
    scipy.io.savemat(file, {"before": np.zeros(3), "here": FIELDS, "end": 2.5, **variables},
                     do_compression=compressed)
    return file.getvalue()


def read(tmp_path, data, *fields, name="here"):
    path = tmp_path / "file.mat"
    path.write_bytes(data)
    return read_struct(str(path), name, fields)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("fields", [["image", "label_int"], ["label_int"], ["id", "affine_matrix"]])
def test_fields_are_those_that_were_saved(tmp_path, compressed, fields):
    found = read(tmp_path, saved(compressed), *fields)
    assert sorted(found) == sorted(fields)
    for field in fields:
        np.testing.assert_array_equal(found[field], FIELDS[field])
        assert found[field].dtype == FIELDS[field].dtype


def test_numbers_stored_the_other_way_round_are_read(tmp_path):
    def element(kind, data):
        return kind.to_bytes(4, "big") + len(data).to_bytes(4, "big") + data + bytes(-len(data) % 8)

    def array(array_class, name, values):
        flags = element(6, array_class.to_bytes(4, "big") + bytes(4))
        shape = element(5, (1).to_bytes(4, "big") + (2).to_bytes(4, "big"))
        return element(14, flags + shape + element(1, name) + values)

    inner = array(11, b"", element(4, b"\x01\x02\x00\x05"))
    whole = array(2, b"s", element(5, (8).to_bytes(4, "big")) + element(1, b"a".ljust(8, b"\0"))
                  + inner)
    header = b"MATLAB 5.0".ljust(124) + b"\x01\x00MI"
    assert read(tmp_path, header + whole, "a", name="s")["a"].tolist() == [[258, 5]]


@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_cut_anywhere_is_an_error_of_one_line(tmp_path, compressed):
    data = saved(compressed, end=np.zeros(0))
    whole = read(tmp_path, data, "image")["image"]
    for size in [*range(0, len(data), 61 if compressed else 203), len(data) // 2]:
        try:    # what comes behind the struct may be missing
            assert (read(tmp_path, data[:size], "image")["image"] == whole).all()
            assert size > 0.9 * len(data)
        except DataError as error:
            assert "file.mat: " in str(error) and "\n" not in str(error)


@settings(max_examples=300, deadline=None)
@given(compressed=st.booleans(), at=st.integers(0, 2500), byte=st.integers(0, 255))
def test_any_changed_byte_raises_only_data_errors(tmp_path_factory, compressed, at, byte):
    data = bytearray(saved(compressed))
    data[at % len(data)] = byte
    try:
        read(tmp_path_factory.getbasetemp(), bytes(data), "image", "label_int")
    except DataError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("data, message", [
    (b"", "expected a MATLAB 5 file"),
    (b"\x93NUMPY" + bytes(200), "expected a MATLAB 5 file, found one that begins"),
    (b"MATLAB 7.3 MAT-file".ljust(600), "save it with -v7"),
    (saved()[:128], "expected a struct here, found none"),
    (saved(here=np.zeros(3)), "another array of that name"),
    (saved(here={"image": "text"}), "expected numbers"),
    (saved(here={"label_int": 1}), "the struct here has no image"),
    (saved(True)[:-3000], "cut short"),
])
def test_what_is_wrong_is_said(tmp_path, data, message):
    with pytest.raises(DataError, match=f"file.mat: .*{message}"):
        read(tmp_path, data, "image")


def test_a_missing_file_is_named():
    with pytest.raises(DataError, match=r"/nowhere\.mat: cannot be read"):
        read_struct("/nowhere.mat", "here", [])
