import itertools
import os
import shutil

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import conftest
from conftest import write_mnist
from input_data.dataset import DataError
from input_data.formats.tf_examples import serialize
from input_data.formats.tfrecords import write
from input_data.mnist import mnist_input, mnist_shift
from input_data.pipeline import evaluation_batches, training_batches

TESTDATA = os.path.join(conftest.TESTDATA, "mnist_records")


def all_of(split):
    batches = list(evaluation_batches(split, 7))
    return {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}


def write_records(folder, name="test_0shifted_mnist.tfrecords", **changes):
    record = dict(height=28, width=28, depth=1, label=3, image_raw=bytes(784))
    write(f"{folder}/{name}", [serialize(**record), serialize(**{**record, **changes})], 2)


def test_the_sample_is_the_start_of_mnist():
    train, test = (mnist_input.load(None, split) for split in ("train", "test"))
    assert (train.info.num_examples, test.info.num_examples) == (10000, 2000)
    stored = test.read(np.arange(5))
    assert stored["targets"].ravel().tolist() == [7, 2, 1, 0, 4]
    assert stored["images"].shape == (5, 28, 28, 1)
    assert "sample" in train.source


def test_batches_keep_the_contract(mnist_dir, digits):
    batch = all_of(mnist_input.load(str(mnist_dir), "test"))
    images, labels = digits
    np.testing.assert_allclose(batch["images"][..., 0], images[:20] / 255, rtol=1e-6)
    np.testing.assert_array_equal(batch["targets"][:, 0], labels[:20])
    np.testing.assert_array_equal(batch["target_images"][:, 0], batch["images"])
    assert batch["images"].dtype == np.float32 and batch["targets"].dtype == np.int32


def test_published_records_equal_an_independent_reading():
    split = mnist_input.load(TESTDATA, "train")
    batch = all_of(split)
    raw = list(tf.data.TFRecordDataset(f"{TESTDATA}/train_2shifted_mnist.tfrecords"))
    assert len(raw) == split.info.num_examples == 4
    for number, record in enumerate(raw):
        parsed = tf.io.parse_single_example(record, {
            "image_raw": tf.io.FixedLenFeature([], tf.string),
            "label": tf.io.FixedLenFeature([], tf.int64)})
        pixels = np.frombuffer(parsed["image_raw"].numpy(), np.uint8).reshape(28, 28, 1)
        np.testing.assert_allclose(batch["images"][number], pixels / 255, rtol=1e-6)
        assert batch["targets"][number, 0] == parsed["label"]


def test_validation_takes_the_first_sixth_of_the_training_digits(mnist_dir, digits):
    held_out = mnist_input.load(str(mnist_dir), "valid_test")
    rest = mnist_input.load(str(mnist_dir), "valid_train")
    assert (held_out.info.num_examples, rest.info.num_examples) == (10, 50)
    np.testing.assert_array_equal(all_of(held_out)["targets"][:, 0], digits[1][:10])
    np.testing.assert_array_equal(rest.read(np.arange(50))["targets"][:, 0], digits[1][10:])


@pytest.mark.parametrize("split, name", [
    ("valid_train", "valid_train_2shifted_mnist.tfrecords"),
    ("valid_train", "train_2shifted_mnist_valid.tfrecords"),
    ("valid_test", "valid_test_0shifted_mnist.tfrecords"),
    ("valid_test", "test_0shifted_mnist_valid.tfrecords"),
    ("train", "train_2shifted_mnist.tfrecords-00000-of-00001"),
])
def test_the_references_records_beat_idx_files(mnist_dir, split, name):
    write_records(mnist_dir, name)
    assert mnist_input.load(str(mnist_dir), split).info.num_examples == 2


def test_two_sets_of_records_are_listed(mnist_dir):
    write_records(mnist_dir, "valid_train_2shifted_mnist.tfrecords")
    write_records(mnist_dir, "train_2shifted_mnist_valid.tfrecords")
    with pytest.raises(DataError, match=r"train_2shifted_mnist_valid.*valid_train_2shifted"):
        mnist_input.load(str(mnist_dir), "valid_train")


def batches_of(folder, split, num_targets):
    """The first batch of training, or of evaluation, and its source."""
    found = mnist_input.load(str(folder), split, num_targets)
    batches = (training_batches(found, 5, seed=0) if split.endswith("train")
               else evaluation_batches(found, 5))
    return found.info, found.source, {key: array.numpy() for key, array in
                                      next(iter(batches)).items()}


