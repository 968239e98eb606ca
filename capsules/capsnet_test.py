import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from capsules import CapsNet, ConvCapsules, margin_loss, norm, oracle, reconstruction_loss
from conftest import ROOT

SHAPE = (8, 8, 2)
LENGTHS_OF_A_SAVED_ONE = """
import sys
import keras, numpy as np
import capsules
folder = sys.argv[1]
images = np.load(folder + "/images.npy")
np.save(folder + "/lengths.npy", keras.models.load_model(folder + "/m.keras").predict(images))
"""


def small(**arguments):
    keras.utils.set_random_seed(0)
    return CapsNet(**{"image_shape": SHAPE, "num_classes": 4, "primary_types": 1, "atoms": 6,
                      "padding": "same", "routing": 2, **arguments})


@pytest.fixture(scope="module")
def data():
    """Images of which a bright quarter tells the class, and labels."""
    rng = np.random.default_rng(0)
    labels = np.arange(48) % 4
    images = rng.random((48, *SHAPE)) * 0.3
    for image, label in zip(images, labels):
        row, column = divmod(label, 2)
        image[4 * row:4 * row + 4, 4 * column:4 * column + 4] += 0.7
    return images.astype(np.float32), labels


def test_lengths_and_reconstructions_follow_the_papers_equations(data):
    images = data[0][:3]
    model = small()
    weights = {variable.path.partition("/")[2]: np.asarray(variable, np.float64)
               for variable in model.variables}
    features = np.maximum(oracle.convolution(images, weights["conv1/kernel"], 1, "same")
                          + weights["conv1/bias"], 0)
    primary = oracle.primary_capsules(features, weights["conv_capsule1/kernel"],
                                      weights["conv_capsule1/bias"], 2, "same", False)
    capsules = oracle.class_capsules(primary, weights["capsule2/kernel"],
                                     weights["capsule2/bias"], 2, False)
    np.testing.assert_allclose(model(images), np.linalg.norm(capsules, axis=-1), atol=1e-5)
    dense = [(weights[f"recons/recons_{number}/kernel"], weights[f"recons/recons_{number}/bias"])
             for number in (1, 2, 3)]
    targets = np.array([[1], [0], [3]])
    np.testing.assert_allclose(model.reconstruct(images, targets, batch_size=2),
                               oracle.decoder(capsules, targets, dense, SHAPE), atol=1e-5)


def test_the_loss_is_the_papers(data):
    images, labels = data
    model = small()
    model.compile()
    hot = np.eye(4, dtype=np.float32)[labels]
    margin = 2 * tf.reduce_sum(margin_loss(hot, model(images)), axis=-1)
    again = reconstruction_loss(images[:, None], model.reconstruct(images, labels[:, None]))
    found = model.evaluate(images, labels, batch_size=20, verbose=0, return_dict=True)
    assert found["classification_loss"] == pytest.approx(np.mean(margin), rel=1e-5)
    assert found["reconstruction_loss"] == pytest.approx(np.mean(again), rel=1e-5)
    assert found["loss"] == pytest.approx(np.mean(margin + again), rel=1e-5)


def test_it_learns_and_shows_accuracy_and_both_losses(data):
    model = small()
    model.compile(keras.optimizers.Adam(0.003))
    history = model.fit(*data, batch_size=12, epochs=12, verbose=0, validation_data=data,
                        class_weight={0: 1.0, 1: 2.0, 2: 1.0, 3: 1.0},
                        callbacks=[keras.callbacks.EarlyStopping("val_loss", patience=20)])
    names = {"loss", "accuracy", "classification_loss", "reconstruction_loss"}
    assert set(history.history) == names | {f"val_{name}" for name in names}
    assert history.history["loss"][-1] < history.history["loss"][0] / 2
    assert model.evaluate(*data, verbose=0, return_dict=True)["accuracy"] == 1
    assert (model.predict(data[0], verbose=0).argmax(axis=-1) == data[1]).all()


@pytest.mark.parametrize("form", [lambda ids: ids[:, None], lambda ids: np.eye(4)[ids],
                                  lambda ids: np.eye(4, dtype=bool)[ids]])
