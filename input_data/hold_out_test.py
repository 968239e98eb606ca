import numpy as np
import pytest

from input_data.dataset import DataError
from input_data.hold_out import held_out, held_out_by_class, part


@pytest.mark.parametrize("count, fraction, expected", [
    (10, 0.3, 3), (1000, 0.2, 200), (3, 0.1, 0), (3, 0.9, 3), (0, 0.5, 0)])
@pytest.mark.parametrize("seed", [None, 0, 7])
def test_the_share_is_held_out(count, fraction, expected, seed):
    found = held_out(count, fraction, seed)
    assert found.dtype == bool and found.shape == (count,) and found.sum() == expected


def test_the_seed_decides_which():
    first, again, other = (held_out(100, 0.3, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (held_out(100, 0.3, 0, 5) != first).any()


def test_without_a_seed_the_last_are_held_out():
    assert np.flatnonzero(held_out(10, 0.3, None)).tolist() == [7, 8, 9]


def test_the_parts_make_the_whole():
    out = held_out(10, 0.3, 1)
    assert part(out, True, 0.3).tolist() == np.flatnonzero(out).tolist()
    assert sorted([*part(out, True, 0.3), *part(out, False, 0.3)]) == list(range(10))


@pytest.mark.parametrize("count, fraction", [(1, 0.3), (10, 0.01), (10, 0.99), (0, 0.5)])
@pytest.mark.parametrize("is_held_out", [False, True])
def test_empty_parts_are_an_error(count, fraction, is_held_out):
    with pytest.raises(DataError, match=f"Of {count} examples, .*some in each part"):
        part(held_out(count, fraction, 0), is_held_out, fraction)


def test_each_class_gives_its_share():
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 4], [100, 20, 5]))
    found = held_out_by_class(labels, 0.2, seed=3)
    assert [found[labels == label].sum() for label in (0, 1, 4)] == [20, 4, 1]
