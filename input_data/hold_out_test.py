import numpy as np
import pytest

from input_data.hold_out import held_out, held_out_by_class


@pytest.mark.parametrize("count, fraction, expected", [
    (10, 0.3, 3), (1000, 0.2, 200), (3, 0.1, 0), (3, 0.9, 3), (0, 0.5, 0)])
def test_the_share_is_held_out(count, fraction, expected):
    found = held_out(count, fraction, seed=0)
    assert found.dtype == bool and found.shape == (count,) and found.sum() == expected


def test_the_seed_decides_which():
    first, again, other = (held_out(100, 0.3, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (held_out(100, 0.3, 0, 5) != first).any()


def test_each_class_gives_its_share():
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 4], [100, 20, 5]))
    found = held_out_by_class(labels, 0.2, seed=3)
    assert [found[labels == label].sum() for label in (0, 1, 4)] == [20, 4, 1]
