import numpy as np
import pytest

import input_data
from conftest import png
from input_data.dataset import DataError
from input_data.digits import digits_input
from input_data.mnist.shifts import Ground
from input_data.pipeline import evaluation_batches, training_batches

LABELLED = 40       # of the 60 in digits_zip


def load(path, split, **options):
    return input_data.load("digits", str(path), split, **options)


def all_of(split):
    batches = list(evaluation_batches(split, 7))
    return {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}


@pytest.mark.parametrize("split, rows", [
    ("train", slice(28)), ("valid_train", slice(28)),
    ("test", slice(28, 40)), ("valid_test", slice(28, 40))])
def test_the_last_three_tenths_are_held_out(digits_zip, digits, split, rows):
    found = load(digits_zip, split)
    batch = all_of(found)
    images, labels = (part[:LABELLED][rows] for part in digits)
    np.testing.assert_allclose(batch["images"][..., 0], images / 255, rtol=1e-6)
    np.testing.assert_array_equal(batch["targets"][:, 0], labels)
    np.testing.assert_array_equal(batch["target_images"][:, 0], batch["images"])
    assert batch["targets"].dtype == np.int32
    assert f"{len(labels)} of 40 rows; held out: the last 12" in found.source


def test_a_fraction_is_drawn_by_its_seed(digits_zip, digits):
    images = digits[0][:LABELLED] / 255
    opened = [load(digits_zip, split, validation_fraction=0.2, validation_seed=seed)
              for seed in (None, 0, 3) for split in ("train", "test")]
    parts = [all_of(split)["images"] for split in opened]
    assert [len(part) for part in parts] == [32, 8] * 3
    np.testing.assert_allclose(parts[1][..., 0], images[32:], rtol=1e-6)
    assert (parts[1] != parts[3]).any() and (parts[3] != parts[5]).any()
    both = np.concatenate(parts[4:])[..., 0]
    np.testing.assert_allclose(np.sort(both.sum(axis=(1, 2))),
                               np.sort(images.sum(axis=(1, 2))), rtol=1e-5)


def test_the_training_part_alone_is_shifted(digits_zip):
    train, still = (load(digits_zip, "train", shift=shift) for shift in (2, None))
    batch, again, unmoved = (next(iter(training_batches(split, 28, seed=1)))
                             for split in (train, train, still))
    np.testing.assert_array_equal(batch["images"], again["images"])
    np.testing.assert_array_equal(batch["targets"], unmoved["targets"])
    shifts = set()
    for moved, image in zip(batch["images"].numpy(), unmoved["images"].numpy()):
        ground = Ground(image[np.newaxis], reach=2)
        places = [(row, column) for row in range(-2, 3) for column in range(-2, 3)
                  if (ground.moved([0], [(row, column)])[0] == moved).all()]
        assert len(places) == 1
        shifts.add(places[0])
    assert len(shifts) > 10
    for part in (all_of(load(digits_zip, "test", shift=shift))["images"] for shift in (2, None)):
        assert part.shape == (12, 28, 28, 1)
    np.testing.assert_array_equal(all_of(load(digits_zip, "test", shift=2))["images"],
                                  all_of(load(digits_zip, "test"))["images"])


def test_images_without_labels_have_names(digits_zip, digits):
    split = input_data.load_unlabelled("digits", str(digits_zip))
    assert split.names == tuple(f"{number}.png" for number in range(40, 60))
    batch = all_of(split)
    assert batch.keys() == {"images"}
    np.testing.assert_allclose(batch["images"][..., 0], digits[0][40:] / 255, rtol=1e-6)


@pytest.mark.parametrize("image_size, shape", [
    (None, (28, 28, 1)), ((14, 20), (14, 20, 1)), ((28, 28, 3), (28, 28, 3))])
def test_images_are_scaled_and_converted_where_asked(digits_zip, digits, image_size, shape):
    for split in (load(digits_zip, "train", image_size=image_size),
                  input_data.load_unlabelled("digits", str(digits_zip), image_size)):
        assert (split.info.height, split.info.width, split.info.depth) == shape
        assert split.read(np.arange(3))["images"].shape == (3, *shape)
    found = load(digits_zip, "train", image_size=(14, 14)).read(np.arange(9))["images"][..., 0]
    np.testing.assert_allclose(found.mean(axis=(1, 2)), digits[0][:9].mean(axis=(1, 2)), rtol=0.1)


@pytest.mark.parametrize("size", [(28, 20), (9, 9)])
def test_any_one_size(tmp_path, size):
    (tmp_path / "train.csv").write_text("filename,label\na.png,1\nb.png,2\nc.png,3\n")
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(png(np.full(size, 7, np.uint8)))
    split = load(tmp_path, "train")
    assert (split.info.height, split.info.width, split.info.depth) == (*size, 1)
    (tmp_path / "b.png").write_bytes(png(np.zeros((28, 28), np.uint8)))
    with pytest.raises(DataError, match=r"b\.png: expected an image of .*, found 28x28"):
        load(tmp_path, "train")
    (tmp_path / "b.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"b\.png: not an image"):
        load(tmp_path, "train")


def test_what_it_cannot_do_is_an_error(digits_zip):
    with pytest.raises(DataError, match="--data_dir"):
        digits_input.load(None, "train")
    with pytest.raises(DataError, match="1 target an image"):
        load(digits_zip, "train", num_targets=2)
    with pytest.raises(DataError, match="--shift is not for --dataset=norb"):
        input_data.load("norb", str(digits_zip), "train", shift=1)
    with pytest.raises(DataError, match="--shift=28: expected fewer pixels than"):
        load(digits_zip, "train", shift=28)
    with pytest.raises(DataError, match="mnist has no images without labels"):
        input_data.load_unlabelled("mnist", None)
