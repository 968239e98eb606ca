import os
import shutil

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import conftest
import experiment
from input_data.cifar10 import cifar10_input
from input_data.dataset import DataError
from input_data.pipeline import evaluation_batches, training_batches

TESTDATA = os.path.join(conftest.TESTDATA, "cifar10")
FILES = os.path.join(TESTDATA, "cifar-10-batches-bin")
LEAST_P = 1e-4      # a right distribution fails one test in ten thousand


def plain_reading(name):
    """Images, uint8 [n, 32, 32, 3], and labels, value by value as the format says."""
    with open(os.path.join(FILES, name), "rb") as file:
        data = file.read()
    images = np.zeros((len(data) // 3073, 32, 32, 3), np.uint8)
    for number, image in enumerate(images):
        for channel in range(3):
            start = number * 3073 + 1 + channel * 1024
            image[..., channel] = np.frombuffer(data[start:start + 1024], np.uint8).reshape(32, 32)
    return images, [data[number * 3073] for number in range(len(images))]


@pytest.fixture
def folder(tmp_path):
    """A folder with the data's files, to change them."""
    return shutil.copytree(FILES, tmp_path / "batches")


def all_of(split):
    batches = list(evaluation_batches(split, 7))
    return {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}


def standardized(images):
    images = np.asarray(images, np.float64)
    mean, std = images.mean(axis=(1, 2, 3)), images.std(axis=(1, 2, 3))
    return (images - mean[:, None, None, None]) / std[:, None, None, None]


@pytest.mark.parametrize("data_dir", [TESTDATA, FILES])
@pytest.mark.parametrize("split, name", [("train", "data_batch_1.bin"),
                                         ("test", "test_batch.bin")])
def test_stored_pixels_equal_an_independent_reading(data_dir, split, name):
    images, labels = plain_reading(name)
    found = cifar10_input.load(data_dir, split)
    assert name in found.source and found.info.num_examples == len(images)
    order = np.random.default_rng(0).permutation(len(images))
    stored = found.read(order)
    np.testing.assert_array_equal(stored["images"], images[order])
    np.testing.assert_array_equal(stored["targets"][:, 0], np.array(labels)[order])


def test_test_batches_are_the_standardized_middle():
    images, labels = plain_reading("test_batch.bin")
    split = cifar10_input.load(TESTDATA, "test")
    batch = all_of(split)
    np.testing.assert_allclose(batch["images"], standardized(images[:, 4:28, 4:28]), atol=1e-4)
    np.testing.assert_array_equal(batch["target_images"][:, 0], batch["images"])
    np.testing.assert_array_equal(batch["targets"][:, 0], labels)
    assert batch["images"].dtype == np.float32 and batch["targets"].dtype == np.int32
    assert split.info.class_names[labels[0]] == "cat"
    assert (split.info.height, split.info.width, split.info.depth) == (24, 24, 3)


def test_a_flat_image_is_finite():
    split = cifar10_input.load(TESTDATA, "train")
    stored = {"images": tf.fill([2, 32, 32, 3], tf.constant(7, tf.uint8)),
              "targets": tf.zeros([2, 1], tf.int32)}
    images = split.prepare(stored, tf.constant([0, 1], tf.int64))["images"]
    np.testing.assert_allclose(images, 0, atol=1e-3)


def recovered(image, stored):
    """Where a training image was cut, whether it was flipped, and its factor of contrast.

    Within a channel brightness, contrast and standardization are one straight line; the
    channels' means are moved by standardization alone, so the ratio of both slopes is the factor.
    """
    windows = np.lib.stride_tricks.sliding_window_view(stored, (24, 24), axis=(0, 1))
    windows = np.moveaxis(windows, 2, -1).astype(np.float64)    # [9, 9, 24, 24, 3]
    candidates = np.stack([windows, windows[..., ::-1, :]])
    centred = candidates - candidates.mean(axis=(3, 4), keepdims=True)
    changed = image - image.mean(axis=(0, 1))
    norms = np.sqrt((centred ** 2).sum(axis=(3, 4, 5)))
    likeness = (centred * changed).sum(axis=(3, 4, 5)) / norms / np.sqrt((changed ** 2).sum())
    place = np.unravel_index(likeness.argmax(), likeness.shape)
    assert likeness[place] > 0.9999
    within = (centred[place] * changed).sum() / norms[place] ** 2
    means = candidates[place].mean(axis=(0, 1))
    between = np.polyfit(means, image.mean(axis=(0, 1)), 1)[0]
    return place, within / between, candidates[place]


def test_training_images_are_tensorflows_changes_by_uniform_draws():
    images, _ = plain_reading("data_batch_1.bin")
    # Channels of clearly different means, so that the factor of contrast can be measured.
    images = (images // 2 + np.array([0, 60, 120], np.uint8)).astype(np.uint8)
    split = cifar10_input.load(TESTDATA, "train")
    places, factors = [], []
    for seed in range(8):
        stored = {"images": images, "targets": np.zeros((len(images), 1), np.int32)}
        batch = split.prepare(stored, tf.constant([1, seed], tf.int64))
        for image, original in zip(batch["images"].numpy(), images):
            place, factor, window = recovered(image, original)
            expected = tf.image.per_image_standardization(
                tf.image.adjust_contrast(window.astype(np.float32), factor))
            np.testing.assert_allclose(image, expected, atol=2e-3)
            places.append(place)
            factors.append(factor)
    flips, rows, columns = np.transpose(places)
    for draws, count in ((flips, 2), (rows, 9), (columns, 9)):
        counts = np.bincount(draws, minlength=count)
        assert scipy.stats.chisquare(counts).pvalue > LEAST_P
    assert scipy.stats.kstest(factors, "uniform", (0.2, 1.6)).pvalue > LEAST_P
    # Each image has its own draws, and each draw is independent of the others.
    for one, other in ((rows, columns), (rows, factors), (columns, flips), (flips, factors)):
        assert scipy.stats.spearmanr(one, other).pvalue > LEAST_P


def test_the_seed_decides():
    split = cifar10_input.load(TESTDATA, "train")
    once, again, other = (next(iter(training_batches(split, 16, seed))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once["images"], again["images"])
    assert (once["images"].numpy() != other["images"].numpy()).any()
    np.testing.assert_array_equal(once["images"], once["target_images"][:, 0])


def test_validation_holds_out_the_last_fifth_of_one_file():
    images, _ = plain_reading("data_batch_1.bin")
    rest, held_out = (cifar10_input.load(TESTDATA, f"valid_{part}") for part in ("train", "test"))
    assert (rest.info.num_examples, held_out.info.num_examples) == (48, 12)
    np.testing.assert_array_equal(rest.read(np.arange(48))["images"], images[:48])
    np.testing.assert_array_equal(held_out.read(np.arange(12))["images"], images[48:])
    assert "data_batch_1.bin; held out: the last 12 of 60 records" in held_out.source
    middle = standardized(images[48:, 4:28, 4:28])
    np.testing.assert_allclose(all_of(held_out)["images"], middle, atol=1e-4)


def test_validation_holds_out_the_fifth_of_five_files(folder):
    for number in range(2, 6):
        size = 3073 * (10 + number)
        data = (folder / "data_batch_1.bin").read_bytes()[:size]
        (folder / f"data_batch_{number}.bin").write_bytes(data)
    images, _ = plain_reading("data_batch_1.bin")
    train, rest, held_out = (cifar10_input.load(str(folder), split)
                             for split in ("train", "valid_train", "valid_test"))
    assert [split.info.num_examples for split in (train, rest, held_out)] == [114, 99, 15]
    assert all("held out: the last 15 of 114" in split.source for split in (rest, held_out))
    order = np.random.default_rng(0).permutation(114)
    expected = np.concatenate([images] + [images[:10 + number] for number in range(2, 6)])
    np.testing.assert_array_equal(train.read(order)["images"], expected[order])
    np.testing.assert_array_equal(held_out.read([0, 14])["images"], images[[0, 14]])


def test_a_single_training_file_is_enough(folder):
    os.rename(folder / "data_batch_1.bin", folder / "data_batch_3.bin")
    split = cifar10_input.load(str(folder), "train")
    assert split.source.endswith("train split (data_batch_3.bin)")
    assert split.info.num_examples == 60


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def empty(path):
    path.write_bytes(b"")


def mislabel(path):
    data = bytearray(path.read_bytes())
    data[3073 * 3] = 10
    path.write_bytes(data)


FAULTS = [
    (cut, r"test_batch.bin: expected records of 3073 bytes, found 122919 bytes"),
    (empty, "test_batch.bin: expected records of 3073 bytes, found 0 bytes"),
    (mislabel, "test_batch.bin, record 3: expected a label from 0 to 9, found 10"),
    (os.remove, "expected test_batch.bin .* found none"),
]


@pytest.mark.parametrize("damage, message", FAULTS)
def test_a_fault_is_named(folder, damage, message):
    damage(folder / "test_batch.bin")
    with pytest.raises(DataError, match=message):
        cifar10_input.load(str(folder), "test").read(np.arange(40))


@pytest.mark.parametrize("damage, message", [
    (cut, r"test_batch.bin: cut short at record 39 while it was read"),
    (os.remove, r"test_batch.bin: cannot be read \(No such file"),
])
def test_a_file_that_changes_while_it_is_read_is_named(folder, damage, message):
    split = cifar10_input.load(str(folder), "test")
    split.read([39])
    damage(folder / "test_batch.bin")
    with pytest.raises(DataError, match=message):
        split.read([0, 39])


def test_what_cannot_be_is_said():
    with pytest.raises(DataError, match=r"--data_dir.*input_data\.download --dataset=cifar10"):
        cifar10_input.load(None, "train")
    with pytest.raises(DataError, match="num_targets=2"):
        cifar10_input.load(TESTDATA, "train", 2)


def test_trains_and_evaluates_from_the_command_line(tmp_path, folder, capsys):
    run = ["experiment.py", "--dataset=cifar10", f"--data_dir={folder}",
           f"--summary_dir={tmp_path / 'run'}", "--hparams_override=num_prime_capsules=2"]
    assert experiment.main([*run, "--max_steps=1", "--batch_size=4"]) == 0
    assert "60 images of 24x24x3" in capsys.readouterr().out
    evaluate = [*run, "--train=false", f"--checkpoint={tmp_path}/run/train/model.ckpt-1"]
    assert experiment.main(evaluate) == 0
    assert "Total wrong predictions: " in capsys.readouterr().out
    mislabel(folder / "test_batch.bin")
    assert experiment.main(evaluate) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert "test_batch.bin, record 3" in lines[-1]
    assert not any("Traceback" in line for line in lines)


def test_missing_training_files_are_named(folder):
    shutil.copy(folder / "data_batch_1.bin", folder / "data_batch_4.bin")
    with pytest.raises(DataError, match=r"missing: data_batch_2.bin, data_batch_3.bin, data_b"):
        cifar10_input.load(str(folder), "train")
