import os
import zipfile

import pytest

from input_data.dataset import DataError
from input_data.digits.file_tree import FileTree


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "plain.txt").write_bytes(b"plain")
    with zipfile.ZipFile(tmp_path / "packed.ZIP", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("c/inside.txt", b"inside")
        archive.writestr("../../outside.txt", b"stays inside")
    return tmp_path


def test_packed_files_are_read_in_place(folder):
    before = sorted(os.walk(folder))
    with FileTree(str(folder)) as tree:
        assert tree.names == {"a/b/plain.txt", "packed.ZIP/c/inside.txt",
                              "packed.ZIP/../../outside.txt"}
        assert tree.read("a/b/plain.txt") == b"plain"
        assert tree.read("packed.ZIP/c/inside.txt") == b"inside"
        assert tree.read("packed.ZIP/../../outside.txt") == b"stays inside"
        assert [tree.is_packed(name) for name in ("a/b/plain.txt", "packed.ZIP/c/inside.txt")
                ] == [False, True]
    assert sorted(os.walk(folder)) == before


def test_links_that_lead_back_and_pipes_are_passed_over(folder):
    with FileTree(str(folder)) as tree:
        before = tree.names
    (folder / "a" / "loop").symlink_to("..")
    os.mkfifo(folder / "a" / "train.csv")
    os.mkfifo(folder / "a" / "b.zip")
    with FileTree(str(folder)) as tree:
        assert tree.names == before


def test_a_zip_file_is_a_root_too(folder):
    with FileTree(str(folder / "packed.ZIP")) as tree:
        assert tree.read("c/inside.txt") == b"inside"
        assert tree.where("c/inside.txt") == f"{folder}/packed.ZIP/c/inside.txt"


def test_damage_is_named(folder):
    path = folder / "packed.ZIP"
    data = bytearray(path.read_bytes())
    data[30 + len("c/inside.txt")] ^= 0xFF      # the first byte of the first file's contents
    path.write_bytes(data)
    with FileTree(str(folder)) as tree, pytest.raises(DataError, match=r"inside\.txt: cannot be"):
        tree.read("packed.ZIP/c/inside.txt")
    path.write_bytes(data[:50])
    with pytest.raises(DataError, match=r"packed\.ZIP: not a zip file, or damaged"):
        FileTree(str(folder))
    with pytest.raises(DataError, match=r"expected a folder or a \.zip"):
        FileTree(str(folder / "a" / "b" / "plain.txt"))


def test_a_member_whose_name_is_damaged_is_passed_over(folder):
    path = folder / "packed.ZIP"
    data = bytearray(path.read_bytes())
    for start in (data.index(b"c/inside.txt"), data.rindex(b"c/inside.txt")):
        data[start] = 0         # which ends the name
    path.write_bytes(data)
    with FileTree(str(folder)) as tree:
        assert tree.names == {"a/b/plain.txt", "packed.ZIP/../../outside.txt"}
