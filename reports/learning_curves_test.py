import types

import numpy as np
import pytest
from PIL import Image

from reports import figures, learning_curves


def run(name, training, evaluations):
    return types.SimpleNamespace(name=name, training=training, evaluations=evaluations,
                                 result={"wrong_percent": evaluations[-1][1]})


def pixels_of(path, colour):
    """Returns how many pixels of a picture are of a colour, but for its blending with white."""
    with Image.open(path) as picture:
        return np.count_nonzero((np.asarray(picture.convert("RGB"), int)
                                 == list(bytes.fromhex(colour[1:]))).all(axis=-1))


@pytest.mark.parametrize("training", [[], [(1, 50.0)], [(step, 40 / step) for step in range(1, 99)],
                                      [(step, 0.0) for step in range(1, 99)]])
def test_each_row_has_a_colour(tmp_path, training):
    path = tmp_path / "curves.png"
    for marks in ([(99, 1.0)], [(50, 2.0), (99, 1.0)]):
        learning_curves.draw([[run("one", training, marks)] * 3, [run("two", [], [(60, 4.0)])]],
                             str(path))
        with Image.open(path) as picture:
            assert picture.size == (800, 480)
        assert all(pixels_of(path, colour) > 20 for colour, _, _ in figures.LINES[:2])
        assert not pixels_of(path, figures.LINES[2][0])


def test_a_training_is_seen_by_its_parts_means():
    steps, errors = learning_curves._windows([(step, step % 2) for step in range(1, 201)])
    np.testing.assert_array_equal(steps, np.arange(5.5, 200, 10))
    np.testing.assert_array_equal(errors, np.full(20, 0.5))
    np.testing.assert_array_equal(learning_curves._windows([(1, 3), (2, 4)]), [[1, 2], [3, 4]])
    assert not len(learning_curves._windows([])[0])
