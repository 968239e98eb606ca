import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from input_data.mnist import mnist_input, mnist_shift


def run(*arguments):
    return mnist_shift.main(["mnist_shift.py", *arguments])


def moved(image, rows, columns):
    """The shift, pixel by pixel."""
    out = np.zeros_like(image)
    for row, column in np.ndindex(image.shape):
        if 0 <= row - rows < image.shape[0] and 0 <= column - columns < image.shape[1]:
            out[row, column] = image[row - rows, column - columns]
    return out


@pytest.mark.parametrize("shift, pad", [(2, 0), (1, 3), (3, 1)])
def test_every_shift_of_every_digit_rows_outer(mnist_dir, digits, shift, pad):
    assert run(f"--data_dir={mnist_dir}", "--split=test", f"--shift={shift}", f"--pad={pad}") == 0
    path = f"{mnist_dir}/test_{shift}shifted_mnist.tfrecords"
    records = [record.numpy() for record in tf.data.TFRecordDataset(path)]
    shifts = [(rows, columns) for rows in range(-shift, shift + 1)
              for columns in range(-shift, shift + 1)]
    assert len(records) == 20 * len(shifts)
    size = 28 + 2 * pad
    for number in range(0, len(records), 37):
        parsed = tf.io.parse_single_example(records[number], {
            **{key: tf.io.FixedLenFeature([], tf.int64)
               for key in ("height", "width", "depth", "label")},
            "image_raw": tf.io.FixedLenFeature([], tf.string)})
        digit, which = divmod(number, len(shifts))
        expected = moved(np.pad(digits[0][digit], pad), *shifts[which])
        found = np.frombuffer(parsed["image_raw"].numpy(), np.uint8).reshape(size, size)
        np.testing.assert_array_equal(found, expected)
        assert (parsed["height"], parsed["width"], parsed["depth"]) == (size, size, 1)
        assert parsed["label"] == digits[1][digit]


def test_the_reader_finds_them(mnist_dir):
    assert run(f"--data_dir={mnist_dir}", "--split=valid_test", "--shift=0") == 0
    assert run(f"--data_dir={mnist_dir}", "--split=valid_train", "--max_shard=500") == 0
    assert "valid_test_0shifted" in mnist_input.load(str(mnist_dir), "valid_test").source
    split = mnist_input.load(str(mnist_dir), "valid_train")
    assert split.info.num_examples == 50 * 25 and split.source.endswith("@3")


def test_same_flags_same_bytes_and_nothing_overwritten(mnist_dir, capsys):
    path = mnist_dir / "test_1shifted_mnist.tfrecords"
    arguments = f"--data_dir={mnist_dir}", "--split=test", "--shift=1"
    run(*arguments)
    before = path.read_bytes()
    assert run(*arguments) == 2
    assert "there already" in capsys.readouterr().err and path.read_bytes() == before
    path.unlink()
    run(*arguments)
    assert path.read_bytes() == before


@pytest.mark.parametrize("argument", ["--data_dir=/nowhere", "--split=all", "--shift=-1", "extra"])
def test_bad_flags_are_one_line_and_status_2(mnist_dir, capsys, argument):
    assert run(f"--data_dir={mnist_dir}", argument) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize("command, folder", [
    (["mnist_shift.py"], os.path.dirname(mnist_shift.__file__)),
    (["-m", "input_data.mnist.mnist_shift"], os.path.dirname(mnist_input.SAMPLE) + "/../.."),
])
def test_runs_from_its_folder_and_as_a_module(mnist_dir, command, folder):
    done = subprocess.run(
        [sys.executable, *command, f"--data_dir={mnist_dir}", "--split=test", "--shift=0"],
        cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Wrote 20 records")
    assert "Traceback" not in done.stderr and "cuda" not in done.stderr
