import pytest
import tensorflow as tf

from capsules.shapes import check_padding, check_sizes


@pytest.mark.parametrize("shape", [(None, 20, 24), [0, 20, 24], tf.TensorShape([1, 20, 24])])
def test_sizes_after_the_batch_are_returned(shape):
    assert check_sizes(shape, height=20, width=None) == (20, 24)


@pytest.mark.parametrize("shape", [(2, 20), (2, 20, 24, 1), (2, None, 24), (2, 20, 0), (2, 21, 24),
                                   (), tf.TensorShape([2, 20, None])])
def test_other_ranks_and_sizes_are_an_error(shape):
    with pytest.raises(ValueError, match=r"shape \[batch, height=20, width\].*Received: shape=\("):
        check_sizes(shape, height=20, width=None)


def test_padding_is_known_in_either_case():
    assert check_padding("SAME") == "same"
    with pytest.raises(ValueError, match=r"'valid' or 'same'\. Received: None"):
        check_padding(None)
