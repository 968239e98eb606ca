"""Models saved with Keras are loaded and give the same answers where they were not made."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import models
from capsules import ClassCapsules, Decoder, PrimaryCapsules, SpectralConv2D, norm
from conftest import ROOT
from models.hparams import HParams
from models.models_test import info, random_batch

# What a program of one's own does: import what defines the classes, load, use.
PROGRAM = """
import importlib, pathlib, sys
from commands import quiet_tensorflow
quiet_tensorflow.load()
import keras, numpy as np
import capsules, models
for place in models.NETWORKS.values():
    importlib.import_module(place.partition(":")[0])
folder = pathlib.Path(sys.argv[1])
inputs = dict(np.load(folder / "inputs.npz"))
for path in folder.glob("*.keras"):
    model = keras.models.load_model(path)
    names = [name for name in path.stem.split("-")[1:]]
    batch = {name: inputs[name] for name in names} if names else inputs["images"]
    answers = model(batch)
    answers = answers if isinstance(answers, (list, tuple)) else [answers]
    np.savez(path.with_suffix(".npz"), *(np.asarray(answer) for answer in answers
                                         if answer is not None))
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Models and their answers, by the name of their file without its ending."""
    folder = tmp_path_factory.mktemp("saved")
    shapes = info(num_classes=4)
    inputs = {key: np.asarray(value) for key, value in random_batch(shapes).items()}
    np.savez(folder / "inputs.npz", **inputs)
    answers = {}
    for name in models.NETWORKS:
        network = models.build(name, HParams().override("num_prime_capsules=2,leaky=true"), shapes)
        for keys in (("images",), ("images", "targets")):
            stem = "-".join((name, *keys))
            answers[stem] = network({key: inputs[key] for key in keys})
            network.save(folder / f"{stem}.keras")
    layers = own_model()
    answers["layers"] = layers(inputs["images"])
    layers.save(folder / "layers.keras")
    done = subprocess.run([sys.executable, "-c", PROGRAM, folder], cwd=ROOT, text=True,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder, answers


def own_model():
    """A functional model of the library's layers, as the README makes one."""
    images = keras.Input((28, 28, 1))
    features = SpectralConv2D(8, 9, activation="relu")(images)
    capsules = ClassCapsules(num_capsules=4)(PrimaryCapsules(num_capsules=2)(features))
    return keras.Model(images, [capsules, Decoder(image_shape=(28, 28, 1))(capsules)])


@pytest.mark.parametrize("stem", [*(f"{name}-{keys}" for name in models.NETWORKS
                                    for keys in ("images", "images-targets")), "layers"])
def test_a_fresh_process_gives_the_same_answers(saved, stem):
    folder, answers = saved
    expected = [np.asarray(answer) for answer in answers[stem] if answer is not None]
    with np.load(folder / f"{stem}.npz") as found:
        assert len(found) == len(expected)
        for name, values in zip(found, expected):
            np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-6)
    if len(expected) == 3:
        np.testing.assert_allclose(norm(expected[1]), expected[0], rtol=1e-5, atol=1e-5)
