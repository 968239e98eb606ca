import collections
import glob
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import tensorflow as tf

from input_data.formats import tfrecords
from input_data.mnist import mnist_input, mnist_shift
from input_data.mnist.multi_mnist_test import FEATURES
from input_data.mnist.pairs import Pairs
from input_data.mnist.shifts_test import moved

PAIRS = "--multi_targets=true", "--split=test"
LONG = "--num_pairs=1000000", "--max_shard=10000000"


def run(*arguments):
    return mnist_shift.main(["mnist_shift.py", *arguments])


@pytest.mark.parametrize("shift, pad", [(2, 0), (1, 3), (3, 1)])
def test_every_shift_of_every_digit_rows_outer(mnist_dir, digits, shift, pad):
    assert run(f"--data_dir={mnist_dir}", "--split=test", f"--shift={shift}", f"--pad={pad}") == 0
    path = f"{mnist_dir}/test_{shift}shifted_mnist.tfrecords"
    tfrecords = [record.numpy() for record in tf.data.TFRecordDataset(path)]
    shifts = [(rows, columns) for rows in range(-shift, shift + 1)
              for columns in range(-shift, shift + 1)]
    assert len(tfrecords) == 20 * len(shifts)
    size = 28 + 2 * pad
    for number in range(0, len(tfrecords), 37):
        parsed = tf.io.parse_single_example(tfrecords[number], {
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


@pytest.mark.parametrize("arguments", [
    ["--data_dir=/nowhere"], ["--split=all"], ["--shift=-1"], ["extra"], ["--num_pairs=3"],
    ["--seed=1"], ["--workers=2"], ["--multi_targets"], ["--multi_targets", "--num_pairs=-1"],
    ["--multi_targets", "--num_pairs=1", "--workers=0"],
    ["--shift=100000"], ["--pad=100000"], ["--shift=28"], ["--shift=36", "--pad=4"],
    ["--multi_targets", "--num_pairs=1", "--shift=30", "--pad=1"],
    ["--multi_targets", "--num_pairs=100000000000"],
    ["--multi_targets", "--num_pairs=1000000000", "--max_shard=1"],
])
def test_bad_flags_are_one_line_and_status_2(mnist_dir, capsys, arguments):
    before = sorted(os.listdir(mnist_dir))
    assert run(f"--data_dir={mnist_dir}", *arguments) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert sorted(os.listdir(mnist_dir)) == before


def test_pairs_are_read_by_tensorflow(mnist_dir, digits):
    assert run(f"--data_dir={mnist_dir}", *PAIRS, "--num_pairs=7", "--shift=4", "--pad=3") == 0
    path = f"{mnist_dir}/multitest_4shifted_mnist.tfrecords"
    labels = []
    for record in tf.data.TFRecordDataset(path):
        parsed = tf.io.parse_single_example(record, FEATURES)
        assert (parsed["height"], parsed["width"], parsed["depth"]) == (34, 34, 1)
        base, partner, merged = (
            np.frombuffer(parsed[name].numpy(), np.uint8).reshape(34, 34).astype(int)
            for name in ("image_raw_1", "image_raw_2", "merged_raw"))
        np.testing.assert_array_equal(merged, np.minimum(base + partner, 255))
        assert base.any() and partner.any() and parsed["label_1"] != parsed["label_2"]
        labels.append(int(parsed["label_1"]))
    expected = collections.Counter(np.repeat(digits[1][:20], 7).tolist())
    assert collections.Counter(labels) == expected


def integers(value):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))


def raw(array):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[array.tobytes()]))


