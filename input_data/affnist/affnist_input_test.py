import os

import numpy as np
import pytest
import scipy.io
import scipy.stats

import input_data
from input_data.affnist import affine_digits
from input_data.dataset import DataError
from input_data.mnist import mnist_shift
from input_data.pipeline import evaluation_batches, training_batches

P = 1e-4        # sound random numbers fail such a test with one seed in 10,000


def load(data_dir, split="test"):
    return input_data.load("affnist", data_dir and str(data_dir), split)


def all_of(split):
    batches = list(evaluation_batches(split, 7))
    return {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}


def some_digits(count, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, 40, 40), np.uint8), random.integers(0, 10, count)


def save(path, images, labels, compressed=False, **changes):
    """Writes images, uint8 [n, 40, 40], and labels in affNIST's layout."""
    count = len(images)
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = {
        "affine_matrix": np.zeros((6, count)), "human_readable_transform": np.zeros((6, count)),
        "image": images.reshape(count, -1).T, "label_int": labels[np.newaxis].astype(np.uint8),
        "label_one_of_n": np.eye(10, dtype=np.uint8)[:, labels]}
    scipy.io.savemat(path, {"affNISTdata": {**fields, **changes}}, do_compression=compressed)


@pytest.fixture
def affnist_dir(tmp_path):
    """11 batches of 3 digits, every second one compressed; the digits and their labels."""
    images, labels = some_digits(33)
    for number in range(11):
        part = slice(3 * number, 3 * number + 3)
        save(tmp_path / "transformed" / "test_batches" / f"{number + 1}.mat", images[part],
             labels[part], compressed=number % 2 == 1)
    return tmp_path, images, labels


def test_batches_are_read_in_the_order_of_their_numbers(affnist_dir):
    folder, images, labels = affnist_dir
    split = load(folder)
    assert (split.info.name, split.info.num_examples) == ("affnist", 33)
    assert (split.info.height, split.info.width, split.info.depth) == (40, 40, 1)
    batch = all_of(split)
    np.testing.assert_allclose(batch["images"][..., 0], images / 255, rtol=1e-6)
    np.testing.assert_array_equal(batch["target_images"][:, 0], batch["images"])
    assert batch["targets"][:, 0].tolist() == labels.tolist()
    backwards = split.read(np.arange(33)[::-1])
    np.testing.assert_array_equal(backwards["images"][..., 0], images[::-1])


@pytest.mark.parametrize("name", ["transformed/test_batches", "transformed/test_batches/2.mat"])
@pytest.mark.parametrize("split", ["test", "valid_test"])
def test_data_dir_names_a_folder_of_batches_or_a_file(affnist_dir, name, split):
    folder, images, _ = affnist_dir
    found = load(folder / name, split).read([0])["images"][0, ..., 0]
    np.testing.assert_array_equal(found, images[0 if name.endswith("s") else 3])


def test_the_set_in_one_file_is_found(tmp_path):
    images, labels = some_digits(4)
    save(tmp_path / "test.mat", images, labels)
    assert load(tmp_path).info.num_examples == 4


def cut(size):
    def write(folder):
        path = folder / "transformed" / "test_batches" / "5.mat"
        path.write_bytes(path.read_bytes()[:size])
    return write


def other(**changes):
    def write(folder):
        save(folder / "transformed" / "test_batches" / "5.mat", *some_digits(3), **changes)
    return write


def not_a_struct(folder):
    scipy.io.savemat(folder / "transformed" / "test_batches" / "5.mat",
                     {"affNISTdata": np.zeros(3)})


def matlab_7_3(folder):
    (folder / "transformed" / "test_batches" / "5.mat").write_bytes(
        b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400))


@pytest.mark.parametrize("damage, message", [
    (cut(-2000), "cannot be read"),
    (cut(100), "cannot be read"),
    (cut(0), "cannot be read"),
    (not_a_struct, "expected a MATLAB file with affNISTdata.image and"),
    (matlab_7_3, "cannot be read .*HDF reader for matlab v7.3"),
    (other(label_int="text"), "as many images as labels, 1 or more, found 3 and 1"),
    (other(label_int=np.array([[3, 10, 1]])), "expected label_int from 0 to 9, found 10"),
    (other(label_int=np.array([[3.5, 1, 1]])), "expected label_int from 0 to 9, found 3.5"),
    (other(label_int=np.zeros((1, 2))), "as many images as labels, 1 or more, found 3 and 2"),
    (other(image=np.zeros((1600, 0), np.uint8), label_int=np.zeros((1, 0))), "found 0 and 0"),
    (other(image=np.zeros((784, 3), np.uint8)), "expected 1600xN bytes .*found 784x3 of uint8"),
    (other(image=np.zeros((1600, 3))), "found 1600x3 of float64"),
    (other(image="text"), "found 1 of <U4"),
])
def test_a_bad_batch_is_named(affnist_dir, damage, message):
    damage(affnist_dir[0])
    with pytest.raises(DataError, match=rf"test_batches/5\.mat: .*{message}") as caught:
        load(affnist_dir[0])
    assert "\n" not in str(caught.value)


