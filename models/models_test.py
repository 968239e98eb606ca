import os
import subprocess
import sys
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

import models
from capsules.convolution.spectral import Spectral
from conftest import ROOT
from models.capsule_model import CapsuleModel
from models.efficient_model import EfficientModel
from models.hparams import HParams, HParamsError, parse_overrides
from models.network import Network


def info(height=28, width=28, depth=1, num_classes=10, num_targets=1):
    return types.SimpleNamespace(height=height, width=width, depth=depth,
                                 num_classes=num_classes, num_targets=num_targets)


def random_batch(shapes, batch=3, seed=0):
    rng = np.random.default_rng(seed)
    size = (shapes.height, shapes.width, shapes.depth)
    targets = np.stack([rng.permutation(shapes.num_classes)[:shapes.num_targets]
                        for _ in range(batch)])
    return {"images": tf.constant(rng.random((batch, *size)), tf.float32),
            "targets": tf.constant(targets, tf.int32)}


SMALL = "num_prime_capsules=3"


@pytest.mark.parametrize("name", models.NETWORKS)
@pytest.mark.parametrize("shapes, overrides", [
    (info(), SMALL),
    (info(24, 24, 3), SMALL + ",padding=SAME,leaky=true,remake=false"),
    (info(36, 36, 1, num_targets=2), SMALL),
    (info(32, 30, 2, num_classes=5), SMALL + ",routing=1"),
])
def test_networks_keep_the_contract(name, shapes, overrides):
    if shapes.num_targets > (models.network_class(name).most_targets or 2):
        shapes = info(36, 36, 1)
    if name == "efficient" and shapes.height < 27:
        shapes = info(27, 30, 3)
    network = models.build(name, models.default_hparams(name).override(overrides), shapes)
    inferred = network(random_batch(shapes))
    assert inferred.logits.shape == (3, shapes.num_classes)
    assert inferred.logits.dtype == tf.float32
    if not issubclass(models.network_class(name), (CapsuleModel, EfficientModel)):
        assert inferred.capsules is None and inferred.reconstructions is None
        return
    assert inferred.capsules.shape == (3, shapes.num_classes, 16)
    epsilon = 1e-7 if name == "efficient" else 0
    np.testing.assert_allclose(
        inferred.logits**2, np.sum(np.square(inferred.capsules), axis=-1) + epsilon, rtol=2e-5)
    if network.hparams.remake:
        assert inferred.reconstructions.shape == (
            3, shapes.num_targets, shapes.height, shapes.width, shapes.depth)
    else:
        assert inferred.reconstructions is None


READ_BACK = """
import sys
import keras, numpy as np
import models.capsule_model, models.conv_model, models.deep_model, models.efficient_model
import models.simple_models
for name in sys.argv[1:]:
    network = keras.models.load_model(f"{name}.keras")
    batch = dict(np.load(f"{name}.npz"))
    found = [part for part in network(batch) if part is not None]
    np.savez(f"{name}_found.npz", *found, hparams=network.hparams.to_json())
"""


def test_networks_come_back_from_a_keras_file_in_a_fresh_process(tmp_path):
    expected = {}
    for name in models.NETWORKS:
        shapes = info(num_targets=models.network_class(name).most_targets or 2)
        network = models.build(name, models.default_hparams(name).override(SMALL), shapes)
        network.save(tmp_path / f"{name}.keras")
        batch = random_batch(shapes)
        np.savez(tmp_path / f"{name}.npz", **{key: array.numpy() for key, array in batch.items()})
        expected[name] = network(batch), network.hparams
    subprocess.run([sys.executable, "-c", READ_BACK, *models.NETWORKS], cwd=tmp_path, check=True,
                   env={**os.environ, "PYTHONPATH": ROOT}, capture_output=True)
    for name, (inferred, hparams) in expected.items():
        found = np.load(tmp_path / f"{name}_found.npz")
        assert HParams.from_json(str(found["hparams"]), name) == hparams
        for number, part in enumerate(part for part in inferred if part is not None):
            np.testing.assert_array_equal(found[f"arr_{number}"], part)


