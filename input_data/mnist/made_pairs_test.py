"""Pairs that are made when they are read, against pairs in records."""

import numpy as np
import pytest
import scipy.stats

from conftest import write_mnist
from input_data.mnist import mnist_input, mnist_shift, multi_mnist
from input_data.pipeline import evaluation_batches, training_batches

P = 1e-4        # sound random numbers fail such a test with one seed in 10,000
CELLS = 81      # shifts of up to 4 pixels each way


def batch_of(split, count, seed=0):
    return next(iter(training_batches(split, count, seed)))


def record(folder, num_pairs, seed):
    """Writes a folder's training digits as pairs, and opens them."""
    name, _ = mnist_shift.generate_pairs(str(folder), "train", multi_mnist.SHIFT, num_pairs,
                                         multi_mnist.PAD, seed=seed)
    return multi_mnist.from_records(name)


def test_they_are_the_records_that_the_generator_writes(mnist_dir, monkeypatch):
    monkeypatch.setattr(multi_mnist, "NUM_PAIRS", 12)
    made = mnist_input.load(str(mnist_dir), "train", num_targets=2)
    written = record(mnist_dir, 12, seed=0)
    numbers = np.arange(12 * 60)
    assert made.info == written.info and made.info.num_examples == len(numbers)
    made, written = made.read(numbers), written.read(numbers)
    assert sorted(made) == sorted(written)
    for key in made:
        np.testing.assert_array_equal(made[key], written[key])
        assert made[key].dtype == written[key].dtype


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """2,000 digits with a white pixel, and their numbers in the two to its right, in pairs.

    Returns:
      dicts of 4,000 pairs that were made, and of as many from records of another seed:
      classes, int [4000, 2]; base_shifts, int [m], one of each base; partner_shifts, int [4000].
    """
    folder = tmp_path_factory.mktemp("marked")
    numbers = np.arange(2000)
    images = np.zeros((2000, 28, 28), np.uint8)
    images[:, 14, 14:17] = np.stack([np.full(2000, 255), numbers // 50, numbers % 50], axis=1)
    write_mnist(folder, images, numbers % 10)
    made = mnist_input.load(str(folder), "train", num_targets=2)
    written = record(folder, 10, seed=1)

    def seen(split):
        batch = batch_of(split, 4000)
        flat = np.rint(np.reshape(batch["target_images"], (4000, 2, -1)) * 255).astype(int)
        at = np.argmax(flat, axis=-1)
        rows, columns = at // 36 - 14, at % 36 - 14
        assert min(rows.min(), columns.min()) == 0 and max(rows.max(), columns.max()) == 8
        shifts = 9 * rows + columns
        right, further = (np.take_along_axis(flat[:, 0], at[:, :1] + more, 1) for more in (1, 2))
        _, first, base = np.unique(50 * right + further, return_index=True, return_inverse=True)
        assert (shifts[first, 0][base.ravel()] == shifts[:, 0]).all()   # one shift a base
        return {"classes": batch["targets"].numpy(), "base_shifts": shifts[first, 0],
                "partner_shifts": shifts[:, 1]}

    return seen(made), seen(written)


def table(numbers, size):
    return np.bincount(numbers, minlength=size)


def test_pairs_of_classes_are_distributed_alike(marked):
    counts = [table(pairs["classes"] @ [10, 1], 100) for pairs in marked]
    different = np.flatnonzero(~np.eye(10, dtype=bool))
    for count in counts:
        assert count[different].sum() == 4000       # no pair of one class
        assert scipy.stats.chisquare(count[different]).pvalue > P
    both = np.stack(counts)[:, different]
    assert scipy.stats.chi2_contingency(both).pvalue > P


@pytest.mark.parametrize("digit", ["base_shifts", "partner_shifts"])
def test_shifts_are_distributed_alike(marked, digit):
    counts = [table(pairs[digit], CELLS) for pairs in marked]
    assert all(scipy.stats.chisquare(count).pvalue > P for count in counts)
    assert scipy.stats.chi2_contingency(counts).pvalue > P


def test_means_agree(mnist_dir):
    made = batch_of(mnist_input.load(str(mnist_dir), "train", num_targets=2), 2000)
    written = batch_of(record(mnist_dir, 40, seed=1), 2000)
    for key in ("images", "target_images"):
        means = [np.reshape(batch[key], (2000, -1)).mean(axis=1) for batch in (made, written)]
        assert scipy.stats.ttest_ind(*means).pvalue > P


def test_a_batch_depends_on_the_seed_and_its_number_alone():
    split = mnist_input.load(None, "train", num_targets=2)
    stream = iter(training_batches(split, 16, seed=3))
    third = [next(stream) for _ in range(3)][2]
    again = next(iter(training_batches(mnist_input.load(None, "train", num_targets=2), 16, seed=3,
                                       first_batch=2)))
    for key in third:
        np.testing.assert_array_equal(third[key], again[key])
    other = next(iter(training_batches(split, 16, seed=4, first_batch=2)))
    assert not np.array_equal(third["images"], other["images"])


def test_evaluation_sees_the_same_pairs_again():
    first, second = (
        list(evaluation_batches(mnist_input.load(None, "test", num_targets=2), 50, limit=120))
        for _ in range(2))
    assert [len(batch["images"]) for batch in first] == [50, 50, 20]
    for one, two in zip(first, second):
        for key in one:
            np.testing.assert_array_equal(one[key], two[key])
        assert one["images"].shape[1:] == (36, 36, 1)
        assert (one["targets"][:, 0] != one["targets"][:, 1]).numpy().all()
