"""What the reports' tests share: networks, untrained and trained."""

import keras
import pytest

import input_data
import models
from models.hparams import HParams
from training.checkpoints.read import latest_checkpoint
from training.checkpoints.write import CheckpointWriter
from training.config import Config
from training.optimizer import make_optimizer
from training.train import train

PAIRS = "testdata/multimnist/multitest_4shifted_mnist.tfrecords@2"


@pytest.fixture(scope="session")
def untrained(tmp_path_factory):
    """Returns a function that makes the checkpoint of a small network as it is born."""
    made = {}

    def make(overrides="", model="capsule", dataset="mnist", data_dir=None, num_targets=1):
        key = (overrides, model, dataset, data_dir, num_targets)
        if key not in made:
            folder = tmp_path_factory.mktemp("untrained")
            info = input_data.load(dataset, data_dir, "test", num_targets).info
            hparams = HParams().override("num_prime_capsules=2," + (overrides or "routing=3"))
            keras.utils.set_random_seed(0)
            network = models.build(model, hparams, info)
            (folder / "hparams.json").write_text(hparams.to_json())
            made[key] = CheckpointWriter(str(folder), network, make_optimizer(network),
                                         keep=1).save()
        return made[key]
    return make


@pytest.fixture(scope="session")
def reader(tmp_path_factory):
    """The checkpoint of a small network that reads digits: trained for half a minute."""
    settings = Config(
        summary_dir=str(tmp_path_factory.mktemp("reader")), max_steps=350, batch_size=16,
        hparams_override="num_prime_capsules=8,learning_rate=0.003,decay_rate=0.2,"
                         "decay_steps=350")
    assert train(settings) is None
    return latest_checkpoint(settings.train_folder)


@pytest.fixture
def one_line(capsys):
    """Returns a function that returns the error's line, after a check that it is the only one."""
    def error_line():
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1 and ": error: " in lines[0], lines
        return lines[0]
    return error_line
