import keras
import numpy as np
import pytest
from PIL import Image

import input_data
import models
from models.hparams import HParams
from reports import reconstructions
from reports.reconstructions import Reconstructions, draw, reconstruct
from training import optimization, saving


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Makes the checkpoint of a small network with or without a decoder."""
    def make(overrides):
        folder = tmp_path_factory.mktemp("network")
        info = input_data.load("mnist", None, "test").info
        hparams = HParams().override("num_prime_capsules=2," + overrides)
        keras.utils.set_random_seed(0)
        network = models.build("capsule", hparams, info)
        (folder / "hparams.json").write_text(hparams.to_json())
        return saving.Writer(str(folder), network,
                                  optimization.make_optimizer(network)).save()
    return make


def run(*arguments):
    return reconstructions.main(["reports.reconstructions", *arguments])


def test_reconstructions_come_from_the_predicted_capsule(mnist_dir):
    split = input_data.load("mnist", str(mnist_dir), "test")
    network = models.build("capsule", HParams(num_prime_capsules=2), split.info)
    found = reconstruct(network, split, most=15, batch_size=4)
    assert found.images.shape == found.remakes.shape == (15, 28, 28, 1)
    inferred = network({"images": found.images, "targets": found.predictions[:, None]})
    np.testing.assert_array_equal(found.predictions, np.argmax(inferred.logits, axis=1))
    np.testing.assert_allclose(found.remakes, inferred.remakes[:, 0], atol=1e-6)


@pytest.mark.parametrize("count, wrong", [(3, 0), (45, 3), (60, 60)])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_wrong_ones_are_marked(tmp_path, count, wrong, depth):
    rng = np.random.default_rng(0)
    images = 3 * rng.random((count, 8, 8, depth), np.float32) - 1     # standardized ones
    labels = np.zeros(count, int)
    predictions = labels + (np.arange(count) >= count - wrong)
    path = tmp_path / "picture.png"
    draw(Reconstructions(images, images, labels, predictions), str(path), ["0", "1"])
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    marked = (pixels == [0xD5, 0x5E, 0x00]).all(axis=1).any()
    assert marked == (wrong > 0)


def test_command_draws_a_checkpoint(checkpoint, tmp_path, mnist_dir):
    path = tmp_path / "out.png"
    name = checkpoint("remake=true")
    assert run(f"--checkpoint={name}", f"--data_dir={mnist_dir}", f"--output={path}") == 0
    with Image.open(path) as picture:
        assert picture.size[0] == 1000
    assert run(f"--checkpoint={name}", f"--output={path}") == 2


@pytest.mark.parametrize("overrides, arguments, message", [
    ("remake=true", [], "--checkpoint is missing"),
    ("remake=true", ["--checkpoint={}", "--output=/nowhere/x.png"], "no folder"),
    ("remake=false", ["--checkpoint={}"], "has no decoder"),
    ("remake=true", ["--checkpoint={}9"], "there is no"),
])
def test_what_cannot_be_drawn_gets_one_line(checkpoint, overrides, arguments, message, tmp_path,
                                            monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    name = checkpoint(overrides)
    assert run(*(argument.format(name) for argument in arguments)) == 2
    error = capsys.readouterr().err.strip()
    assert message in error and len(error.splitlines()) == 1
