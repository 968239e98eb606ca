import os

import numpy as np
import pytest
import tensorflow as tf

import input_data
import models
from capsules import norm, oracle
from input_data.dataset import DatasetInfo
from input_data.pipeline import evaluation_batches
from models.hparams import HParams
from training.checkpoints import tf1_names
from training.checkpoints.read import StoredCheckpoint
from training.optimizer import make_optimizer
from training.step import loss_and_metrics, make_train_step

HPARAMS = HParams().override("num_prime_capsules=4")


def load(golden_dir, step, info):
    network = models.build("capsule", HPARAMS, info)
    optimizer = make_optimizer(network)
    stored = StoredCheckpoint(f"{golden_dir}/mnist_capsule_small/model.ckpt-{step}")
    stored.restore_network(network)
    stored.restore_optimizer(network, optimizer)
    return network, optimizer


@pytest.fixture(scope="module")
def expected(golden_dir):
    return np.load(os.path.join(golden_dir, "mnist_capsule_small", "expected.npz"))


def test_names():
    assert tf1_names.key("recons/recons_1/kernel") == "recons/recons_1/weights"
    assert tf1_names.key("conv1/bias", "velocity") == "conv1/biases/Adam_1"


def test_trained_checkpoint_gives_the_references_logits(golden_dir, whole_mnist_dir, expected):
    data = input_data.load("mnist", whole_mnist_dir, "test")
    network, optimizer = load(golden_dir, 200, data.info)
    assert int(optimizer.iterations) == 200
    batches = list(evaluation_batches(data, 100, 1000))
    inferred = [network(batch) for batch in batches]
    logits = np.concatenate([part.logits for part in inferred])
    np.testing.assert_allclose(logits, expected["logits"], atol=1e-4)
    np.testing.assert_allclose(inferred[0].reconstructions[:20, 0, ..., 0].numpy().reshape(20, 784),
                               expected["remake_1"], atol=1e-4)
    outcome = loss_and_metrics(HPARAMS, batches[0], inferred[0])
    np.testing.assert_allclose(tf.reduce_mean(outcome.total_loss),
                               expected["first_batch_loss"], rtol=1e-4)


def test_five_training_steps_are_the_references(golden_dir, whole_mnist_dir, expected):
    train = input_data.load("mnist", whole_mnist_dir, "train")
    network, optimizer = load(golden_dir, 0, train.info)
    step = make_train_step(network, optimizer)
    paths = network.variable_paths()
    for k in range(5):
        stored = train.read(np.arange(32 * k, 32 * k + 32))
        images = tf.cast(stored["images"], tf.float32) / 255      # unshifted
        batch = {"images": images, "targets": tf.constant(stored["targets"]),
                 "target_images": images[:, tf.newaxis]}
        if k == 0:
            with tf.GradientTape() as tape:
                outcome = loss_and_metrics(HPARAMS, batch, network(batch))
                loss = tf.reduce_mean(outcome.total_loss)
            for path, gradient in zip(paths, tape.gradient(loss, network.trainable_variables)):
                found = tf.reshape(gradient, [-1])
                name = tf1_names.key(path)
                np.testing.assert_allclose(norm(found), expected[f"grad0_norm/{name}"][0],
                                           rtol=1e-4)
        outcome = step(batch, tf.constant(32.0))
        np.testing.assert_allclose(outcome.total_loss / 32, expected[f"loss_{k}"], rtol=1e-4)
        assert outcome.correct == expected[f"correct_{k}"]
        if k + 1 in (1, 5):
            for path, variable in paths.items():
                found = variable.numpy().ravel()
                wanted = expected[f"after_step_{k + 1}/{tf1_names.key(path)}"]
                np.testing.assert_allclose(np.linalg.norm(found), wanted[0], rtol=1e-4)
                np.testing.assert_allclose([found[0], found[-1]], wanted[2:], atol=1e-4)


def write_checkpoint(path, tensors):
    """Writes arrays under their names, as TensorFlow 1 did."""
    tf.raw_ops.SaveV2(prefix=path, tensor_names=list(tensors),
                      shape_and_slices=[""] * len(tensors), tensors=list(tensors.values()))


