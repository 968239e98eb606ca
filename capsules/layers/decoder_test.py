import keras
import numpy as np
import pytest
import tensorflow as tf

from capsules import ClassCapsules, Decoder, DynamicRouting, PrimaryCapsules, oracle
from capsules.conftest import (
    HALF_PRECISION,
    assert_finite,
    assert_near,
    randomize,
    value_and_gradients,
)

# capsules' shape, num_targets, image_shape, units
SIZES = [((3, 10, 16), 1, (6, 5, 1), (12, 20)), ((2, 4, 3), 2, (3, 4, 3), (7,)),
         ((1, 2, 1), 2, (1, 1, 2), (4, 3, 2))]


def random_capsules(shape=(3, 10, 16), seed=1):
    return np.random.default_rng(seed).normal(scale=0.3, size=shape).astype(np.float32)


def random_targets(shape, num_targets, seed=2):
    random = np.random.default_rng(seed)
    return np.array([random.permutation(shape[1])[:num_targets] for _ in range(shape[0])])


def weights_of(layer):
    weights = layer.get_weights()
    return list(zip(weights[::2], weights[1::2]))


@pytest.mark.parametrize("shape, num_targets, image_shape, units", SIZES)
def test_layer_follows_the_equations(shape, num_targets, image_shape, units):
    layer = Decoder(image_shape, units=units)
    layer.build(shape)
    randomize(layer)
    capsules, targets = random_capsules(shape), random_targets(shape, num_targets)
    output = layer(capsules, tf.constant(targets))
    assert output.shape == layer.compute_output_shape(shape, targets.shape)
    assert output.shape == (shape[0], num_targets, *image_shape)
    assert_near(output, oracle.decoder(capsules, targets, weights_of(layer), image_shape))


@pytest.mark.parametrize("num_targets", [1, 3])
def test_longest_capsules_stand_in_for_targets(num_targets):
    layer = Decoder((4, 3, 2), num_targets, units=(8,))
    capsules = random_capsules()
    longest = np.argsort(-np.linalg.norm(capsules, axis=-1), axis=-1)[:, :num_targets]
    received = layer(capsules)
    assert received.shape == layer.compute_output_shape(capsules.shape)
    assert_near(received, oracle.decoder(capsules, longest, weights_of(layer), (4, 3, 2)))


@pytest.mark.parametrize("shape, num_targets, image_shape, units", SIZES)
def test_zero_has_finite_value_and_gradients(shape, num_targets, image_shape, units):
    layer = Decoder(image_shape, num_targets, units)
    layer.build(shape)
    targets = tf.constant(random_targets(shape, num_targets))
    for _ in range(2):
        for arguments in ((tf.zeros(shape),), (tf.zeros(shape), targets)):
            output, gradients = value_and_gradients(layer, *arguments)
            assert_finite([output, *gradients])
        randomize(layer, scale=0)
    np.testing.assert_array_equal(output, 0.5)


def test_masked_capsules_get_no_gradient():
    layer = Decoder((4, 3, 2), units=(8,))
    _, gradients = value_and_gradients(layer, random_capsules((1, 5, 4)), tf.constant([[3]]))
    reached = np.abs(gradients[0][0]).sum(axis=-1) > 0
    np.testing.assert_array_equal(reached, [False, False, False, True, False])


def test_new_weights_are_as_in_the_paper():
    layer = Decoder((28, 28, 1))
    layer.build((None, 10, 16))
    shapes = [(160, 512), (512, 1024), (1024, 784)]
    for (kernel, bias), shape in zip(weights_of(layer), shapes, strict=True):
        # Truncation at two deviations leaves 0.88 of the nominal standard deviation of 0.1.
        assert kernel.shape == shape and 0.085 < kernel.std() < 0.09
        np.testing.assert_array_equal(bias, np.full(shape[1:], 0.1, np.float32))


def test_eager_equals_graph():
    layer = Decoder((4, 3, 2), num_targets=2, units=(8,))
    capsules, targets = random_capsules(), tf.constant(random_targets((3, 10), 2))
    graph = tf.function(layer)
    assert_near(graph(capsules), layer(capsules), 1e-6)
    assert_near(graph(capsules, targets), layer(capsules, targets), 1e-6)


@pytest.mark.parametrize("policy, tolerance", HALF_PRECISION)
def test_half_precision_is_near_float32(policy, tolerance):
    exact = Decoder((4, 3, 2), units=(8, 9))
    mixed = Decoder((4, 3, 2), units=(8, 9), dtype=policy)
    capsules, targets = random_capsules(), tf.constant(random_targets((3, 10), 2))
    expected = exact(capsules, targets)
    mixed.build(capsules.shape)
    mixed.set_weights(exact.get_weights())
    received, gradients = value_and_gradients(mixed, capsules, targets)
    assert received.dtype == mixed.compute_dtype
    assert {weight.dtype for weight in mixed.weights} == {"float32"}
    assert_near(tf.cast(received, tf.float32), expected, tolerance)
    assert_finite(gradients)
    assert_finite(value_and_gradients(mixed, tf.zeros_like(capsules))[1])


def test_model_of_it_without_targets_survives_saving(reloaded):
    symbolic = keras.Input([10, 16])
    model = keras.Model(symbolic, Decoder((4, 3, 2), num_targets=2, units=(8,))(symbolic))
    assert model.output_shape == (None, 2, 4, 3, 2)
    capsules = random_capsules()
    np.testing.assert_array_equal(reloaded(model)(capsules), model(capsules))


def test_model_of_it_with_targets_survives_saving(reloaded):
    symbolic = [keras.Input([10, 16]), keras.Input([2], dtype="int32")]
    model = keras.Model(symbolic, Decoder((4, 3, 2), units=(8,))(*symbolic))
    assert model.output_shape == (None, 2, 4, 3, 2)
    batch = [random_capsules(), random_targets((3, 10), 2).astype(np.int32)]
    np.testing.assert_array_equal(reloaded(model)(batch), model(batch))


def test_configuration_makes_the_same_layer():
    config = Decoder((4, 3, 2), num_targets=2, units=(8, 9), name="remake").get_config()
    copy = Decoder.from_config(config)
    assert copy.get_config() == config
    assert (copy.image_shape, copy.num_targets, copy.units) == ((4, 3, 2), 2, (8, 9))


@pytest.mark.parametrize("leaky", [False, True])
@pytest.mark.parametrize("bias", [0.0, 0.1])
def test_black_images_have_finite_gradients_through_all_layers(bias, leaky):
    network = keras.Sequential([
        PrimaryCapsules(4, atoms=3, kernel_size=5, leaky=leaky),
        ClassCapsules(5, atoms=4, routing=DynamicRouting(leaky=leaky)),
        Decoder((13, 11, 1), units=(8, 9))])
    network.build((None, 13, 11, 1))
    for weight in network.weights:
        if "bias" in weight.name:
            weight.assign(tf.fill(weight.shape, bias))
    output, gradients = value_and_gradients(network, tf.zeros([2, 13, 11, 1]))
    assert output.shape == (2, 1, 13, 11, 1)
    assert_finite([output, *gradients])
