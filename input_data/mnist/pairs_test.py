import collections

import numpy as np
import pytest
import scipy.stats

from input_data.dataset import DataError
from input_data.mnist.pairs import Pairs
from input_data.mnist.shifts_test import moved

P = 1e-4        # sound random numbers fail such a test with one seed in 10,000


def noise(count, classes=10, seed=0):
    """Random images of 6x6 and labels."""
    random = np.random.default_rng(seed)
    return (random.integers(0, 256, (count, 6, 6, 1), np.uint8),
            random.integers(0, classes, count))


def chosen(pairs):
    return pairs.choose(np.arange(len(pairs)))


def flat(shifts, reach):
    """Shifts [n, 2] as one number each, from 0 on."""
    rows, columns = (shifts + reach).T
    return rows * (2 * reach + 1) + columns


@pytest.mark.parametrize("num_pairs", [1, 20])
def test_each_image_is_a_base_num_pairs_times_with_partners_of_other_classes(num_pairs):
    images, labels = noise(300)
    choice = chosen(Pairs(images, labels, num_pairs, 2))
    assert set(collections.Counter(choice.bases.tolist()).items()) == {
        (base, num_pairs) for base in range(300)}
    assert (labels[choice.bases] != labels[choice.partners]).all()
    assert len(set(zip(*choice[:2]))) == 300 * num_pairs      # without replacement


def test_all_candidates_are_taken_where_num_pairs_is_their_number():
    images, labels = noise(40, classes=1)
    labels[:20] = 1
    choice = chosen(Pairs(images, labels, 20, 0))
    assert len(set(zip(*choice[:2]))) == 40 * 20


def test_partners_come_again_only_where_there_are_too_few():
    images, labels = noise(30, classes=1)
    labels[:25] = 3                     # 5 candidates for these, 25 for the others
    choice = chosen(Pairs(images, labels, 20, 1))
    assert (labels[choice.bases] != labels[choice.partners]).all()
    for base in range(30):
        partners = choice.partners[choice.bases == base]
        assert len(partners) == 20
        assert (len(set(partners)) == 20) == (base >= 25)


def test_partners_are_uniform():
    images, labels = noise(200)
    for seed in range(3):
        choice = chosen(Pairs(images, labels, 40, 2, seed=seed))
        candidates = np.array([(labels != label).sum() for label in labels])
        # A partner of class c is drawn by each base of another class, 40 times in its candidates.
        expected = np.array([(40 / candidates[labels != label]).sum() for label in labels])
        counts = np.bincount(choice.partners, minlength=200)
        # Drawing without replacement keeps counts closer together: only too far is a fault.
        assert scipy.stats.chisquare(counts, expected, sum_check=False).pvalue > P


def test_shifts_are_uniform_one_a_base_and_one_a_partner():
    images, labels = noise(4000)
    reach, cells = 4, 81
    pairs = Pairs(images, labels, 5, reach)
    choice = chosen(pairs)
    base, partner = flat(choice.base_shifts, reach), flat(choice.partner_shifts, reach)
    _, first = np.unique(choice.bases, return_index=True)
    assert all((base[choice.bases == number] == base[at]).all()
               for number, at in enumerate(first[:200]))
    of_base = base[first]
    assert scipy.stats.chisquare(np.bincount(of_base, minlength=cells)).pvalue > P
    assert scipy.stats.chisquare(np.bincount(partner, minlength=cells)).pvalue > P
    together = np.bincount((base + partner) % cells, minlength=cells)
    assert scipy.stats.chisquare(together).pvalue > P


def test_bases_are_spread_over_the_order():
    images, labels = noise(1000)
    bases = Pairs(images, labels, 20, 2).choose(np.arange(20_000)).bases
    tenths = np.arange(20_000) // 2000
    counts = np.histogram2d(bases // 100, tenths, bins=(10, 10))[0].ravel()
    assert scipy.stats.chisquare(counts).pvalue > P


@pytest.mark.parametrize("shift, pad", [(2, 3), (3, 1), (0, 0)])
def test_images_are_shifted_and_merged(shift, pad):
    images, labels = noise(20)
    pairs = Pairs(images, labels, 3, shift, pad)
    choice = chosen(pairs)
    found_labels, found = pairs.make(np.arange(60))
    size = 6 + 2 * pad
    assert found.shape == (60, 3, size, size, 1) and found.dtype == np.uint8
    np.testing.assert_array_equal(found_labels[:, 0], labels[choice.bases])
    np.testing.assert_array_equal(found_labels[:, 1], labels[choice.partners])
    for number in range(60):
        base = moved(np.pad(images[choice.bases[number], ..., 0], pad),
                     *choice.base_shifts[number])
        partner = moved(np.pad(images[choice.partners[number], ..., 0], pad),
                        *choice.partner_shifts[number])
        np.testing.assert_array_equal(found[number, 0, ..., 0], base)
        np.testing.assert_array_equal(found[number, 1, ..., 0], partner)
        merged = np.minimum(base.astype(int) + partner, 255)
        np.testing.assert_array_equal(found[number, 2, ..., 0], merged)


def test_a_pair_depends_on_seed_and_number_alone():
    images, labels = noise(50)
    whole = Pairs(images, labels, 7, 2, seed=4).make(np.arange(350))
    part = Pairs(images, labels, 7, 2, seed=4).make(np.array([300, 8]))
    for all_of, some in zip(whole, part):
        np.testing.assert_array_equal(all_of[[300, 8]], some)
    other = chosen(Pairs(images, labels, 7, 2, seed=5))
    same = chosen(Pairs(images, labels, 7, 2, seed=4))
    assert all((one != two).mean() > 0.5 for one, two in zip(same, other))


def test_one_class_makes_no_pairs():
    with pytest.raises(DataError, match="2 or more classes, found 1"):
        Pairs(noise(5)[0], np.full(5, 7), 1, 0)
