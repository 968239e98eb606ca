import numpy as np
import tensorflow as tf

from capsules import MaxMinRouting


def test_couplings_begin_at_1_and_then_span_0_to_1():
    votes = np.random.default_rng(0).normal(size=[2, 7, 4, 3]).astype(np.float32)
    couplings, *_ = MaxMinRouting(3).steps(votes, tf.zeros([4, 3]))
    np.testing.assert_array_equal(couplings[0], 1)
    np.testing.assert_array_equal(tf.reduce_min(couplings[1:], axis=-1), 0)
    np.testing.assert_array_equal(tf.reduce_max(couplings[1:], axis=-1), 1)


def test_the_only_output_capsule_gets_every_vote_whole():
    votes = np.random.default_rng(0).normal(size=[2, 7, 1, 3]).astype(np.float32)
    couplings, *_ = MaxMinRouting(3).steps(votes, tf.zeros([1, 3]))
    np.testing.assert_array_equal(couplings, 1)