def test_all_forms_of_labels_train_alike(data, form):
    losses = []
    for labels in (data[1], form(data[1])):
        model = small(routing=1)
        model.compile("sgd")
        losses.append(model.fit(data[0], labels, shuffle=False, verbose=0).history["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_pairs_train_with_what_each_target_looks_like(data):
    images, labels = data
    model = small(num_targets=2)
    model.compile()
    batches = tf.data.Dataset.from_tensor_slices(
        (np.maximum(images[:-1], images[1:]),
         {"labels": np.stack([labels[:-1], labels[1:]], axis=1),
          "target_images": np.stack([images[:-1], images[1:]], axis=1)})).batch(10)
    history = model.fit(batches, epochs=3, shuffle=False, verbose=0).history
    assert history["reconstruction_loss"][-1] < history["reconstruction_loss"][0]
    assert model.reconstruct(images).shape == (48, 2, *SHAPE)


def test_target_images_without_the_axis_of_targets_are_an_error(data):
    images, labels = data
    model = small()
    model.compile()
    with pytest.raises(ValueError, match=r"Expected .*num_targets"):
        model.fit(images, {"labels": labels, "target_images": images}, verbose=0)


def test_a_loss_of_ones_own_takes_the_margin_losss_place(data):
    images, labels = data
    model = small(decoder=False)
    model.compile(loss="sparse_categorical_crossentropy", metrics=["sparse_categorical_accuracy"])
    found = model.evaluate(images, labels, verbose=0, return_dict=True)
    expected = keras.losses.sparse_categorical_crossentropy(labels, model(images))
    assert found["loss"] == pytest.approx(np.mean(expected), rel=1e-5)
    assert found["sparse_categorical_accuracy"] == found["accuracy"]
    with pytest.raises(ValueError, match="Received: decoder=False"):
        model.reconstruct(images)


def test_samples_weigh_in_the_losses(data):
    images, labels = data
    model = small()
    model.compile()
    weights = np.where(labels == 0, 0.0, 2.0)
    found = model.evaluate(images, labels, sample_weight=weights, verbose=0, return_dict=True)
    some = model.evaluate(images[labels != 0], labels[labels != 0], verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(some["loss"] * 1.5, rel=1e-4)


def test_replicas_make_the_updates_of_one(data):
    after = []
    for count in (1, 2):
        strategy = tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(count)])
        with strategy.scope():
            model = small(routing=1, hidden=[
                ConvCapsules(2, 4, kernel_size=1, kernel_regularizer=keras.regularizers.L2(0.1))])
            model.compile(keras.optimizers.SGD(0.1))
        loss = model.fit(*data, batch_size=16, epochs=1, shuffle=False, verbose=0).history["loss"]
        after.append((loss[0], *model.get_weights()))
    for one, two in zip(*after):
        np.testing.assert_allclose(two, one, rtol=1e-4, atol=1e-6)


def test_mixed_precision_keeps_class_capsules_exact(data):
    model, rounded = small(), small(dtype="mixed_bfloat16")
    rounded.set_weights(model.get_weights())
    assert rounded(data[0]).dtype == tf.float32
    np.testing.assert_allclose(rounded(data[0]), model(data[0]), rtol=0.05)
    rounded.compile()
    assert np.isfinite(rounded.fit(*data, verbose=0).history["loss"][0])


def test_saved_and_exported_it_answers_alike(data, tmp_path):
    model = small()
    model.compile(keras.optimizers.Adam(0.003))
    model.fit(*data, verbose=0)
    model.export(tmp_path / "exported", verbose=False)
    expected = model.predict(data[0], verbose=0)
    np.save(tmp_path / "images.npy", data[0])
    model.save(tmp_path / "m.keras")
    subprocess.run([sys.executable, "-c", LENGTHS_OF_A_SAVED_ONE, tmp_path], cwd=ROOT, check=True)
    np.testing.assert_allclose(np.load(tmp_path / "lengths.npy"), expected, atol=1e-5)
    assert keras.models.load_model(tmp_path / "m.keras").optimizer.learning_rate == 0.003
    exported = keras.layers.TFSMLayer(tmp_path / "exported", call_endpoint="serve")
    np.testing.assert_allclose(exported(data[0]), expected, atol=1e-5)


def test_an_unknown_network_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"(?s)mnist: digits.*Received: 'norb'"):
        CapsNet.from_pretrained("norb")


@pytest.mark.parametrize("images, message", [
    (np.zeros((2, *SHAPE), np.uint8), r"Expected images of floats in \[0, 1\]. Received: uint8"),
    (np.zeros((2, 9, 9, 2), np.float32), "expected|Expected"),
    (np.zeros((8, 8, 2), np.float32), "expected|Expected")])
def test_other_images_are_an_error(images, message):
    with pytest.raises(ValueError, match=message):
        small()(images)


def test_intermediate_capsules_are_to_be_had(data):
    model = small()
    steps = model.routing_steps(data[0][:2])
    np.testing.assert_allclose(norm(steps.capsules[-1]), model(data[0][:2]), rtol=1e-5)
    layer = model.class_capsules
    routed = layer.routing(model.votes(data[0][:2]), layer.bias.value)
    np.testing.assert_allclose(routed, steps.capsules[-1], rtol=1e-4, atol=1e-6)


def test_hidden_layers_train_in_training_alone(data):
    images, labels = data
    model = small(hidden=[keras.layers.Dropout(0.9, seed=0)])
    model.compile(keras.optimizers.SGD(0.0))
    loss = model.fit(images, labels, batch_size=48, verbose=0).history["loss"][0]
    assert loss != pytest.approx(model.evaluate(images, labels, batch_size=48, verbose=0,
                                                return_dict=True)["loss"], rel=1e-3)
    np.testing.assert_array_equal(model(images), model(images))


@keras.saving.register_keras_serializable(package="capsnet_test")
class Blur(keras.layers.Layer):
    """A decoder that draws one grey image for each target."""

    def build(self, input_shape):
        self.grey = self.add_weight(shape=(), initializer="zeros")

    def call(self, capsules, targets=None):
        return tf.fill([tf.shape(capsules)[0], 1, *SHAPE], self.grey.value)


def test_a_decoder_of_ones_own_learns_and_is_saved(data, reloaded):
    images, labels = data
    model = small(decoder=Blur(), reconstruction_scale=0.01)
    model.compile(keras.optimizers.Adam(0.1))
    model.fit(images, labels, epochs=10, verbose=0)
    again = reloaded(model)
    assert again.decoder.grey.numpy() == pytest.approx(images.mean(), abs=0.1)
    assert again.reconstruction_scale == 0.01
    found = again.evaluate(images, labels, verbose=0, return_dict=True)["reconstruction_loss"]
    off = images - again.decoder.grey.numpy()
    assert found == pytest.approx(0.01 * np.square(off).sum() / len(images), rel=1e-4)


def test_layers_of_capsules_may_lie_between(data, reloaded):
    model = small(hidden=[ConvCapsules(3, 5, kernel_size=3, padding="same", name="middle")])
    assert [layer.name for layer in model.encoder] == ["conv1", "conv_capsule1", "middle"]
    assert model.encode(data[0][:2]).shape == (2, 4, 4, 3, 5)
    again = reloaded(model)
    np.testing.assert_allclose(again(data[0]), model(data[0]), atol=1e-6)
