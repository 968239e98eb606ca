import numpy as np

from reports import trained_network
from reports.drawing import cases
from reports.drawing.cases import find_cases


def test_right_and_wrong_ones_are_chosen_separately(reader):
    network, split = trained_network.load(trained_network.of_checkpoint(reader))
    right, wrong = find_cases(network, split, right=15, wrong=5)
    assert (len(right), len(wrong)) == (15, 5)
    np.testing.assert_array_equal(right.labels, right.predictions)
    assert (wrong.labels != wrong.predictions).all()
    for found in (right, wrong):
        logits = network({"images": found.images}).logits.numpy()
        np.testing.assert_array_equal(found.predictions[:, 0], logits.argmax(axis=1))
        for row, label, prediction, other in zip(logits, found.labels, found.predictions,
                                                 found.others):
            left = np.setdiff1d(np.arange(10), [*label, *prediction])
            assert other == left[row[left].argmax()]


def test_fewer_cases_than_wanted_are_all_shown(reader):
    network, split = trained_network.load(trained_network.of_checkpoint(reader))
    right, wrong = find_cases(network, split, right=500, wrong=500, most=60)
    assert len(right) + len(wrong) == 60 and len(right) > 40


def test_a_right_digit_keeps_its_place_beside_a_wrong_one():
    labels = np.array([[3, 5], [3, 5], [3, 5], [3, 5]])
    predictions = np.array([[5, 3], [5, 8], [8, 3], [7, 1]])
    np.testing.assert_array_equal(cases._in_place(labels, predictions),
                                  [[3, 5], [8, 5], [3, 8], [7, 1]])
