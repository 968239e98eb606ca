import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from input_data.dataset import DataError
from input_data.formats.tf_examples import Features, serialize, serialize_all

RECORD = dict(height=2, width=3, depth=1, label=4, image_raw=bytes(range(6)))


def test_features_come_back():
    features = Features(serialize(**RECORD), "here")
    assert features.shape() == (2, 3, 1)
    assert features.label("label", 10) == 4
    assert features.image("image_raw", (2, 3, 1)).tolist() == [[[0], [1], [2]], [[3], [4], [5]]]


def test_serialized_examples_are_tensorflows():
    parsed = tf.io.parse_single_example(serialize(**RECORD), {
        "label": tf.io.FixedLenFeature([], tf.int64),
        "image_raw": tf.io.FixedLenFeature([], tf.string)})
    assert parsed["label"] == 4 and parsed["image_raw"] == bytes(range(6))


@pytest.mark.parametrize("change, message", [
    (dict(label=11), "expected label from 0 to 9, found 11"),
    (dict(label=-1), "found -1"),
    (dict(label=b"4"), "expected feature label with 1 integer, found 0"),
    (dict(image_raw=b"12345"), r"expected 6 bytes of image_raw \(2x3x1\), found 5"),
    (dict(height=0), "1 or more"),
])
def test_what_does_not_fit_is_said(change, message):
    features = Features(serialize(**{**RECORD, **change}), "file, record 7")
    with pytest.raises(DataError, match=f"file, record 7: .*{message}"):
        shape = features.shape()
        features.label("label", 10)
        features.image("image_raw", shape)


def test_missing_feature_is_named():
    with pytest.raises(DataError, match="feature label is missing; there: height"):
        Features(serialize(height=1), "here").integer("label")


@given(st.binary(max_size=40))
def test_any_bytes_raise_only_data_errors(data):
    with pytest.raises(DataError):
        Features(data, "here").shape()


def test_lists_of_integers_are_kept_in_order():
    parsed = tf.io.parse_single_example(serialize(meta=[8, 6, 4, 4]), {
        "meta": tf.io.FixedLenFeature([4], tf.int64)})
    assert parsed["meta"].numpy().tolist() == [8, 6, 4, 4]


@given(st.integers(1, 5), st.integers(1, 200), st.integers(0, 2**32 - 1))
def test_examples_made_at_once_are_those_made_one_by_one(count, size, seed):
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, size, 2), np.uint8)
    labels = random.integers(0, 128, (2, count))
    found = serialize_all(height=size, z=labels[0], image=images, a=labels[1], width=300)
    assert [row.tobytes() for row in found] == [
        serialize(height=size, z=int(z), image=image.tobytes(), a=int(a), width=300)
        for z, image, a in zip(labels[0], images, labels[1])]


@pytest.mark.parametrize("label", [-1, 128])
def test_integers_that_would_change_the_length_are_refused(label):
    with pytest.raises(ValueError, match="label: expected integers from 0 to 127"):
        serialize_all(label=np.array([3, label]))
