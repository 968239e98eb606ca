import numpy as np
import pytest

from reports.robustness import disturbances


class Drawn:
    """A Generator that draws what a test says."""

    def __init__(self, *drawn):
        self.drawn = np.array(drawn)

    def choice(self, values, size):
        return self.drawn

    def integers(self, high, size):
        return self.drawn

    def standard_normal(self, shape, dtype):
        return np.reshape(self.drawn, shape).astype(dtype)


def images(*rows):
    return np.float32(rows)[None, ..., None]


def changed(function, picture, strength, *drawn):
    return function(picture, strength, Drawn(*drawn))[0, ..., 0]


CORNER = images([1, 0, 0], [0.5, 0, 0], [0, 0, 0])


@pytest.mark.parametrize("sign, expected", [
    (1, [[0, 0, 0], [0, 0, 0], [1, 0.5, 0]]),           # counterclockwise
    (-1, [[0, 0.5, 1], [0, 0, 0], [0, 0, 0]]),          # clockwise
])
def test_a_quarter_turn_moves_the_corner(sign, expected):
    np.testing.assert_allclose(changed(disturbances.rotated, CORNER, 90, sign), expected,
                               atol=1e-6)


def test_an_eighth_of_a_turn_interpolates_between_neighbours():
    dot = images([0, 0, 0], [0, 0, 1], [0, 0, 0])
    found = changed(disturbances.rotated, dot, 45, 1)
    # The corner's origin is on the diagonal, sqrt(2) right of the centre: outside. The place
    # above the centre comes from (1/sqrt(2), 1/sqrt(2)) of the centre.
    part = np.sqrt(0.5)
    np.testing.assert_allclose(found[0], [0, part * (1 - part), 0], atol=1e-6)


@pytest.mark.parametrize("direction, expected", [
    (0, [[0, 0, 0], [1, 0, 0], [0.5, 0, 0]]), (1, [[0, 1, 0], [0, 0.5, 0], [0, 0, 0]]),
    (2, [[0.5, 0, 0], [0, 0, 0], [0, 0, 0]]), (3, [[0, 0, 0], [0, 0, 0], [0, 0, 0]])])
def test_a_shift_moves_whole_pixels_and_lets_black_in(direction, expected):
    np.testing.assert_array_equal(changed(disturbances.shifted, CORNER, 1, direction), expected)


def test_size_changes_about_the_centre():
    line = images(*[[0, 0, 1, 0, 0]] * 5)
    # Twice as large: what is at distance d comes from d / 2.
    np.testing.assert_allclose(changed(disturbances.scaled, line, 2), [[0, 0.5, 1, 0.5, 0]] * 5)
    # Half as large: what is at distance d comes from 2 d; distance 2 comes from outside.
    np.testing.assert_allclose(changed(disturbances.scaled, line, 0.5),
                               [[0] * 5, *[[0, 0, 1, 0, 0]] * 3, [0] * 5])


def test_noise_is_clipped():
    found = changed(disturbances.noisy, images([0.5, 0.5], [0.5, 0.5]), 0.25, 1, -1, 3, -3)
    np.testing.assert_array_equal(found, [[0.75, 0.25], [1, 0]])


@pytest.mark.parametrize("function, intact, strong", [
    (disturbances.rotated, 0, 30), (disturbances.shifted, 0, 3), (disturbances.scaled, 1, 1.3),
    (disturbances.noisy, 0, 0.4)])
def test_images_are_the_same_at_no_strength_and_in_0_to_1_at_any(function, intact, strong):
    pictures = np.random.default_rng(0).uniform(0, 1, [6, 8, 7, 3]).astype(np.float32)
    np.testing.assert_array_equal(function(pictures, intact, np.random.default_rng(1)), pictures)
    found, again, first = (function(part, strong, np.random.default_rng(1))
                           for part in (pictures, pictures, pictures[:3]))
    assert found.dtype == np.float32 and found.shape == pictures.shape
    assert found.min() >= 0 and found.max() <= 1 and not np.array_equal(found, pictures)
    np.testing.assert_array_equal(found, again)
    np.testing.assert_array_equal(found[:3], first)     # whatever follows
