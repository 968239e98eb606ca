import numpy as np
import pytest

import models
from input_data.dataset import DatasetInfo
from models.hparams import HParams
from training.monitoring.routing_maps import RoutingMaps, pictures, routing_maps, scale

INFO = DatasetInfo("wide", 20, 24, 1, 4, ())


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((2, 20, 24, 1), np.float32)


@pytest.mark.parametrize("leaky, even, precision", [
    ("false", 1 / 4, "float32"), ("true", 1 / 5, "float32"), ("false", 1 / 4, "bfloat16")])
def test_maps_are_those_of_the_networks_routing(images, leaky, even, precision):
    network = models.build("capsule", HParams().override(f"num_prime_capsules=3,leaky={leaky}"),
                           INFO, precision=precision)
    maps = routing_maps(network, images)
    assert maps.couplings.shape == (3, 2, 4, 3, 2, 4)       # 20 x 24 leaves 2 x 4 places
    assert maps.voter_lengths.shape == (2, 3, 2, 4)
    assert maps.even_share == pytest.approx(even)
    np.testing.assert_allclose(maps.lengths[-1], network({"images": images}).logits, atol=1e-6)
    totals = maps.shares().sum(axis=2)
    np.testing.assert_allclose(totals[0], 4 * even, rtol=1e-5)
    assert (totals < 1 + 1e-5).all() and maps.shares().shape == (3, 2, 4, 2, 4)


def test_convolutional_capsules_have_maps_too():
    network = models.build("deep", HParams(), DatasetInfo("wide", 26, 30, 1, 4, ()))
    images = np.random.default_rng(0).random((2, 26, 30, 1), np.float32)
    maps = routing_maps(network, images)
    assert maps.couplings.shape == (3, 2, 4, 8, 1, 3)
    capsules = network.encode(images)
    np.testing.assert_allclose(maps.voter_lengths[1, :, 0, 2],
                               np.linalg.norm(capsules[1, 0, 2], axis=-1), rtol=1e-5)
    np.testing.assert_allclose(maps.lengths[-1], network({"images": images}).logits, atol=1e-6)


@pytest.mark.parametrize("routing_type, iterations", [("max_min", 2), ("self_attention", 1)])
def test_other_routings_have_maps_and_pictures(images, routing_type, iterations):
    network = models.build("capsule", HParams().override(
        f"num_prime_capsules=3,routing=2,routing_type={routing_type}"), INFO)
    maps = routing_maps(network, images)
    assert maps.couplings.shape == (iterations, 2, 4, 3, 2, 4)
    assert np.isfinite(pictures(images, maps)).all()



def test_a_longer_capsules_share_weighs_more():
    couplings = np.array([[0.2, 0.8], [0.8, 0.2]])[None, None, :, :, None, None]
    lengths = np.array([0.3, 0.1])[None, :, None, None]
    shares = RoutingMaps(couplings, np.zeros([1, 1, 2]), lengths).shares()
    np.testing.assert_allclose(shares[0, 0, :, 0, 0], [0.35, 0.65])
    silent = RoutingMaps(couplings, np.zeros([1, 1, 2]), 0 * lengths).shares()
    assert np.isfinite(silent).all()


def test_pictures_show_more_in_red_and_less_in_blue(images):
    couplings = np.full([2, 2, 4, 3, 2, 4], 0.25)
    couplings[1, :, 0, :, 0, 3] = 0.4
    couplings[1, :, 1, :, 0, 3] = 0.1
    found = pictures(images, RoutingMaps(couplings, np.zeros([2, 2, 4]), np.ones([2, 3, 2, 4])))
    rows, columns = 2 * 12 + 2, 4 * 12 + 2      # of a cell: places enlarged to the image's size
    assert found.shape == (2, 2 * rows, 5 * columns, 3)
    assert found.min() >= 0 and found.max() <= 1
    red, blue, white = (found[0, rows, place * columns + 37] for place in (1, 2, 3))
    assert red[0] > 0.6 > red[2] and blue[2] > 0.6 > blue[0]
    np.testing.assert_array_equal(white, 1)
    np.testing.assert_array_equal(found[:, rows, columns], 1)


def test_one_outlier_leaves_the_others_their_colours():
    shares = np.random.default_rng(0).normal(0.1, 0.01, [10, 6, 6])
    others = scale(shares, 0.1)
    shares[2, 1, 0] = 0.9
    assert 0.02 < others <= scale(shares, 0.1) < 1.1 * others
    assert scale(np.full([3, 2], 0.1), 0.1) > 0


def test_even_shares_are_white(images):
    found = pictures(images, RoutingMaps(np.full([1, 2, 4, 3, 2, 4], 0.25), np.zeros([1, 2, 4]),
                                         np.zeros([2, 3, 2, 4])))
    assert np.isfinite(found).all()
