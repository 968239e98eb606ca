import numpy as np
import pytest

from input_data import held_out
from input_data.dataset import DataError


@pytest.mark.parametrize("count, fraction, expected", [
    (49000, 0.3, 14700), (3000, 0.3, 900), (10, 0.25, 2), (3, 0.5, 2)])
@pytest.mark.parametrize("seed", [None, 0, 7])
def test_the_parts_make_the_whole(count, fraction, expected, seed):
    train, test = (held_out.rows(split, count, fraction, seed) for split in ("train", "test"))
    assert len(test) == expected
    np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(count))
    np.testing.assert_array_equal(train, held_out.rows("valid_train", count, fraction, seed))
    np.testing.assert_array_equal(test, held_out.rows("valid_test", count, fraction, seed))


def test_the_last_are_held_out_or_those_that_the_seed_draws():
    assert held_out.rows("test", 10, 0.3).tolist() == [7, 8, 9]
    drawn = [held_out.rows("test", 1000, 0.3, seed).tolist() for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] != held_out.rows("test", 1000, 0.3).tolist()
    assert np.mean(drawn[0]) == pytest.approx(500, abs=70)


@pytest.mark.parametrize("count, fraction", [(1, 0.3), (10, 0.01), (10, 0.99), (0, 0.5)])
def test_empty_parts_are_an_error(count, fraction):
    with pytest.raises(DataError, match="expected some in each part"):
        held_out.rows("train", count, fraction, 0)
