import numpy as np
import pytest
import tensorflow as tf

from capsules.labels import multi_hot_and_ids

IDS = np.array([3, 0, 4])
HOT = np.eye(5, dtype=np.float32)[IDS]


@pytest.mark.parametrize("labels", [
    IDS, IDS[:, None], IDS.astype(np.uint8), IDS.astype(np.float32), HOT, HOT.astype(bool)])
def test_a_target_an_image(labels):
    hot, ids = multi_hot_and_ids(labels, num_classes=5)
    np.testing.assert_array_equal(hot, HOT)
    np.testing.assert_array_equal(ids, IDS[:, None])
    assert (hot.dtype, ids.dtype) == (tf.float32, tf.int32)


@pytest.mark.parametrize("as_hot", [False, True])
def test_two_targets_an_image(as_hot):
    pairs = np.array([[3, 0], [1, 2]])
    expected = np.array([[1, 0, 0, 1, 0], [0, 1, 1, 0, 0]], np.float32)
    hot, ids = multi_hot_and_ids(expected if as_hot else pairs, num_classes=5, num_targets=2)
    np.testing.assert_array_equal(hot, expected)
    np.testing.assert_array_equal(np.sort(ids), np.sort(pairs))


def test_no_labels_stay_none():
    hot, ids = multi_hot_and_ids(np.zeros((0, 5), np.float32), 5)
    assert hot.shape == (0, 5) and ids.shape == (0, 1)


@pytest.mark.parametrize("labels, num_targets", [
    (HOT.astype(int), 1),               # which could be five ids
    (IDS, 2), (IDS[:, None], 2), (np.zeros((3, 2)), 2), (np.zeros((3, 4)), 1),
    (IDS.astype(bool), 1), (np.zeros((3, 5, 1)), 1), (np.float32(3), 1)])
def test_other_forms_are_an_error(labels, num_targets):
    with pytest.raises(ValueError, match=r"Expected labels of class ids.*Received: "):
        multi_hot_and_ids(labels, 5, num_targets)


def test_what_could_be_ids_and_one_hot_is_an_error():
    with pytest.raises(ValueError, match="Expected labels"):
        multi_hot_and_ids(np.zeros((3, 1), np.float32), num_classes=1)


@pytest.mark.parametrize("bad", [-1, 5])
@pytest.mark.parametrize("wrap", [lambda function: function, tf.function])
def test_an_id_that_is_no_class_is_an_error(bad, wrap):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"class ids from 0 to 4. Received:"):
        wrap(lambda labels: multi_hot_and_ids(labels, 5))(tf.constant([0, bad]))