def written_by_tensorflow(path, examples):
    """Writes dicts of features one by one, and returns the file's bytes."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for features in examples:
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString(deterministic=True))
    return path.read_bytes()


def test_the_bytes_of_pairs_are_those_that_tensorflow_writes(mnist_dir, monkeypatch):
    monkeypatch.setattr(tfrecords, "CHUNK", 37)
    assert run(f"--data_dir={mnist_dir}", *PAIRS, "--num_pairs=5", "--shift=3", "--pad=2",
               "--seed=7") == 0
    pairs = Pairs(*mnist_input.read_idx_split(str(mnist_dir), "test"), 5, 3, 2, seed=7)
    expected = written_by_tensorflow(mnist_dir / "expected", (
        {"height": integers(32), "width": integers(32), "depth": integers(1),
         "label_1": integers(labels[0]), "label_2": integers(labels[1]),
         "image_raw_1": raw(images[0]), "image_raw_2": raw(images[1]),
         "merged_raw": raw(images[2])}
        for labels, images in zip(*pairs.make(np.arange(100)))))
    assert (mnist_dir / "multitest_3shifted_mnist.tfrecords").read_bytes() == expected


def test_the_bytes_of_single_digits_are_those_that_tensorflow_writes(mnist_dir, digits):
    assert run(f"--data_dir={mnist_dir}", "--split=test", "--shift=1", "--pad=0") == 0
    expected = written_by_tensorflow(mnist_dir / "expected", (
        {"height": integers(28), "width": integers(28), "depth": integers(1),
         "label": integers(digits[1][number]),
         "image_raw": raw(moved(digits[0][number], rows, columns))}
        for number in range(20) for rows in (-1, 0, 1) for columns in (-1, 0, 1)))
    assert (mnist_dir / "test_1shifted_mnist.tfrecords").read_bytes() == expected


def test_pairs_come_in_balanced_shards_that_the_reader_finds(mnist_dir):
    assert run(f"--data_dir={mnist_dir}", *PAIRS, "--num_pairs=9", "--max_shard=25") == 0
    named = f"{mnist_dir}/multitest_2shifted_mnist.tfrecords@8"
    sizes = [len(tfrecords.RecordFiles([name])) for name in tfrecords.shard_names(named)]
    assert len(sizes) == 8 and sum(sizes) == 180 and max(sizes) - min(sizes) <= 1
    assert mnist_input.load(named, "test", num_targets=2).info.num_examples == 180


def test_the_seed_alone_decides_the_bytes_of_pairs(mnist_dir, monkeypatch):
    monkeypatch.setattr(tfrecords, "CHUNK", 17)

    def made(*arguments):
        assert run(f"--data_dir={mnist_dir}", *PAIRS, "--num_pairs=30", "--max_shard=400",
                   *arguments) == 0
        paths = sorted(mnist_dir.glob("multi*"))
        found = [path.read_bytes() for path in paths]
        for path in paths:
            path.unlink()
        return found

    one = made("--seed=3")
    assert len(one) == 2 and one == made("--seed=3", "--workers=2")
    assert one != made("--seed=4")


def test_pairs_overwrite_nothing(mnist_dir, capsys):
    last = mnist_dir / "multitest_2shifted_mnist.tfrecords-00001-of-00002"
    last.write_text("the user's")
    assert run(f"--data_dir={mnist_dir}", *PAIRS, "--num_pairs=2", "--max_shard=20") == 2
    assert "there already" in capsys.readouterr().err
    assert glob.glob(f"{mnist_dir}/multi*") == [str(last)] and last.read_text() == "the user's"


def wait_for_records(folder):
    """Waits until a generator has begun to write."""
    deadline = time.monotonic() + 120
    while not any(path.stat().st_size for path in folder.glob("*.part-*")):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_killed_worker_leaves_nothing(mnist_dir, capsys):
    def kill():
        wait_for_records(mnist_dir)
        multiprocessing.active_children()[0].kill()

    before = sorted(os.listdir(mnist_dir))
    killer = threading.Thread(target=kill)
    killer.start()
    assert run(f"--data_dir={mnist_dir}", *PAIRS, *LONG, "--workers=2") == 2
    killer.join()
    assert "worker process ended early" in capsys.readouterr().err
    assert sorted(os.listdir(mnist_dir)) == before


@pytest.mark.parametrize("number, workers", [(signal.SIGINT, 2), (signal.SIGTERM, 1)])
def test_a_signal_leaves_nothing(mnist_dir, number, workers):
    before = sorted(os.listdir(mnist_dir))
    process = subprocess.Popen(
        [sys.executable, mnist_shift.__file__, f"--data_dir={mnist_dir}", *PAIRS, *LONG,
         f"--workers={workers}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        wait_for_records(mnist_dir)
        # The shell sends Ctrl-C to all processes, kill sends SIGTERM to one.
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()      # or it would fill the disk
    assert process.returncode == 128 + number
    word = "interrupted" if number == signal.SIGINT else "terminated"
    assert err.splitlines()[-1] == (
        f"mnist_shift.py: {word} on the way; no records were written.")
    assert "Traceback" not in err
    assert sorted(os.listdir(mnist_dir)) == before


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