def random_tensors(shapes, slots=False, seed=0):
    """Arrays of some shapes, and of Adam's slots, by the reference's names."""
    rng = np.random.default_rng(seed)
    tensors = {"global_step": np.float32(123)}
    for name, shape in shapes.items():
        # Small enough that capsules, and logits, are neither all 0 nor all 1.
        scale = 1 if name == "conv_capsule1/weights" else 0.05
        tensors[name] = rng.normal(scale=scale, size=shape).astype(np.float32)
        if slots:
            tensors[name + "/Adam"] = np.full(shape, 0.5, np.float32)
            tensors[name + "/Adam_1"] = np.full(shape, 0.25, np.float32)
    return tensors


def capsule_shapes(info, primary, in_caps, remake):
    shapes = {"conv1/weights": (9, 9, info.depth, 256), "conv1/biases": (256,),
              "conv_capsule1/weights": (9, 9, 256, primary * 8),
              "conv_capsule1/biases": (primary, 8, 1, 1),
              "capsule2/weights": (in_caps, 8, 160), "capsule2/biases": (10, 16)}
    sizes = [160, 512, 1024, info.height * info.width * info.depth]
    for number in (1, 2, 3) if remake else ():
        shapes[f"recons/recons_{number}/weights"] = sizes[number - 1], sizes[number]
        shapes[f"recons/recons_{number}/biases"] = (sizes[number],)
    return shapes


def baseline_shapes(info, flat):
    return {"conv1/weights": (5, 5, info.depth, 512), "conv1/biases": (512,),
            "conv2/weights": (5, 5, 512, 256), "conv2/biases": (256,),
            "fc1/weights": (flat, 1024), "fc1/biases": (1024,),
            "softmax_layer/weights": (1024, 10), "softmax_layer/biases": (10,)}


def random_batch(info):
    rng = np.random.default_rng(1)
    targets = np.stack([rng.permutation(10)[:info.num_targets] for _ in range(3)])
    return {"images": rng.random((3, info.height, info.width, info.depth)),
            "targets": targets.astype(np.int32)}


def infer(path, model, hparams, info, batch, **options):
    network = models.build(model, hparams, info, **options)
    StoredCheckpoint(path).restore_network(network)
    return network({"images": tf.constant(batch["images"], tf.float32),
                    "targets": tf.constant(batch["targets"])})


@pytest.mark.parametrize("convolution", ["direct", "spectral"])
@pytest.mark.parametrize("leaky", [False, True])
@pytest.mark.parametrize("padding, in_caps", [("VALID", 2 * 2 * 3), ("SAME", 2 * 10 * 11)])
@pytest.mark.parametrize("remake, num_targets, depth", [
    (True, 1, 1), (True, 2, 3), (False, 1, 3)])
def test_capsule_networks_equal_numpy(tmp_path, convolution, leaky, padding, in_caps, remake,
                                      num_targets, depth):
    info = DatasetInfo("random", 20, 22, depth, 10, (), num_targets)
    tensors = random_tensors(capsule_shapes(info, 2, in_caps, remake))
    path, batch = str(tmp_path / "model.ckpt-123"), random_batch(info)
    write_checkpoint(path, tensors)
    hparams = HParams(num_prime_capsules=2, leaky=leaky, padding=padding, remake=remake)
    found = infer(path, "capsule", hparams, info, batch, convolution=convolution)

    wide = {name: value.astype(np.float64) for name, value in tensors.items()}
    features = oracle.convolution(batch["images"], wide["conv1/weights"], 1, padding.lower())
    features = np.maximum(features + wide["conv1/biases"], 0)
    primary = oracle.primary_capsules(
        features, wide["conv_capsule1/weights"], wide["conv_capsule1/biases"][..., 0, 0], 2,
        padding.lower(), leaky)
    expected = oracle.class_capsules(primary, wide["capsule2/weights"], wide["capsule2/biases"],
                                     3, leaky)
    np.testing.assert_allclose(found.capsules, expected, atol=2e-5)
    np.testing.assert_allclose(found.logits, np.linalg.norm(expected, axis=-1), atol=2e-5)
    if not remake:
        assert found.reconstructions is None
        return
    dense = [(wide[f"recons/recons_{number}/weights"], wide[f"recons/recons_{number}/biases"])
             for number in (1, 2, 3)]
    reconstructions = oracle.decoder(expected, batch["targets"], dense, (20, 22, depth))
    np.testing.assert_allclose(found.reconstructions, reconstructions, atol=2e-5)


