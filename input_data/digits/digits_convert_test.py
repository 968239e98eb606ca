import numpy as np
import pytest

import input_data
from input_data.digits import digits_convert


def convert(*arguments):
    return digits_convert.main(["digits_convert.py", *map(str, arguments)])


def test_all_digits_are_there_in_order(mnist_dir, digits, tmp_path, capsys):
    path = tmp_path / "digits.zip"      # of 60 training and 20 test digits
    assert convert(f"--data_dir={mnist_dir}", f"--output={path}") == 0
    assert "56 images with labels, 24 without" in capsys.readouterr().out
    found = [input_data.load("digits", str(path), split).read(slice(None))
             for split in ("train", "test")]
    images, labels = digits
    np.testing.assert_array_equal(
        np.concatenate([part["images"][..., 0] for part in found]), images[:56])
    np.testing.assert_array_equal(
        np.concatenate([part["targets"][:, 0] for part in found]), labels[:56])
    rest = input_data.load_unlabelled("digits", str(path))
    np.testing.assert_array_equal(rest.read(slice(None))["images"][..., 0],
                                  np.concatenate([images[56:], images[:20]]))
    assert rest.names[0] == "56.png"


@pytest.mark.parametrize("arguments, message", [
    (["--output={}/there.zip"], "is there already"),
    (["--output={}/none/x.zip"], "no folder for"),
    (["--output=gs://bucket/x.zip"], "--output: expected a path on this machine"),
    ([], "no folder for None"),
    (["--output={}/x.zip", "--data_dir={}/none"], "expected a folder"),
    (["--output={}/x.zip", "--data_dir={}"], "expected train-images-idx3-ubyte"),
])
def test_what_cannot_be_written_gets_one_line(tmp_path, arguments, message, capsys):
    (tmp_path / "there.zip").write_text("mine")
    assert convert(*(argument.format(tmp_path) for argument in arguments)) == 2
    assert message in capsys.readouterr().err
    assert [entry.name for entry in tmp_path.iterdir()] == ["there.zip"]