@pytest.mark.parametrize("name, expected", [
    ("capsule", {"conv1/kernel": (9, 9, 1, 256), "conv1/bias": (256,),
                 "conv_capsule1/kernel": (9, 9, 256, 256), "conv_capsule1/bias": (32, 8),
                 "capsule2/kernel": (1152, 8, 160), "capsule2/bias": (10, 16),
                 "recons/recons_1/kernel": (160, 512), "recons/recons_1/bias": (512,),
                 "recons/recons_2/kernel": (512, 1024), "recons/recons_2/bias": (1024,),
                 "recons/recons_3/kernel": (1024, 784), "recons/recons_3/bias": (784,)}),
    ("baseline", {"conv1/kernel": (5, 5, 1, 512), "conv1/bias": (512,),
                  "conv2/kernel": (5, 5, 512, 256), "conv2/bias": (256,),
                  "fc1/kernel": (4096, 1024), "fc1/bias": (1024,),
                  "softmax_layer/kernel": (1024, 10), "softmax_layer/bias": (10,)}),
])
def test_variables_are_those_of_the_paper(name, expected):
    network = models.build(name, HParams(), info())
    paths = network.variable_paths()
    assert {path: tuple(variable.shape) for path, variable in paths.items()} == expected
    for path, variable in paths.items():
        values = variable.numpy()
        if path.endswith("bias"):
            np.testing.assert_array_equal(values, np.float32(0.1))
            continue
        stddev = 0.05 if path.startswith(("conv1", "conv2")) else 0.1
        assert np.abs(values).max() <= 2 * stddev
        # Cutting a normal distribution at two deviations leaves 0.88 of its deviation.
        assert values.std() == pytest.approx(0.88 * stddev, rel=0.02)


def test_new_convolutional_capsules_tell_images_apart():
    keras.utils.set_random_seed(0)
    network = models.build("deep", HParams(), info())
    shapes = {path: tuple(variable.shape) for path, variable in network.variable_paths().items()}
    assert shapes["conv_capsule1/kernel"] == (9, 9, 64, 64)
    for name in ("conv_capsule2", "conv_capsule3"):
        assert (shapes[f"{name}/kernel"], shapes[f"{name}/bias"]) == ((3, 3, 8, 64), (8, 8))
    assert shapes["capsule2/kernel"] == (2 * 2 * 8, 8, 160)
    capsules = network.encode(random_batch(info())["images"])
    # With kernels of the default deviation, it is 0.0001 to 0.0002.
    assert np.std(capsules, axis=0).mean() > 0.001


def test_unknown_targets_are_the_longest_capsules():
    shapes = info(num_targets=2)
    network = models.build("capsule", HParams().override(SMALL), shapes)
    images = random_batch(shapes)["images"]
    found = network({"images": images})
    longest = tf.math.top_k(found.logits, 2).indices
    named = network({"images": images, "targets": longest})
    np.testing.assert_array_equal(found.reconstructions, named.reconstructions)


def test_kernels_are_transformed_once_where_they_are_cached(monkeypatch):
    transformed = []
    transform = Spectral.transform_kernel
    monkeypatch.setattr(Spectral, "transform_kernel", lambda plan, kernel:
                        transformed.append(kernel.shape) or transform(plan, kernel))
    network = models.build("capsule", HParams().override(SMALL), info(), "spectral")
    batch = random_batch(info())
    with network.cache_kernels():
        for _ in range(3):
            network(batch)
    assert transformed == [(9, 9, 1, 256), (9, 9, 256, 24)]
    network(batch)
    assert len(transformed) == 4


@pytest.mark.parametrize("decorate", [lambda function: function, tf.function])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_networks_train_with_their_real_kernels_after_an_evaluation(decorate, precision, tmp_path):
    batch = random_batch(info())
    evaluated, never = (models.build("capsule", HParams().override(SMALL), info(), "spectral",
                                     precision) for _ in range(2))
    never.set_weights(evaluated.get_weights())

    def functions(network):
        optimizer = keras.optimizers.SGD(10.0)
        infer = decorate(lambda batch: network(batch).logits)

        def train(batch):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(infer(batch)[:, 0])
            gradients = tape.gradient(loss, network.variables[:6])
            optimizer.apply(gradients, network.variables[:6])
            return gradients

        return infer, decorate(train)

    infer, train = functions(evaluated)
    infer_uncached, train_alone = functions(never)
    for _ in range(3):
        with evaluated.cache_kernels():
            cached = infer(batch)
        np.testing.assert_allclose(cached, infer_uncached(batch), rtol=1e-5)
        for gradient, expected in zip(train(batch), train_alone(batch)):
            assert np.any(expected)
            np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-7)
    evaluated.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    for variable, expected in zip(loaded.variables, never.variables, strict=True):
        np.testing.assert_allclose(variable, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name, expected", [
    ("mlp", {"hidden/kernel": (784, 50), "hidden/bias": (50,),
             "softmax_layer/kernel": (50, 10), "softmax_layer/bias": (10,)}),
    ("cnn", {"conv1/kernel": (5, 5, 1, 25), "conv1/bias": (25,),
             "conv2/kernel": (5, 5, 25, 25), "conv2/bias": (25,),
             "conv3/kernel": (4, 4, 25, 25), "conv3/bias": (25,),
             "fc1/kernel": (25, 50), "fc1/bias": (50,),
             "softmax_layer/kernel": (50, 10), "softmax_layer/bias": (10,)}),
])
def test_variables_of_simple_networks_start_as_in_keras(name, expected):
    network = models.build(name, models.default_hparams(name), info())
    paths = network.variable_paths()
    assert {path: tuple(variable.shape) for path, variable in paths.items()} == expected
    for path, variable in paths.items():
        *patch, inputs, outputs = variable.shape if path.endswith("kernel") else (0, 0)
        taps = np.prod(patch, dtype=int)
        limit = np.sqrt(6 / (taps * (inputs + outputs))) if inputs else 0
        values = np.abs(variable.numpy())
        assert values.max() <= limit and values.mean() == pytest.approx(limit / 2, rel=0.15)


