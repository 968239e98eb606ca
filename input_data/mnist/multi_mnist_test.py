import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

import conftest
from input_data.dataset import DataError
from input_data.formats.tf_examples import serialize
from input_data.formats.tfrecords import shard_names, write
from input_data.mnist import mnist_input
from input_data.pipeline import evaluation_batches, training_batches

TESTDATA = os.path.join(conftest.TESTDATA, "multimnist")
TEST = "multitest_4shifted_mnist.tfrecords"
PUBLISHED = {"train": f"{TESTDATA}/multitrain_4shifted_mnist.tfrecords@3",
             "test": f"{TESTDATA}/{TEST}@2"}
FEATURES = {
    **{name: tf.io.FixedLenFeature([], tf.int64)
       for name in ("height", "width", "depth", "label_1", "label_2")},
    **{name: tf.io.FixedLenFeature([], tf.string)
       for name in ("image_raw_1", "image_raw_2", "merged_raw")}}
RECORD = dict(height=20, width=18, depth=1, label_1=3, label_2=8, image_raw_1=bytes(360),
              image_raw_2=bytes(360), merged_raw=bytes(360))


def load(data_dir, split="test"):
    return mnist_input.load(str(data_dir), split, num_targets=2)


def write_records(folder, *changes, name=TEST, max_shard=0):
    """Writes a record that is sound, then one for each dict of changes."""
    found = [serialize(**{**RECORD, **change}) for change in ({}, *changes)]
    write(f"{folder}/{name}", found, len(found), max_shard)


@pytest.mark.parametrize("split, count", [("train", 6), ("test", 4)])
def test_published_records_equal_an_independent_reading(split, count):
    opened = load(PUBLISHED[split], split)
    assert (opened.info.num_examples, opened.info.num_targets) == (count, 2)
    assert (opened.info.height, opened.info.width, opened.info.depth) == (36, 36, 1)
    batches = list(evaluation_batches(opened, 3))
    batch = {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}
    raw = list(tf.data.TFRecordDataset(shard_names(opened.source)))
    assert len(raw) == len(batch["images"]) == count
    for number, record in enumerate(raw):
        parsed = tf.io.parse_single_example(record, FEATURES)
        merged, first, second = (
            tf.reshape(tf.io.decode_raw(parsed[name], tf.uint8), [36, 36, 1]).numpy()
            for name in ("merged_raw", "image_raw_1", "image_raw_2"))
        np.testing.assert_array_equal(merged, np.minimum(first.astype(int) + second, 255))
        np.testing.assert_allclose(batch["images"][number], merged / 255, rtol=1e-6)
        np.testing.assert_allclose(batch["target_images"][number],
                                   np.stack([first, second]) / 255, rtol=1e-6)
        assert batch["targets"][number].tolist() == [parsed["label_1"], parsed["label_2"]]


def test_training_batches_keep_the_contract():
    spec = training_batches(load(PUBLISHED["train"], "train"), 4, seed=0).element_spec
    assert spec["images"] == tf.TensorSpec([4, 36, 36, 1], tf.float32)
    assert spec["targets"] == tf.TensorSpec([4, 2], tf.int32)
    assert spec["target_images"] == tf.TensorSpec([4, 2, 36, 36, 1], tf.float32)


def test_data_dir_names_shards_or_a_file(tmp_path):
    write_records(tmp_path, {}, {}, max_shard=2)
    assert load(f"{tmp_path}/{TEST}@2").info.num_examples == 3
    named = load(f"{tmp_path}/{TEST}-00001-of-00002")
    assert named.info.num_examples == 2
    assert (named.info.height, named.info.width) == (20, 18)


def test_records_of_pairs_may_be_held_out(tmp_path):
    for split in ("valid_train", "valid_test"):
        write_records(tmp_path, name=f"multi{split}_4shifted_mnist.tfrecords")
        named = f"{tmp_path}/multi{split}_4shifted_mnist.tfrecords"
        assert load(named, split).info.num_examples == 1


@pytest.mark.parametrize("data_dir, split, num_targets, message", [
    (TESTDATA, "valid_train", 2, "expected train-images-idx3-ubyte and train-labels"),
    (f"{TESTDATA}/{TEST}@2", "valid_test", 2, "leave --validate out"),
    (TESTDATA, "test", 3, "--num_targets=3"),
    (TESTDATA, "test", 2, rf"found multitest_4.*--data_dir={TESTDATA}/{TEST}@2 reads these"),
    (f"{TESTDATA}/{TEST}@3", "test", 2, "00000-of-00003 is missing; there: .*00000-of-00002"),
    (f"{TESTDATA}/{TEST}@1", "test", 2, "00000-of-00001 is missing"),
])
def test_what_is_not_there_is_said(data_dir, split, num_targets, message):
    with pytest.raises(DataError, match=message):
        mnist_input.load(data_dir, split, num_targets)


def test_a_missing_shard_is_named(tmp_path):
    write_records(tmp_path, {}, {}, max_shard=2)
    os.remove(f"{tmp_path}/{TEST}-00000-of-00002")
    with pytest.raises(DataError, match="00000-of-00002 is missing"):
        load(f"{tmp_path}/{TEST}@2")


@pytest.mark.parametrize("size, message", [(0, "empty file"), (100, "cut short"),
                                           (4066, None), (8131, "cut short")])
def test_a_cut_shard_is_named(tmp_path, size, message):
    for name in shard_names(f"{TESTDATA}/{TEST}@2"):
        shutil.copy(name, tmp_path)
    cut = f"{tmp_path}/{TEST}-00001-of-00002"
    os.truncate(cut, size)
    if message is None:     # a whole number of records
        assert load(f"{tmp_path}/{TEST}@2").info.num_examples == 3
        return
    with pytest.raises(DataError, match=rf"{cut}.*{message}"):
        load(f"{tmp_path}/{TEST}@2")


@pytest.mark.parametrize("change, message", [
    (dict(label_1=10), "expected label_1 from 0 to 9, found 10"),
    (dict(label_2=-1), "expected label_2 from 0 to 9, found -1"),
    (dict(merged_raw=bytes(359)), "expected 360 bytes of merged_raw .*found 359"),
    (dict(image_raw_2=bytes(361)), "expected 360 bytes of image_raw_2 .*found 361"),
    (dict(height=18, width=20), r"like the first, found \(18, 20, 1\)"),
    (dict(depth=3), r"like the first, found \(20, 18, 3\)"),
    (dict(depth=0), "of 1 or more"),
])
def test_a_bad_record_is_named(tmp_path, change, message):
    write_records(tmp_path, change)
    with pytest.raises(DataError, match=rf"{TEST}, record 1 .*{message}"):
        load(tmp_path / TEST).read([0, 1])


def test_records_of_single_digits_lack_a_feature(tmp_path):
    single = serialize(height=28, width=28, depth=1, label=3, image_raw=bytes(784))
    write(f"{tmp_path}/{TEST}", [single], 1)
    with pytest.raises(DataError, match="feature merged_raw is missing; there: depth"):
        load(tmp_path / TEST).read([0])