def pooled(images):
    """The largest of 2x2 pixels, a last odd row or column by itself."""
    batch, height, width, depth = images.shape
    wide = np.pad(images, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)),
                  constant_values=-np.inf)
    return wide.reshape(batch, -(-height // 2), 2, -(-width // 2), 2, depth).max(axis=(2, 4))


@pytest.mark.parametrize("convolution", ["direct", "spectral"])
@pytest.mark.parametrize("padding, flat", [("VALID", 2 * 1 * 256), ("SAME", 5 * 4 * 256)])
@pytest.mark.parametrize("depth", [1, 3])
def test_baselines_equal_numpy(tmp_path, convolution, padding, flat, depth):
    info = DatasetInfo("random", 17, 16, depth, 10, ())
    tensors = random_tensors(baseline_shapes(info, flat))
    path, batch = str(tmp_path / "model.ckpt-123"), random_batch(info)
    write_checkpoint(path, tensors)
    found = infer(path, "baseline", HParams(padding=padding), info, batch,
                  convolution=convolution)

    outputs = batch["images"]
    for name in ("conv1", "conv2"):
        outputs = oracle.convolution(outputs, tensors[f"{name}/weights"].astype(np.float64), 1,
                                     padding.lower())
        outputs = pooled(np.maximum(outputs + tensors[f"{name}/biases"], 0))
    flat_outputs = outputs.transpose(0, 3, 1, 2).reshape(3, -1)
    hidden = np.maximum(flat_outputs @ tensors["fc1/weights"] + tensors["fc1/biases"], 0)
    logits = hidden @ tensors["softmax_layer/weights"] + tensors["softmax_layer/biases"]
    np.testing.assert_allclose(found.logits, logits, rtol=1e-4, atol=1e-4 * np.abs(logits).max())


@pytest.mark.parametrize("slots", [True, False])
@pytest.mark.parametrize("model", ["capsule", "baseline"])
def test_slots_and_step_are_read_where_they_are(tmp_path, model, slots):
    info = DatasetInfo("random", 20, 22, 1, 10, ())
    shapes = {"capsule": capsule_shapes(info, 2, 12, remake=True),
              "baseline": baseline_shapes(info, 2 * 3 * 256)}[model]
    path = str(tmp_path / "model.ckpt-123")
    write_checkpoint(path, random_tensors(shapes, slots))
    network = models.build(model, HParams(num_prime_capsules=2), info)
    optimizer = make_optimizer(network)
    stored = StoredCheckpoint(path)
    stored.restore_network(network)
    stored.restore_optimizer(network, optimizer)
    assert stored.step == int(optimizer.iterations) == 123
    assert int(optimizer.moments_from) == (0 if slots else 123)
    for variable in optimizer.variables[1:]:
        expected = 0.5 if variable.path.endswith("momentum") else 0.25
        assert (variable.numpy() == (expected if slots else 0)).all()


def test_moments_of_an_adam_that_starts_afresh_count_from_its_step(tmp_path):
    info = DatasetInfo("random", 20, 22, 1, 10, ())
    path = str(tmp_path / "model.ckpt-123")
    shapes = capsule_shapes(info, 2, 12, remake=False)
    write_checkpoint(path, {**random_tensors(shapes, slots=True), **tf1_names.POWERS})
    network = models.build("capsule", HParams(num_prime_capsules=2, remake=False), info)
    optimizer = make_optimizer(network)
    StoredCheckpoint(path).restore_optimizer(network, optimizer)
    assert int(optimizer.moments_from) == 123