def test_simple_networks_are_their_equations():
    batch = random_batch(info())
    images = batch["images"].numpy().astype(np.float64)
    network = models.build("mlp", models.default_hparams("mlp"), info())
    kernel, bias, last, last_bias = (value.numpy() for value in network.variables)
    hidden = np.maximum(images.reshape(3, -1) @ kernel + bias, 0)
    np.testing.assert_allclose(network(batch).logits, hidden @ last + last_bias, atol=1e-5)

    network = models.build("cnn", models.default_hparams("cnn"), info())
    outputs = images
    *convolutions, hidden, last = np.split(np.array(network.variables, object), 5)
    for (kernel, bias), pooled in zip(convolutions, (True, True, False)):
        patches = np.lib.stride_tricks.sliding_window_view(outputs, kernel.shape[:2], (1, 2))
        outputs = np.maximum(np.einsum("nrcihw,hwio->nrco", patches, kernel.numpy())
                             + bias.numpy(), 0)
        if pooled:
            rows, columns = outputs.shape[1] // 2, outputs.shape[2] // 2
            outputs = outputs.reshape(3, rows, 2, columns, 2, -1).max(axis=(2, 4))
    outputs = np.maximum(outputs.reshape(3, 25) @ hidden[0].numpy() + hidden[1].numpy(), 0)
    np.testing.assert_allclose(network(batch).logits, outputs @ last[0].numpy()
                               + last[1].numpy(), atol=1e-5)


def test_simple_networks_default_to_the_softmax_loss():
    for name in models.NETWORKS:
        expected = "softmax" if name in ("mlp", "cnn") else "margin"
        assert models.default_hparams(name).loss_type == expected


@pytest.mark.parametrize("name, overrides, unused", [
    ("capsule", "routing=1,leaky=true,loss_scale=paper,learning_rate=0.1", []),
    ("capsule", "schedule=cosine,decay_rate=0.5,decay_steps=9", ["decay_rate"]),
    ("capsule", "loss_type=softmax,loss_scale=paper", ["loss_scale"]),
    ("capsule", "routing_type=max_min,leaky=true,routing=2", ["leaky"]),
    ("deep", "routing_type=self_attention,leaky=true,routing=2", ["leaky", "routing"]),
    ("deep", "routing=1,leaky=true,padding=SAME,num_prime_capsules=4", ["num_prime_capsules"]),
    ("efficient", "routing=1,remake=false,padding=SAME", ["padding", "routing"]),
    ("baseline", "routing=1,padding=SAME,loss_scale=paper", ["routing"]),
    ("mlp", "routing=1,padding=SAME,loss_scale=paper,verbose=true",
     ["loss_scale", "padding", "routing"]),
    ("mlp", "loss_type=margin,loss_scale=paper", []),
    ("cnn", "padding=SAME,remake=false", ["remake"]),
])
def test_networks_say_which_hyperparameters_they_do_not_use(name, overrides, unused):
    hparams = models.default_hparams(name).override(overrides)
    assert models.network_class(name).unused(parse_overrides(overrides), hparams) == unused


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_two_targets_are_an_error_where_one_is_expected(name):
    with pytest.raises(HParamsError, match=f"{name} takes images of 1 target, found 2"):
        models.build(name, HParams(), info(36, 36, num_targets=2))


@pytest.mark.parametrize("name, size", [
    ("capsule", 8), ("deep", 24), ("baseline", 8), ("cnn", 8), ("cnn", 27)])
def test_images_too_small_for_the_network_are_an_error(name, size):
    with pytest.raises(HParamsError, match=rf"{size}x{size}.*padding"):
        models.build(name, HParams(), info(size, size))


def test_padding_is_advice_only_where_it_helps():
    for name, padding, size, told in [
            ("deep", "SAME", 8, r"network with padding=SAME: expected 9x9 or more\.$"),
            ("deep", "VALID", 8, r"expected 25x25 or more\.$"),
            ("efficient", "VALID", 24, r"too small for this network: expected 27x27 or more\.$")]:
        with pytest.raises(HParamsError, match=told):
            models.build(name, HParams(padding=padding), info(size, 30))
    models.build("deep", HParams(padding="SAME"), info(9, 20))      # is large enough


def test_every_dropout_has_a_state_of_its_own_in_checkpoints():
    class Dropped(Network):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.dropouts = [keras.layers.Dropout(0.5) for _ in range(2)]

    paths = Dropped(HParams(), (28, 28, 1), 10).variable_paths()
    assert list(paths) == ["seed_generator_state_1", "seed_generator_state_2"]
