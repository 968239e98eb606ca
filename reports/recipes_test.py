import dataclasses
import os
import re
import shlex

import pytest

import experiment
from conftest import ROOT, TESTDATA
from models.hparams import HParams
from models.precision import choose_precision
from reports import recipes
from training.config import SETTINGS
from training.run_folder import contents, resume

NAMES = recipes.names()


def of_run(config):
    """Returns the recipe of a run with the settings of a Config, after its last step."""
    settings, hparams = resume.for_training(config, None)
    return recipes.of_run(dataclasses.asdict(settings), hparams, config.max_steps)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_says_what_it_takes_and_how_it_is_started(name):
    with open(recipes.path(name)) as file:
        head, _, flags = file.read().partition("\n\n")
    config = recipes.read(name, summary_dir="x")
    assert re.search(r"^# Paper: .+^# Ours:.*^# Steps: ", head, re.DOTALL | re.MULTILINE)
    assert f"\n# Steps: {config.max_steps:,}" in head
    command = shlex.split(head.splitlines()[-1].removeprefix("#"))
    assert command[:2] == ["python", "experiment.py"]
    assert f"--flagfile=recipes/{name}.flags" in command and f"--summary_dir=runs/{name}" in command
    for line in flags.splitlines():
        key, value = line.removeprefix("--").split("=", maxsplit=1)
        if key == "hparams_override":
            for pair in value.split(","):
                assert HParams().override(pair) != HParams(), f"{pair} is the default"
        else:
            assert str(SETTINGS[key].default).lower() != value, f"{line} is the default"


def test_the_page_of_results_has_every_recipe():
    with open(f"{ROOT}/docs/results.md") as file:
        assert sorted(re.findall(r"\(\.\./recipes/(\w+)\.flags\)", file.read())) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_run_is_recognized_by_its_settings(name):
    config = recipes.read(name, summary_dir="x")
    assert of_run(dataclasses.replace(config, seed=7, data_dir="/")) == name
    assert of_run(dataclasses.replace(config, batch_size=5)) is None
    assert of_run(dataclasses.replace(config, max_steps=5)) is None
    assert of_run(dataclasses.replace(
        config, hparams_override=f"{config.hparams_override},verbose=true")) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_trains(name, tmp_path, mnist_dir, monkeypatch):
    monkeypatch.chdir(ROOT)
    config = recipes.read(name, summary_dir="x")
    data = {"cifar10": TESTDATA + "/cifar10"}.get(config.dataset, mnist_dir)
    folder = tmp_path / "run"
    assert experiment.main([
        "experiment.py", f"--flagfile=recipes/{name}.flags", f"--data_dir={data}",
        f"--summary_dir={folder}", "--batch_size=2", "--max_steps=1",
        "--hparams_override=num_prime_capsules=2"]) == 0
    train = str(folder / "train")
    kept, hparams = contents.read(train, contents.FLAGS), contents.read_hparams(train)
    assert kept["max_steps"] == 1 and kept["batch_size"] == 2
    assert kept["precision"] == choose_precision(config.precision or "float32")
    for key in ("model", "dataset", "num_targets", "validate"):
        assert getattr(config, key) in (None, kept[key])
    assert hparams == HParams().override(config.hparams_override).override("num_prime_capsules=2")
    assert os.path.exists(f"{train}/model.ckpt-1.index")
