import warnings

import numpy as np
import pytest

from training.monitoring.confusion import Confusion
from training.monitoring.confusion_picture import FOUND, MISTAKEN, draw


def pixels_of(picture, colour):
    """Returns where a picture has a colour, [n, 2]."""
    return np.argwhere((abs(picture - 255 * colour) < 2).all(axis=-1))


def confusion_of(num_classes, targets, predicted):
    columns = [np.array(classes, int)[:, None] for classes in (targets, predicted)]
    return Confusion.of(*columns, num_classes)


@pytest.mark.parametrize("num_classes", [2, 10, 31, 100])
@pytest.mark.parametrize("name", ["{}", "a name that is far too long for any picture, number {}"])
def test_right_and_wrong_have_their_colours(num_classes, name):
    classes = np.arange(num_classes)
    names = [name.format(number) for number in classes]
    right = draw(confusion_of(num_classes, classes, classes), names, "title")
    assert right.dtype == np.uint8 and right.shape[2] == 3 and max(right.shape) <= 1200
    assert len(pixels_of(right, FOUND)) >= num_classes and not len(pixels_of(right, MISTAKEN))
    wrong = draw(confusion_of(num_classes, classes, classes[::-1]), names, "title")
    assert len(pixels_of(wrong, MISTAKEN)) >= num_classes // 2 * 2


def test_rows_are_classes_and_columns_predictions():
    picture = draw(confusion_of(3, [2] * 5, [0] * 5), ["a", "b", "c"], "")
    axes = (picture < 128).all(axis=-1)                 # the dark frame around the cells
    rows, columns = (np.flatnonzero(axes.mean(axis=axis) > 0.4) for axis in (1, 0))
    down, across = pixels_of(picture, MISTAKEN).mean(axis=0)
    assert down > rows.mean() and across < columns.mean()


def test_nothing_counted_is_drawn_too():
    assert draw(confusion_of(2, [], []), ["a", "b"], "no examples").shape[2] == 3


def test_names_of_any_letters_are_drawn():
    names = ["a$b$", "c$\\x$", "{", "鳥", "great_white_shark_of_the_seas"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = draw(confusion_of(5, range(5), range(5)), names, "$\\x$ on {}: 0 of 5 wrong")
    assert len(pixels_of(picture, FOUND))
