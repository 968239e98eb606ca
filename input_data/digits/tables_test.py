import os
import zipfile

import pytest
from hypothesis import given, strategies

from input_data.dataset import DataError
from input_data.digits import tables
from input_data.digits.file_tree import FileTree

TRAIN = b"filename,label\n0.png,4\n1.png,9\n"
TEST = b"filename\n2.png\n"
FILES = {"train.csv": TRAIN, "test.csv": TEST, "train/0.png": b"", "train/1.png": b"",
         "test/2.png": b""}
LAYOUTS = {
    "plain": FILES,
    "packed": {f"digits.zip/data/{name}": data for name, data in FILES.items()},
    "older": {"Train/train.csv": TRAIN, "Test.csv": TEST, "Train/Images/train/0.png": b"",
              "Train/Images/train/1.png": b"", "Train/Images/test/2.png": b""},
    "older, packed": {"Train_UQcUa52.zip/Train/train.csv": TRAIN, "Test_fCbTej3.csv": TEST,
                      "Train_UQcUa52.zip/Train/Images/train/0.png": b"",
                      "Train_UQcUa52.zip/Train/Images/train/1.png": b"",
                      "Train_UQcUa52.zip/Train/Images/test/2.png": b"",
                      "sample_submission.csv": b"filename,label\n2.png,0\n"},
    "capitals": {"Train/Train.csv": TRAIN, "Train/0.png": b"", "Train/1.png": b"",
                 "Test/Test.csv": TEST, "Test/2.png": b""},
    "all in one folder": {"train.csv": TRAIN, "test.csv": TEST, "0.png": b"", "1.png": b"",
                          "2.png": b""},
    "unpacked beside the zip": {**{f"digits.zip/{name}": data for name, data in FILES.items()},
                                **{f"deep/er/{name}": data for name, data in FILES.items()}},
}


def write(folder, files):
    """Writes files by name; those under NAME.zip/ into that zip file."""
    archives = {}
    for name, data in files.items():
        outer, packed, inner = name.partition(".zip/")
        if packed:
            archive = archives.setdefault(outer, zipfile.ZipFile(folder / f"{outer}.zip", "a"))
            archive.writestr(inner, data)
        else:
            os.makedirs((folder / name).parent, exist_ok=True)
            (folder / name).write_bytes(data)
    for archive in archives.values():
        archive.close()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_found(tmp_path, layout):
    write(tmp_path, LAYOUTS[layout])
    with FileTree(str(tmp_path)) as tree:
        train, test = tables.find(tree, "train"), tables.find(tree, "test")
        assert (train.filenames, train.labels) == (["0.png", "1.png"], [4, 9])
        assert (test.filenames, test.labels) == (["2.png"], None)
        paths = train.paths + test.paths
        assert {os.path.basename(path) for path in paths} <= {"0.png", "1.png", "2.png"}
        assert set(paths) <= tree.names
        if layout == "unpacked beside the zip":
            assert not any(map(tree.is_packed, paths))


@pytest.mark.parametrize("changes, message", [
    ({"train.csv": None}, r"expected train\.csv in it"),
    ({"train/1.png": None}, r"train\.csv, row 2: there is no image .*train/1\.png"),
    ({"train/0.png": None, "train/1.png": None}, r"row 1: there is no image '0\.png'"),
    ({"train.csv": TRAIN.replace(b"1.png", b"../test/2.png")}, "row 2: there is no image"),
    ({"train.csv": TRAIN.replace(b"0.png", b"")}, "row 1: there is no image ''"),
    ({"other/train.csv": TRAIN, "train.csv": None, "more/train.csv": TRAIN},
     r"expected one train\.csv, found several: more/train\.csv, other/train\.csv"),
    ({"a/0.png": b"", "b/0.png": b"", "train/0.png": None}, r"one folder with 0\.png.*: a/, b/"),
])
def test_what_is_missing_or_ambiguous_is_named(tmp_path, changes, message):
    files = {name: data for name, data in {**FILES, **changes}.items() if data is not None}
    write(tmp_path, files)
    with FileTree(str(tmp_path)) as tree, pytest.raises(DataError, match=message):
        tables.find(tree, "train")


@pytest.mark.parametrize("text, message", [
    (b"", "not a CSV table"),
    (b"\xff\xfe\x00", "not a CSV table"),
    (b"filename,label\n0.png,\x00\n", "label from 0 to 9"),
    (b"name,label\n0.png,1\n", "expected a table with the columns filename,label, found"),
    (b"filename\n0.png\n", "columns filename,label"),
    (b"filename,label\n", "at least one row"),
    (b"filename,label\n0.png,1\n1.png\n", "row 2: expected 2 columns, found 1"),
    (b"filename,label\n0.png,10\n", "row 1: expected a label from 0 to 9, found '10'"),
    (b"filename,label\n0.png,\n", "row 1: expected a label"),
])
def test_damaged_tables_are_explained(text, message):
    with pytest.raises(DataError, match=rf"^t\.csv.*{message}"):
        tables.parse(text, "t.csv", labelled=True)


def test_columns_may_come_in_any_order_and_case():
    text = "\ufeffid,Label, Filename\r\n7,3,\"0.png\"\r\n\r\n8,5,1.png\r\n".encode()
    assert tables.parse(text, "t.csv", labelled=True) == (["0.png", "1.png"], [3, 5])
    assert tables.parse(text, "t.csv", labelled=False) == (["0.png", "1.png"], None)


@given(strategies.binary(max_size=60) | strategies.builds(
    lambda start, noise: TRAIN[:start] + noise, strategies.integers(0, len(TRAIN)),
    strategies.binary(max_size=20)))
def test_any_bytes_are_a_table_or_an_error(data):
    try:
        filenames, labels = tables.parse(data, "t.csv", labelled=True)
    except DataError as error:
        assert str(error).startswith("t.csv")
    else:
        assert len(filenames) == len(labels) > 0 and set(labels) <= set(range(10))
