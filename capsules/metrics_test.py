import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from capsules import almost_correct, correct, oracle, predicted


def count(logits, targets):
    return (np.count_nonzero(correct(logits, targets)),
            np.count_nonzero(almost_correct(logits, targets)))


@pytest.mark.parametrize("loss", ["margin", "softmax", "sigmoid"])
@pytest.mark.parametrize("num_targets", [1, 2])
def test_counts_agree_with_the_reference(golden, num_targets, loss):
    logits = golden[f"evaluate{num_targets}/logits"]
    targets = np.nonzero(golden[f"evaluate{num_targets}/labels"])[1].reshape(-1, num_targets)
    expected = tuple(golden[f"evaluate{num_targets}/{loss}"][1:])
    assert count(logits, targets) == expected


@given(batch=st.integers(1, 20), num_classes=st.integers(3, 12), num_targets=st.integers(1, 3),
       seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_counts_compare_sets(batch, num_classes, num_targets, seed):
    random = np.random.default_rng(seed)
    logits = random.normal(size=[batch, num_classes]).astype(np.float32)
    targets = np.array([random.permutation(num_classes)[:num_targets] for _ in range(batch)])
    assert count(logits, targets) == oracle.counts(logits, targets)
    assert count(logits, targets[:, ::-1]) == oracle.counts(logits, targets)


@pytest.mark.parametrize("targets, is_correct, is_almost_correct", [
    ([0, 2], True, True), ([2, 0], True, True), ([2, 1], False, True), ([1, 3], False, False)])
def test_two_targets_in_either_order(targets, is_correct, is_almost_correct):
    logits = tf.constant([[0.9, 0.1, 0.8, 0.2]])
    for dtype in (tf.int32, tf.int64):
        classes = tf.constant([targets], dtype)
        assert correct(logits, classes).numpy() == [is_correct]
        assert almost_correct(logits, classes).numpy() == [is_almost_correct]


@pytest.mark.parametrize("metric", [correct, almost_correct])
def test_eager_equals_graph(metric):
    logits = np.random.default_rng(0).normal(size=[20, 4]).astype(np.float32)
    targets = np.random.default_rng(1).integers(0, 4, size=[20, 1])
    np.testing.assert_array_equal(tf.function(metric)(logits, targets), metric(logits, targets))
    assert 0 < np.count_nonzero(metric(logits, targets)) < 20


def test_predicted_are_the_highest_in_their_order_and_of_equals_the_first():
    logits = tf.constant([[0.1, 0.9, 0.5], [0.3, 0.3, 0.3]])
    assert predicted(logits, 2).numpy().tolist() == [[1, 2], [0, 1]]
    assert predicted(logits, 1).numpy().tolist() == [[1], [0]]
