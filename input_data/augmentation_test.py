import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from input_data import augmentation

MANY = 6000
LEAST_P = 1e-4      # a right distribution fails one test in ten thousand
SEED = tf.constant([3, 4], tf.int64)
OTHER_SEED = tf.constant([3, 5], tf.int64)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 255, (9, 8, 7, 3)).astype(np.float32)


def all_functions():
    return {
        "crop": lambda images, seed: augmentation.random_crop(images, 5, 4, seed),
        "shift": lambda images, seed: augmentation.random_shift(images, 2, seed),
        "flip": augmentation.random_flip,
        "brightness": augmentation.random_brightness,
        "contrast": augmentation.random_contrast,
    }


@pytest.mark.parametrize("name", all_functions())
def test_the_seed_decides(images, name):
    change = all_functions()[name]
    once, again, other = (change(images, seed).numpy() for seed in (SEED, SEED, OTHER_SEED))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()
    np.testing.assert_array_equal(tf.function(change)(images, SEED), once)


def test_windows_are_whole_and_every_place_is_equally_likely():
    numbered = np.arange(6 * 5, dtype=np.uint8).reshape(1, 6, 5, 1)
    cut = augmentation.random_crop(tf.repeat(numbered, MANY, 0), 4, 2, SEED).numpy()
    assert cut.shape == (MANY, 4, 2, 1) and cut.dtype == np.uint8
    rows, columns = np.divmod(cut[:, 0, 0, 0].astype(int), 5)
    for image, row, column in zip(cut[:200], rows, columns):
        np.testing.assert_array_equal(image, numbered[0, row:row + 4, column:column + 2])
    counts = np.bincount(rows * 4 + columns, minlength=3 * 4)
    assert counts.size == 12 and scipy.stats.chisquare(counts).pvalue > LEAST_P


def test_half_of_the_images_are_flipped(images):
    repeated = np.repeat(images[:1], MANY, axis=0)
    flipped = augmentation.random_flip(repeated, SEED).numpy()
    mirrored = (flipped == tf.image.flip_left_right(images[0]).numpy()).all(axis=(1, 2, 3))
    same = (flipped == images[0]).all(axis=(1, 2, 3))
    assert (mirrored ^ same).all()
    assert scipy.stats.binomtest(int(mirrored.sum()), MANY).pvalue > LEAST_P


def test_brightness_is_tensorflows_by_uniform_numbers(images):
    repeated = np.repeat(images, MANY // 9, axis=0)
    changed = augmentation.random_brightness(repeated, SEED).numpy()
    deltas = (changed - repeated).mean(axis=(1, 2, 3))
    for image, delta, found in zip(repeated[:50], deltas, changed):
        np.testing.assert_allclose(found, tf.image.adjust_brightness(image, delta), atol=1e-3)
    assert scipy.stats.kstest(deltas, "uniform", (-63, 126)).pvalue > LEAST_P


def test_contrast_is_tensorflows_by_uniform_factors(images):
    repeated = np.repeat(images, MANY // 9, axis=0)
    changed = augmentation.random_contrast(repeated, SEED).numpy()
    factors = changed.std(axis=(1, 2))[:, 0] / repeated.std(axis=(1, 2))[:, 0]
    for image, factor, found in zip(repeated[:50], factors, changed):
        np.testing.assert_allclose(found, tf.image.adjust_contrast(image, factor), atol=1e-2)
    assert scipy.stats.kstest(factors, "uniform", (0.2, 1.6)).pvalue > LEAST_P


def test_the_middle_is_tensorflows(images):
    for size in (3, 4):
        np.testing.assert_array_equal(augmentation.central_crop(images, size, size),
                                      tf.image.resize_with_crop_or_pad(images, size, size))


def test_shifting_cuts_at_the_edge():
    moved = augmentation.random_shift(tf.ones([200, 3, 3, 1]), 2, SEED).numpy()[..., 0]
    assert set(moved.sum(axis=(1, 2))) == {1, 2, 3, 4, 6, 9}
    still = tf.ones([2, 3, 3, 1])
    assert augmentation.random_shift(still, 0, SEED) is still