def test_what_is_not_there_is_said(affnist_dir, mnist_dir):
    with pytest.raises(DataError, match=r"expected --data_dir.*affine_digits"):
        load(None)
    with pytest.raises(DataError, match=r"expected test_batches/N.mat or .*found t10k"):
        load(mnist_dir)
    with pytest.raises(DataError, match="to evaluate on; expected a folder of MNIST"):
        load(affnist_dir[0] / "transformed" / "test_batches", "train")
    with pytest.raises(DataError, match=r"expected train-images-idx3-ubyte and"):
        load(affnist_dir[0], "train")
    with pytest.raises(DataError, match="1 target"):
        input_data.load("affnist", None, "train", num_targets=2)
    affine_digits.generate(str(mnist_dir), str(affnist_dir[0]))
    with pytest.raises(DataError, match=r"found several: .*test_batches, .*test_affine"):
        load(affnist_dir[0])


@pytest.mark.parametrize("split, count", [("train", 60), ("valid_train", 50)])
def test_training_places_digits_anywhere(mnist_dir, digits, split, count):
    opened = load(mnist_dir, split)
    assert (opened.info.height, opened.info.num_examples) == (40, count)
    batches = [next(iter(training_batches(opened, 4000, seed=seed))) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(batches[0]["images"], batches[1]["images"])
    assert not np.array_equal(batches[0]["images"], batches[2]["images"])
    images = np.rint(batches[0]["images"][..., 0] * 255).astype(int)
    # Nothing is cut, and every row and column of the ground is equally likely to be the middle.
    totals = digits[0].sum(axis=(1, 2), dtype=int)
    assert set(images.sum(axis=(1, 2))) <= set(totals)
    for axis in (1, 2):
        middles = (images.sum(axis=3 - axis) @ np.arange(40)) / images.sum(axis=(1, 2))
        own = (digits[0].sum(axis=3 - axis) @ np.arange(28)) / totals
        which = [np.argmin(np.abs(totals - total)) for total in images.sum(axis=(1, 2))]
        shifts = np.rint(middles - own[which]).astype(int)
        assert scipy.stats.chisquare(np.bincount(shifts, minlength=13)).pvalue > P


def test_held_out_digits_have_one_place_each(mnist_dir, digits):
    first, second = (all_of(load(mnist_dir, "valid_test")) for _ in range(2))
    np.testing.assert_array_equal(first["images"], second["images"])
    assert first["targets"][:, 0].tolist() == digits[1][:10].tolist()
    totals = (first["images"] * 255).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(totals, digits[0][:10].sum(axis=(1, 2)), rtol=1e-5)
    corners = [np.argwhere(image).min(axis=0)[:2].tolist() for image in first["images"]]
    assert len({tuple(corner) for corner in corners}) > 5


def test_expanded_records_are_read_where_data_dir_names_them(mnist_dir):
    path = mnist_dir / "train_6shifted_mnist.tfrecords"
    flags = f"--data_dir={mnist_dir}", "--split=train", "--shift=6"
    assert mnist_shift.main(["mnist_shift.py", *flags, "--pad=6"]) == 0
    assert load(path, "train").info.num_examples == 60 * 169
    assert load(mnist_dir, "train").info.num_examples == 60
    os.remove(path)
    assert mnist_shift.main(["mnist_shift.py", *flags]) == 0
    with pytest.raises(DataError, match=r"expected images of \(40, 40, 1\).*--pad=6"):
        load(path, "train")


def test_generated_digits_are_evaluated_and_said_to_be_generated(mnist_dir, digits, capsys):
    arguments = ["affine_digits", f"--data_dir={mnist_dir}", "--versions=2", "--seed=3"]
    assert affine_digits.main(arguments) == 0
    assert "Wrote 40 records, which are not affNIST" in capsys.readouterr().out
    split = load(mnist_dir)
    assert "not affNIST" in split.source and split.info.num_examples == 40
    stored = split.read(np.arange(40))
    assert stored["targets"][:, 0].tolist() == 2 * digits[1][:20].tolist()
    path = mnist_dir / "test_affine_mnist.tfrecords"
    before = path.read_bytes()
    assert affine_digits.main(arguments) == 2
    assert "there already" in capsys.readouterr().err and path.read_bytes() == before
    path.unlink()
    assert affine_digits.main(arguments) == 0 and path.read_bytes() == before


@pytest.mark.parametrize("arguments, message", [
    ([], "--output_dir is missing"), (["--data_dir=/nowhere"], "--data_dir: expected a folder"),
    (["--versions=0"], "versions"), (["--versions=100000000000"], "versions"),
])
def test_bad_flags_are_one_line(arguments, message, capsys):
    assert affine_digits.main(["affine_digits", *arguments]) == 2
    assert message in capsys.readouterr().err
