import pytest

import input_data
from conftest import TESTDATA
from input_data.dataset import DataError, split_in_name


@pytest.mark.parametrize("name, split", [
    ("train_2shifted_mnist.tfrecords", "train"),
    ("multitrain_4shifted_mnist.tfrecords@60", "train"),
    ("multitrain_4shifted_mnist.tfrecords-00000-of-00060", "train"),
    ("valid_train_2shifted_mnist.tfrecords", "valid_train"),
    ("train_2shifted_mnist_valid.tfrecords", "valid_train"),
    ("multivalid_train_4shifted_mnist.tfrecords", "valid_train"),
    ("mnist_train", "train"), ("MNIST-Train.tfrecords", "train"), ("trainduo.tfrecords", "train"),
    ("training_batches/", "train"), ("training.mat", "train"),
    ("test_0shifted_mnist.tfrecords", "test"), ("multitest_6shifted_mnist.tfrecords@10", "test"),
    ("valid_test_0shifted_mnist.tfrecords", "valid_test"), ("testduo.tfrecords", "test"),
    ("test_0shifted_mnist_valid.tfrecords", "valid_test"),
    ("test_of_a_trained_net", "test"), ("restrained.tfrecords", None), ("pairs.tfrecords", None),
])
def test_a_files_name_tells_its_split(name, split):
    assert split_in_name(name) == split_in_name(f"/train/{name}") == split


@pytest.mark.parametrize("dataset, name, num_targets", [
    ("mnist", "mnist_records/train_2shifted_mnist.tfrecords", 1),
    ("mnist", "multimnist/multitrain_4shifted_mnist.tfrecords@3", 2),
    ("mnist", "valid_train_2shifted_mnist.tfrecords", 1),
    ("norb", "norb/trainduo.tfrecords", 1),
    ("affnist", "train_affine_mnist.tfrecords", 1),
    ("affnist", "training.mat", 1),
])
def test_training_records_are_not_evaluated(dataset, name, num_targets):
    with pytest.raises(DataError, match=rf"{name}: these are training records; an evaluation ne"):
        input_data.load(dataset, f"{TESTDATA}/{name}", "test", num_targets)
