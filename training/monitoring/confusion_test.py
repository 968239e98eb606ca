import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

from training.monitoring.confusion import Confusion


def counted(targets, predicted, num_classes=4):
    return Confusion.of(np.array(targets), np.array(predicted), num_classes)


def test_one_target_gives_the_usual_matrix():
    found = counted([[0], [0], [0], [1], [3]], [[0], [2], [2], [1], [1]])
    assert found.matrix.tolist() == [[1, 0, 2, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]
    assert found.matrix.dtype == found.examples.dtype == np.int64
    assert found.examples.tolist() == [3, 1, 0, 1] and found.wrong.tolist() == [2, 0, 0, 1]


@pytest.mark.parametrize("predicted, expected", [
    ([0, 1], {(0, 0): 1, (1, 1): 1}),
    ([1, 0], {(0, 0): 1, (1, 1): 1}),
    ([1, 3], {(1, 1): 1, (0, 3): 1}),
    ([2, 3], {(0, 2): 1, (0, 3): 1, (1, 2): 1, (1, 3): 1}),
])
def test_of_pairs_what_was_missed_stands_against_what_was_mistaken(predicted, expected):
    found = counted([[0, 1]], [predicted])
    assert {(row, column): found.matrix[row, column]
            for row, column in np.argwhere(found.matrix)} == expected
    assert found.examples.tolist() == [1, 1, 0, 0]


@hypothesis.given(strategies.integers(1, 3), strategies.integers(0, 40), strategies.integers(0, 99))
@hypothesis.settings(max_examples=40, deadline=None)
def test_counts_are_those_of_a_plain_loop(num_targets, examples, seed):
    rng = np.random.default_rng(seed)
    targets, predicted = (np.array([rng.permutation(6)[:num_targets] for _ in range(examples)],
                                   int).reshape(-1, num_targets) for _ in range(2))
    expected = np.zeros((6, 6), int)
    for wanted, found in zip(map(set, targets.tolist()), map(set, predicted.tolist())):
        for target in wanted:
            expected[target, target] += target in found
            for mistaken in found - wanted if target not in found else ():
                expected[target, mistaken] += 1
    confusion = Confusion.of(targets, predicted, 6)
    assert confusion.matrix.tolist() == expected.tolist()
    assert confusion.examples.tolist() == np.bincount(targets.ravel(), minlength=6).tolist()


def test_classes_without_examples_have_no_percentage():
    found = counted([[0], [0], [0], [1]], [[0], [0], [2], [1]])
    assert found.by_class(["a", "b", "c", "d"])[1:3] == [
        {"name": "b", "examples": 1, "wrong": 0, "wrong_percent": 0.0},
        {"name": "c", "examples": 0, "wrong": 0, "wrong_percent": None}]
    assert found.by_class(["a"])[0]["wrong_percent"] == pytest.approx(100 / 3)
