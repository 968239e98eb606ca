import numpy as np
import pytest

from input_data.mnist.shifts import Ground, every_shift


def moved(image, rows, columns):
    """The shift of an image [height, width], pixel by pixel."""
    out = np.zeros_like(image)
    for row, column in np.ndindex(image.shape):
        if 0 <= row - rows < image.shape[0] and 0 <= column - columns < image.shape[1]:
            out[row, column] = image[row - rows, column - columns]
    return out


@pytest.mark.parametrize("reach, pad", [(0, 0), (0, 2), (2, 0), (1, 3), (3, 1), (9, 0)])
def test_each_image_moves_by_its_own_shift_and_is_cut_at_the_edge(reach, pad):
    shifts = every_shift(reach)
    images = np.random.default_rng(0).integers(0, 256, (len(shifts), 5, 7, 2), np.uint8)
    ground = Ground(images, reach, pad)
    order = np.random.default_rng(1).permutation(len(shifts))
    found = ground.moved(order, shifts)
    assert ground.shape == (5 + 2 * pad, 7 + 2 * pad, 2)
    assert found.shape == (len(shifts), *ground.shape) and found.dtype == np.uint8
    for image, (rows, columns), result in zip(images[order], shifts, found):
        for channel in range(2):
            expected = moved(np.pad(image[..., channel], pad), rows, columns)
            np.testing.assert_array_equal(result[..., channel], expected)


def test_no_images_stay_none():
    ground = Ground(np.zeros((3, 5, 7, 1), np.uint8), 2, 1)
    assert ground.moved(np.zeros(0, int), np.zeros((0, 2), int)).shape == (0, 7, 9, 1)


def test_every_shift_comes_once_rows_outer():
    assert every_shift(1).tolist() == [[-1, -1], [-1, 0], [-1, 1], [0, -1], [0, 0], [0, 1],
                                       [1, -1], [1, 0], [1, 1]]
