"""Against the package itself, where it is installed, on a dataset that the tests make."""

import multiprocessing
import os
import signal
import socket
import sys
import threading
import time

import numpy as np
import pytest

import input_data
from commands import signals
from input_data.dataset import DataError
from input_data.pipeline import evaluation_batches
from input_data.tfds import tfds_input

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 8, 9, 3), np.uint8)
LABELS = np.arange(12) % 3


@pytest.fixture(scope="module")
def tfds():
    return pytest.importorskip("tensorflow_datasets")


@pytest.fixture(scope="module")
def make(tfds, tmp_path_factory):
    """Makes a dataset called tiny of some splits, in a folder of its own; returns the folder."""
    def make(splits, shape=(8, 9, 3), images=IMAGES, label=None, **options):
        folder = tmp_path_factory.mktemp("tfds")
        features = tfds.features.FeaturesDict({
            "image": tfds.features.Image(shape=shape),
            "label": label or tfds.features.ClassLabel(names=["a", "b", "c"])})
        examples = {split: [(number, {"image": images[number], "label": LABELS[number]})
                            for number in range(*numbers)] for split, numbers in splits.items()}
        tfds.dataset_builders.store_as_tfds_dataset(
            name="tiny", version="1.0.0", features=features, split_datasets=examples,
            data_dir=str(folder), disable_shuffling=True, **options)
        return folder
    return make


@pytest.fixture(scope="module", params=["tfrecord", "array_record"])
def file_format(request):
    return request.param


@pytest.fixture(scope="module")
def data_dir(make, file_format):
    return make({"train": (10,), "test": (10, 12)}, file_format=file_format)


def load(folder, split="train", **options):
    return input_data.load("tfds:tiny", str(folder), split, **options)


def all_of(split):
    return split.read(np.arange(split.info.num_examples))


def test_splits_come_as_they_are_stored(data_dir):
    for split, numbers in (("train", slice(10)), ("test", slice(10, 12))):
        found = load(data_dir, split)
        stored = all_of(found)
        np.testing.assert_array_equal(stored["images"], IMAGES[numbers])
        assert stored["targets"][:, 0].tolist() == LABELS[numbers].tolist()
        info = found.info
        assert (info.height, info.width, info.depth, info.num_classes) == (8, 9, 3, 3)
        assert (info.class_names, info.num_examples) == (("a", "b", "c"), len(IMAGES[numbers]))
    np.testing.assert_array_equal(found.read([1, 0])["images"], IMAGES[[11, 10]])
    batch = next(iter(evaluation_batches(found, 2)))
    np.testing.assert_allclose(batch["images"], IMAGES[10:] / np.float32(255), rtol=1e-6)


def test_validation_parts_train(data_dir):
    rest, held_out = (all_of(load(data_dir, f"valid_{part}", validation_fraction=0.3))["images"]
                      for part in ("train", "test"))
    assert (len(rest), len(held_out)) == (7, 3)
    assert {image.tobytes() for image in (*rest, *held_out)} == {
        image.tobytes() for image in IMAGES[:10]}


def test_a_validation_split_of_the_datasets_own_is_taken(make):
    folder = make({"train": (8,), "validation": (8, 12)})
    for split, numbers in (("valid_train", slice(8)), ("valid_test", slice(8, 12))):
        np.testing.assert_array_equal(all_of(load(folder, split))["images"], IMAGES[numbers])
    with pytest.raises(DataError, match=r"expected a split test, found train, validation; --val"):
        load(folder, "test")


def test_images_of_many_sizes_are_made_equal(make, file_format):
    images = [np.zeros((5 + number, 6, 1), np.uint8) for number in range(12)]
    folder = make({"train": (12,)}, (None, None, 1), images, file_format=file_format)
    with pytest.raises(DataError, match=r"tfds:tiny, image 1: expected an image of 5x6x1 like the "
                                        r"first, found 6x6x1; --image_size=5x6x1"):
        all_of(load(folder))
    assert all_of(load(folder, image_size=(4, 4)))["images"].shape == (12, 4, 4, 1)
    assert all_of(load(folder, image_size=(4, 4, 3)))["images"].shape == (12, 4, 4, 3)


def test_more_than_fits_into_memory_is_said(make, monkeypatch):
    monkeypatch.setattr(tfds_input, "MEMORY_BYTES", 2000)
    with pytest.raises(DataError, match="array_record"):
        load(make({"train": (12,)}))


def test_other_kinds_of_examples_are_said(tfds, make):
    folder = make({"train": (3,)}, label=tfds.features.Scalar(np.int64))
    with pytest.raises(DataError, match=r"Image and a ClassLabel .*label: Scalar"):
        load(folder)


def test_what_cannot_be_had_is_said(tfds, tmp_path):
    with pytest.raises(DataError, match="tfds:no_such_thing cannot be loaded") as caught:
        input_data.load("tfds:no_such_thing", str(tmp_path), "train")
    assert "\n" not in str(caught.value)


def test_a_download_without_a_connection_ends_soon(tfds, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")     # where nothing listens
    start = time.monotonic()
    with pytest.raises(DataError, match=r"^tfds:mnist cannot be loaded \(") as caught:
        input_data.load("tfds:mnist", str(tmp_path), "train")
    assert time.monotonic() - start < 100       # the package's own retries take 200 s
    assert "\n" not in str(caught.value)
    assert f"tfds:mnist is not in {tmp_path}/mnist/" in capsys.readouterr().out


def test_ctrl_c_ends_a_download(tfds, tmp_path, monkeypatch):
    def interrupt():
        with server.accept()[0] as connection:
            os.kill(os.getpid(), signal.SIGINT)
            while connection.recv(1000):        # until the process is gone
                pass

    with (signals.raised(),     # also where the tests run in a shell's background
          socket.create_server(("127.0.0.1", 0)) as server):      # which never answers
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.getsockname()[1]}")
        threading.Thread(target=interrupt, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            input_data.load("tfds:mnist", str(tmp_path), "train")
    assert not multiprocessing.active_children()


def test_without_the_package_its_installation_is_proposed(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(DataError, match=r"pip install --constraint constraints.txt .\.\[tfds\]"):
        input_data.load("tfds:mnist", None, "train")


def test_options_that_it_does_not_have_are_said():
    with pytest.raises(DataError, match="--skip_broken is not for --dataset=tfds:mnist"):
        input_data.load("tfds:mnist", None, "train", skip_broken=True)
    with pytest.raises(DataError, match="1 target an image, found --num_targets=2"):
        input_data.load("tfds:mnist", None, "train", num_targets=2)
