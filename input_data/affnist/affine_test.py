import numpy as np
import pytest
import scipy.ndimage
import scipy.stats

from input_data.affnist import affine
from input_data.affnist.affine import random_matrices, transformed

P = 1e-4        # sound random numbers fail such a test with one seed in 10,000
COUNT = 20_000


def parameters(matrices):
    """Takes matrices apart again: angle, shear, scale of rows, scale of columns."""
    angle = np.arctan2(-matrices[:, 0, 1], matrices[:, 1, 1])
    columns = np.hypot(matrices[:, 0, 1], matrices[:, 1, 1])
    rows = np.linalg.det(matrices) / columns
    along = np.sin(angle), np.cos(angle)        # where a step to the right goes, negated in rows
    shear = (-along[0] * matrices[:, 0, 0] + along[1] * matrices[:, 1, 0]) / rows
    return angle, shear, rows, columns


@pytest.mark.parametrize("which, low, high", [
    (0, -np.deg2rad(20), np.deg2rad(20)), (1, -0.2, 0.2), (2, 0.8, 1.2), (3, 0.8, 1.2)])
def test_transformations_are_uniform_over_affnists_ranges(which, low, high):
    found = parameters(random_matrices(np.arange(COUNT), seed=0))[which]
    assert scipy.stats.kstest((found - low) / (high - low), "uniform").pvalue > P


def test_parameters_are_independent():
    found = parameters(random_matrices(np.arange(COUNT), seed=0))
    for first in range(4):
        for second in range(first):
            assert scipy.stats.pearsonr(found[first], found[second]).pvalue > P


def test_the_whole_digit_is_inside_in_all_places(digits):
    images = np.repeat(digits[0][..., np.newaxis], 50, axis=0)
    numbers = np.arange(len(images))
    found = transformed(images, numbers).astype(int)
    assert found.shape == (len(images), 40, 40, 1)
    area = np.linalg.det(random_matrices(numbers, 0))
    mass = found.sum(axis=(1, 2, 3)) / images.sum(axis=(1, 2, 3))
    # Sampling changes the ink a little, cutting takes it away.
    np.testing.assert_allclose(mass, area, rtol=0.06)
    assert abs(np.mean(mass / area) - 1) < 0.005
    ink = found.max(axis=(0, 3)) > 0
    assert ink.any(axis=1).all() and ink.any(axis=0).all()      # to all edges


def test_one_image_is_what_scipy_makes_of_it(digits):
    image = digits[0][7]
    found = transformed(image[np.newaxis, ..., np.newaxis], [5], seed=2)[0, ..., 0].astype(int)
    back = np.linalg.inv(random_matrices([5], seed=2)[0])
    origin = affine._random_origins(image[np.newaxis, ..., np.newaxis],
                                    random_matrices([5], seed=2), [5], 2)[0]
    expected = scipy.ndimage.affine_transform(
        image.astype(float), back, offset=13.5 - back @ origin, output_shape=(40, 40), order=1)
    assert np.abs(found - expected).max() <= 1


def test_an_image_depends_on_seed_and_number_alone(digits):
    images = digits[0][:20, ..., np.newaxis]
    numbers = np.arange(100, 120)
    whole = transformed(images, numbers, seed=1)
    np.testing.assert_array_equal(transformed(images[[9, 3]], numbers[[9, 3]], seed=1),
                                  whole[[9, 3]])
    assert not np.array_equal(transformed(images, numbers, seed=2), whole)


def test_an_empty_image_stays_empty():
    assert not transformed(np.zeros((2, 28, 28, 1), np.uint8), [0, 1]).any()
