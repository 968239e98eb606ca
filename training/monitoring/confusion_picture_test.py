import numpy as np
import pytest

from training.monitoring.confusion import Confusion
from training.monitoring.confusion_picture import FOUND, MISTAKEN, draw


def pixels_of(picture, colour):
    return np.count_nonzero((picture == colour).all(axis=-1))


@pytest.mark.parametrize("num_classes", [2, 10, 31, 100, 1000])
@pytest.mark.parametrize("name", ["{}", "a name that is far too long for any picture, number {}"])
def test_right_and_wrong_have_their_colours_at_any_number_of_classes(num_classes, name):
    confusion = Confusion.empty(num_classes)
    confusion.add(np.arange(num_classes)[:, None], np.arange(num_classes)[:, None])
    names = [name.format(number) for number in range(num_classes)]
    right = draw(confusion, names, "title")
    assert right.dtype == np.uint8 and right.shape[2] == 3 and max(right.shape) < 1500
    assert pixels_of(right, FOUND) >= num_classes and not pixels_of(right, MISTAKEN)
    confusion.add(np.array([[0]] * 3), np.array([[1]] * 3))
    assert pixels_of(draw(confusion, names, "title"), MISTAKEN)


def test_rows_are_classes_and_columns_readings():
    confusion = Confusion.empty(3)
    confusion.add(np.array([[2]] * 5), np.array([[0]] * 5))
    wrong = np.argwhere((draw(confusion, ["a", "b", "c"], "") == MISTAKEN).all(axis=-1))
    confusion.add(np.array([[2]] * 5), np.array([[1]] * 5))
    both = np.argwhere((draw(confusion, ["a", "b", "c"], "") == MISTAKEN).all(axis=-1))
    cell = np.ptp(wrong, axis=0) + 1
    assert cell[0] == cell[1]                                   # one cell
    assert (np.ptp(both, axis=0) + 1).tolist() == [cell[0], 2 * cell[0]]       # and one beside it
    assert both[:, 1].max() > wrong[:, 1].max()


def test_nothing_counted_is_drawn_too():
    assert draw(Confusion.empty(2), ["a", "b"], "no examples").shape[2] == 3
