import os

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import conftest
import experiment
from input_data.dataset import DataError
from input_data.formats import tfrecords
from input_data.formats.tf_examples import serialize
from input_data.norb import norb_input
from input_data.pipeline import evaluation_batches, training_batches

TESTDATA = os.path.join(conftest.TESTDATA, "norb")
LEAST_P = 1e-4      # a right distribution fails one test in ten thousand


def plain_reading(split):
    """Whole images, uint8 [n, 96, 96, 2], and labels, as TensorFlow parses them."""
    images, labels = [], []
    for record in tf.data.TFRecordDataset(f"{TESTDATA}/{split}duo.tfrecords"):
        parsed = tf.io.parse_single_example(record, {
            "image_raw": tf.io.FixedLenFeature([], tf.string),
            "label": tf.io.FixedLenFeature([], tf.int64)})
        pixels = tf.reshape(tf.io.decode_raw(parsed["image_raw"], tf.uint8), [2, 96, 96])
        images.append(tf.transpose(pixels, [1, 2, 0]).numpy())
        labels.append(int(parsed["label"]))
    return np.stack(images), labels


def all_of(split):
    batches = list(evaluation_batches(split, 4))
    return {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}


def write_records(folder, **changes):
    record = dict(height=96, width=96, depth=2, label=3, meta=[0, 0, 0, 0],
                  image_raw=bytes(2 * 96 * 96))
    path = os.path.join(folder, "testduo.tfrecords")
    tfrecords.write(path, [serialize(**record), serialize(**{**record, **changes})], 2)
    return path


@pytest.mark.parametrize("split", ["train", "test"])
def test_stored_pixels_equal_an_independent_reading(split):
    images, labels = plain_reading(split)
    found = norb_input.load(TESTDATA, split)
    assert found.info.num_examples == 6 and f"{split}duo.tfrecords" in found.source
    stored = found.read([5, 0, 3])
    np.testing.assert_array_equal(stored["images"], images[[5, 0, 3], ::2, ::2])
    assert stored["targets"][:, 0].tolist() == [labels[5], labels[0], labels[3]]


def test_test_batches_are_the_standardized_middle():
    images, labels = plain_reading("test")
    split = norb_input.load(f"{TESTDATA}/testduo.tfrecords", "test")
    batch = all_of(split)
    expected = tf.image.per_image_standardization(
        tf.image.resize_with_crop_or_pad(images[:, ::2, ::2], 32, 32))
    np.testing.assert_allclose(batch["images"], expected, atol=1e-4)
    np.testing.assert_array_equal(batch["target_images"][:, 0], batch["images"])
    np.testing.assert_array_equal(batch["targets"][:, 0], labels)
    assert batch["images"].dtype == np.float32 and batch["targets"].dtype == np.int32
    info = split.info
    assert (info.height, info.width, info.depth, info.num_classes) == (32, 32, 2, 5)


def test_training_images_are_tensorflows_changes_by_uniform_draws():
    noise = np.random.default_rng(0).integers(0, 100, (48, 48, 2))
    image = (noise + np.array([0, 150])).astype(np.uint8)
    count = 2000
    stored = {"images": np.repeat(image[np.newaxis], count, axis=0),
              "targets": np.zeros((count, 1), np.int32)}
    split = norb_input.load(TESTDATA, "train")
    found = split.prepare(stored, tf.constant([1, 2], tf.int64))["images"].numpy()

    # Where each was cut: the window that it is most like, both without their channels' means.
    windows = np.lib.stride_tricks.sliding_window_view(image, (32, 32), axis=(0, 1))
    windows = np.moveaxis(windows, 2, -1).reshape(17 * 17, 32, 32, 2).astype(np.float32)
    flat = (windows - windows.mean(axis=(1, 2), keepdims=True)).reshape(17 * 17, -1)
    changed = (found - found.mean(axis=(1, 2), keepdims=True)).reshape(count, -1)
    place = (changed @ flat.T / np.linalg.norm(flat, axis=1)).argmax(axis=1)
    # found = a + b * (mean + factor * (window - mean)), with the whole image's means.
    slope = (changed * flat[place]).sum(axis=1) / (flat[place] ** 2).sum(axis=1)    # b * factor
    rest = found.mean(axis=(1, 2)) - slope[:, np.newaxis] * windows[place].mean(axis=(1, 2))
    means = image.mean(axis=(0, 1))
    factors = slope / (slope + (rest[:, 1] - rest[:, 0]) / (means[1] - means[0]))

    rows, columns = np.divmod(place, 17)
    for number in range(30):
        row, column = rows[number], columns[number]
        whole = tf.image.adjust_contrast(image.astype(np.float32), factors[number])
        expected = tf.image.per_image_standardization(whole[row:row + 32, column:column + 32])
        np.testing.assert_allclose(found[number], expected, atol=2e-3)
    for draws in (rows, columns):
        counts = np.bincount(draws, minlength=17)
        assert scipy.stats.chisquare(counts).pvalue > LEAST_P
    assert scipy.stats.kstest(factors, "uniform", (0.2, 1.6)).pvalue > LEAST_P
    for one, other in ((rows, columns), (rows, factors), (columns, factors)):
        assert scipy.stats.spearmanr(one, other).pvalue > LEAST_P


