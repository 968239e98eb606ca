import dataclasses

import pytest

from commands.errors import UsageError
from commands.settings import settings_of
from models.hparams import HParams
from training import config
from training.config import SETTINGS, Config, Keep, kept


def parsed(*arguments):
    values = config.new_flags()
    values(["experiment.py", *arguments])
    return values


def test_flags_are_the_settings_and_their_defaults():
    assert set(SETTINGS) <= set(parsed())
    assert config.from_flags(parsed("--summary_dir=x")) == Config(summary_dir="x")
    assert Config(summary_dir="x") == config.from_flags(parsed(
        "--summary_dir=x", *(f"--{name}={known.default}" for name, known in SETTINGS.items()
                             if known.default is not None and not known.optional)))


@pytest.mark.parametrize("given, value", [
    (["routing=1,leaky=true", "leaky=false,remake=false"], "routing=1,leaky=false,remake=false"),
    (["routing=1", ""], "routing=1"), (["", "routing=1"], "routing=1"),
    (["routing=1", " routing = 2"], " routing = 2"),
    (["routing=1,routing=2"], "routing=1,routing=2"),
])
def test_hyperparameters_that_are_given_again_add_to_the_earlier_ones(given, value):
    flags = parsed(*(f"--hparams_override={pairs}" for pairs in given))
    assert flags.hparams_override == value
    flags.unparse_flags()
    assert flags["hparams_override"].value == ""


def test_what_a_run_keeps_is_open_until_it_is_named():
    found = dataclasses.asdict(Config(summary_dir="x"))
    for name in kept(Keep.ALWAYS, Keep.CHANGEABLE):
        assert found[name] is None
    assert "seed" in kept(Keep.ALWAYS) and "micro_batch" in kept(Keep.CHANGEABLE)
    assert "max_steps" in kept(Keep.START) and "checkpoint" in kept(Keep.FIRST)


def test_every_setting_says_what_is_wrong_with_other_types():
    for known in SETTINGS.values():
        for value in ([1], {"a": 1}, -5.5 if known.type is not float else "x"):
            assert known.problem(value).startswith(f"expected {known.expected}, found ")
        assert known.problem(known.default) is None or known.default is None


@pytest.mark.parametrize("options, message", [
    ({"seed": -1}, "--seed: expected a whole number from 0 to 4294967295, found -1"),
    ({"seed": True}, "--seed: expected a whole number"),
    ({"batch_size": 2**63 - 1}, "--batch_size: expected a whole number from 1 to 1000000"),
    ({"max_steps": 10**20}, "--max_steps"), ({"shift": 100_000}, "--shift"),
    ({"num_trials": 10**9}, "--num_trials"), ({"max_minutes": float("nan")}, "--max_minutes"),
    ({"validation_fraction": 1.0}, "--validation_fraction: expected a finite number between 0"),
    ({"model": "resnet"}, "--model: expected capsule or baseline"),
    ({"dataset": "none"}, "--dataset: expected one of mnist"),
    ({"image_size": "8"}, "--image_size: expected HxW"),
    ({"summary_dir": "gs://bucket/x"}, "--summary_dir: expected a path on this machine"),
    ({"checkpoint": ""}, "--checkpoint is empty"),
    ({"data_dir": ".", "summary_dir": "."}, "another folder than that of the data"),
    ({"train": False, "checkpoint": "{:q}", "num_trials": 2}, "--num_trials needs a --checkpoint"),
])
def test_impossible_settings_are_named(options, message):
    with pytest.raises(UsageError) as error:
        Config(**{"summary_dir": "x", **options})
    assert message in str(error.value)


@pytest.mark.parametrize("pattern, name", [
    ("trial{}/m", "trial3/m"), ("trial{0}/m", "trial3/m"), ("trial{:02d}/m", "trial03/m"),
    ("trial{0:03}/{}", "trial003/3")])
def test_a_trials_number_may_be_formatted(pattern, name):
    asked = Config(train=False, checkpoint=pattern, num_trials=5)
    assert asked.is_ensemble and asked.member(3) == name


def test_other_braces_are_part_of_a_path():
    assert not Config(train=False, checkpoint="{a}/model.ckpt-1").is_ensemble


def test_help_has_the_settings_in_groups_and_the_hyperparameters_with_their_meaning():
    text = config.help_text(parsed())
    places = [text.index(f"{group}:\n") for group in config.GROUPS]
    assert places == sorted(places)
    for group, name in (("Data", "validate"), ("Network", "precision"), ("Devices", "num_gpus")):
        assert text.index(f"{group}:\n") < text.index(f"--{name}" if name != "validate" else
                                                     "--[no]validate")
    for name, known in SETTINGS.items():
        assert known.group in config.GROUPS and f"{name}: " in text
    for name, known in settings_of(HParams).items():
        assert f"  {name}: {known.about}" in text
    flat = " ".join(text.split())
    assert "(default: 128)" in flat and "(default: capsule)" in flat