@pytest.mark.parametrize("with_records", [False, True], ids=["idx", "records"])
def test_what_a_generator_wrote_beside_the_data_does_not_change_what_is_read(mnist_dir,
                                                                             with_records):
    """Records of other shifts, or of pairs, beside the reference's two files or IDX files."""
    if with_records:
        for name in ("train_2shifted_mnist.tfrecords", "test_0shifted_mnist.tfrecords"):
            shutil.copy(f"{TESTDATA}/{name}", mnist_dir)
    chosen = list(itertools.product(mnist_input.RECORDS, (1, 2)))
    before = [batches_of(mnist_dir, *choice) for choice in chosen]
    for split in mnist_input.RECORDS:
        mnist_shift.generate(str(mnist_dir), split, 1)
        mnist_shift.generate(str(mnist_dir), split, 3, max_shard=1000)
        mnist_shift.generate_pairs(str(mnist_dir), split, 2, num_pairs=3, max_shard=20)
    for choice, (info, source, batch) in zip(chosen, before, strict=True):
        found_info, found_source, found = batches_of(mnist_dir, *choice)
        assert (found_info, found_source) == (info, source)
        for key, array in batch.items():
            np.testing.assert_array_equal(found[key], array)


@pytest.mark.parametrize("name, split, num_targets", [
    ("train_6shifted_mnist.tfrecords", "train", 1),
    ("multitrain_2shifted_mnist.tfrecords@2", "train", 2),
    ("multivalid_test_4shifted_mnist.tfrecords", "valid_test", 2),
])
def test_a_folder_of_other_records_is_told_how_to_name_them(tmp_path, name, split, num_targets):
    for path in (name.replace("@2", f"-0000{shard}-of-00002") for shard in range(2)):
        (tmp_path / path).touch()
    (tmp_path / "test_6shifted_mnist.tfrecords").touch()
    with pytest.raises(DataError, match=rf"found .*; --data_dir={tmp_path}/{name} reads these"):
        mnist_input.load(str(tmp_path), split, num_targets)


def test_one_file_cannot_be_trained_on_and_held_out(tmp_path):
    write_records(tmp_path, "train_2shifted_mnist.tfrecords")
    for split in ("valid_train", "valid_test"):
        with pytest.raises(DataError, match="--validate"):
            mnist_input.load(f"{tmp_path}/train_2shifted_mnist.tfrecords", split)
    write_records(tmp_path, "valid_test_0shifted_mnist.tfrecords")
    named = f"{tmp_path}/valid_test_0shifted_mnist.tfrecords"
    assert mnist_input.load(named, "valid_test").info.num_examples == 2


@pytest.mark.parametrize("shift", [28, 100_000, 10**9])
@pytest.mark.parametrize("name", ["", "train_2shifted_mnist.tfrecords"])
def test_a_shift_out_of_sight_is_refused(mnist_dir, shift, name):
    if name:
        write_records(mnist_dir, name)
    with pytest.raises(DataError, match=rf"--shift={shift}: expected fewer pixels .* 28x28"):
        mnist_input.load(f"{mnist_dir}/{name}", "train", shift=shift)
    assert mnist_input.load(f"{mnist_dir}/{name}", "train", shift=27)


def test_sizes_come_from_the_records(tmp_path):
    name = str(tmp_path / "test_0shifted_mnist.tfrecords")
    write(name, [serialize(height=40, width=36, depth=1, label=1, image_raw=bytes(40 * 36))], 1)
    info = mnist_input.load(str(tmp_path), "test").info
    assert (info.height, info.width, info.depth) == (40, 36, 1)


@pytest.mark.parametrize("changes, message", [
    (dict(label=11), "from 0 to 9, found 11"),
    (dict(image_raw=bytes(783)), "expected 784 bytes"),
    (dict(height=14, image_raw=bytes(14 * 28)), r"like the first, found \(14, 28, 1\)"),
])
def test_a_bad_record_is_named(tmp_path, changes, message):
    write_records(tmp_path, **changes)
    with pytest.raises(DataError, match=rf"test_0shifted_mnist.tfrecords, record 1 .*{message}"):
        mnist_input.load(str(tmp_path), "test").read([0, 1])


def test_an_empty_folder_is_told_what_was_expected(tmp_path):
    with pytest.raises(DataError, match=r"test_0shifted_mnist.*t10k-images.*found nothing\."):
        mnist_input.load(str(tmp_path), "test")


def test_idx_training_digits_are_shifted_uniformly(tmp_path):
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 14, 14] = 255
    write_mnist(tmp_path, np.repeat(image, 5, axis=0), [3] * 5)
    shutil.copy(tmp_path / "train-images-idx3-ubyte", tmp_path / "t10k-images-idx3-ubyte")
    shutil.copy(tmp_path / "train-labels-idx1-ubyte", tmp_path / "t10k-labels-idx1-ubyte")
    batch = next(iter(training_batches(mnist_input.load(str(tmp_path), "train"), 5000, seed=0)))
    np.testing.assert_array_equal(batch["images"], batch["target_images"][:, 0])
    at = np.argmax(np.reshape(batch["images"], (5000, -1)), axis=1)
    rows, columns = at // 28 - 12, at % 28 - 12
    counts = np.bincount(rows * 5 + columns, minlength=25)
    assert counts.size == 25 and scipy.stats.chisquare(counts).pvalue > 1e-4
    still = all_of(mnist_input.load(str(tmp_path), "test"))
    assert (np.argmax(still["images"].reshape(5, -1), axis=1) == 14 * 28 + 14).all()