def test_the_seed_decides():
    split = norb_input.load(TESTDATA, "train")
    once, again, other = (next(iter(training_batches(split, 6, seed))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once["images"], again["images"])
    assert (once["images"].numpy() != other["images"].numpy()).any()
    np.testing.assert_array_equal(once["images"], once["target_images"][:, 0])


@pytest.mark.parametrize("changes, message", [
    (dict(label=5), "from 0 to 4, found 5"),
    (dict(depth=1), r"depth of \(96, 96, 2\) like the first, found \(96, 96, 1\)"),
    (dict(image_raw=bytes(96 * 96)), "expected 18432 bytes"),
])
def test_a_bad_record_is_named(tmp_path, changes, message):
    write_records(tmp_path, **changes)
    with pytest.raises(DataError, match=rf"testduo.tfrecords, record 1 .*{message}"):
        norb_input.load(str(tmp_path), "test").read([0, 1])


@pytest.mark.parametrize("shape", [(96, 96, 1), (62, 96, 2), (96, 62, 2)])
def test_wrong_sizes_are_found_when_opened(tmp_path, shape):
    height, width, depth = shape
    tfrecords.write(f"{tmp_path}/testduo.tfrecords", [serialize(
        height=height, width=width, depth=depth, label=0, image_raw=bytes(np.prod(shape)))], 1)
    with pytest.raises(DataError, match=r"63 or more and a depth of 2, found"):
        norb_input.load(str(tmp_path), "test")


def test_other_sizes_are_read(tmp_path):
    tfrecords.write(f"{tmp_path}/testduo.tfrecords", [serialize(
        height=63, width=70, depth=2, label=0, image_raw=bytes(range(252)) * 35)], 1)
    assert all_of(norb_input.load(str(tmp_path), "test"))["images"].shape == (1, 32, 32, 2)


def test_cut_and_empty_files_are_named(tmp_path):
    path = write_records(tmp_path)
    with open(path, "r+b") as file:
        for size, message in ((30000, "cut short"), (0, "empty file")):
            file.truncate(size)
            with pytest.raises(DataError, match=rf"testduo\.tfrecords.*{message}"):
                norb_input.load(str(tmp_path), "test")


def test_what_cannot_be_is_said(tmp_path):
    with pytest.raises(DataError, match=r"--data_dir.*norb_convert"):
        norb_input.load(None, "train")
    with pytest.raises(DataError, match="num_targets=2"):
        norb_input.load(TESTDATA, "train", 2)
    with pytest.raises(DataError, match="--validate"):
        norb_input.load(TESTDATA, "valid_test")
    with pytest.raises(DataError, match=r"expected trainduo.tfrecords, found none"):
        norb_input.load(str(tmp_path), "train")
    with pytest.raises(DataError, match="nowhere is missing"):
        norb_input.load(f"{tmp_path}/nowhere", "train")


def test_trains_and_evaluates_from_the_command_line(tmp_path, capsys):
    run = ["experiment.py", "--dataset=norb", f"--data_dir={TESTDATA}",
           f"--summary_dir={tmp_path / 'run'}", "--hparams_override=num_prime_capsules=2"]
    assert experiment.main([*run, "--max_steps=1", "--batch_size=4"]) == 0
    assert "6 images of 32x32x2" in capsys.readouterr().out
    evaluate = [*run, "--train=false", f"--checkpoint={tmp_path}/run/train/model.ckpt-1"]
    assert experiment.main(evaluate) == 0
    assert "Total wrong predictions: " in capsys.readouterr().out
    write_records(tmp_path, label=7)
    assert experiment.main([*evaluate, f"--data_dir={tmp_path}"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert "testduo.tfrecords, record 1" in lines[-1]
    assert not any("Traceback" in line for line in lines)
    assert experiment.main([*evaluate, "--validate=true"]) == 2
    assert "validat" in capsys.readouterr().err
