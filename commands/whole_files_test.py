import os

import pytest

from commands.whole_files import read_whole_text, whole_file


def test_text_is_read(tmp_path):
    (tmp_path / "a").write_bytes("ü\n".encode())
    os.symlink(tmp_path / "a", tmp_path / "b")
    assert read_whole_text(tmp_path / "b") == "ü\n"


@pytest.mark.parametrize("make, error, message", [
    (lambda path: None, FileNotFoundError, "No such file"),
    (os.mkdir, OSError, "not a regular file"),
    (os.mkfifo, OSError, "not a regular file"),         # to open it would wait for a writer
    (lambda path: os.symlink("/dev/zero", path), OSError, "not a regular file"),
    (lambda path: path.write_bytes(b"\xff"), UnicodeDecodeError, "can't decode"),
])
def test_what_is_no_text_file_is_refused(tmp_path, make, error, message):
    make(tmp_path / "a")
    with pytest.raises(error, match=message):
        read_whole_text(tmp_path / "a")


def test_a_file_that_was_begun_is_not_left(tmp_path):
    with pytest.raises(KeyError), whole_file(tmp_path / "a") as aside:
        open(aside, "w").close()
        raise KeyError
    assert not os.listdir(tmp_path)
    with whole_file(tmp_path / "a") as aside:
        open(aside, "w").close()
    with pytest.raises(FileExistsError), whole_file(tmp_path / "a"):
        pass
    assert os.listdir(tmp_path) == ["a"]
