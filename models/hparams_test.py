import dataclasses

import pytest

from models.hparams import HParams, HParamsError, parse_overrides


def test_defaults_are_the_references():
    assert dataclasses.asdict(HParams()) == dict(
        decay_rate=0.96, decay_steps=2000, ema_decay=0, leaky=False, learning_rate=0.001,
        loss_scale="reference", loss_type="margin", num_prime_capsules=32, optimizer="adam",
        padding="VALID", remake=True, routing=3, routing_type="dynamic",
        schedule="exponential", verbose=False, warmup_steps=0)


def test_overrides_replace_some_values_with_their_types():
    hparams = HParams().override("num_prime_capsules=64,padding=SAME, leaky=true,remake=0")
    assert hparams == HParams(num_prime_capsules=64, padding="SAME", leaky=True, remake=False)
    assert HParams().override("") == HParams()
    assert HParams().override("learning_rate=1e-4").learning_rate == 1e-4


@pytest.mark.parametrize("overrides, message", [
    ("routes=3", "'routes'.*expected one of decay_rate, .*verbose"),
    ("routing=three", "routing: expected a whole number from 1 to 100, found 'three'"),
    ("routing=1.5", "whole number"),
    ("learning_rate=fast", "expected a finite number above 0, found 'fast'"),
    ("leaky=maybe", "expected true or false"),
    ("padding=same", "expected VALID or SAME"),
    ("loss_type=l2", "expected margin or sigmoid or softmax"),
    ("routing=0", "whole number from 1 to 100, found 0"),
    ("learning_rate=nan", "finite number above 0"),
    ("learning_rate=inf", "finite number above 0"),
    ("ema_decay=1", "from 0 to below 1, found 1"),
    ("ema_decay=-0.1", "from 0 to below 1"),
    ("ema_decay=nan", "from 0 to below 1"),
    ("schedule=linear", "expected exponential or cosine"),
    ("routing", "expected key=value"),
    ("routing=1,routing=2", "given twice"),
])
def test_bad_overrides_are_explained(overrides, message):
    with pytest.raises(HParamsError, match=message):
        HParams().override(overrides)


def test_json_comes_back():
    hparams = HParams(routing=1, padding="SAME", leaky=True, learning_rate=0.5)
    assert HParams.from_json(hparams.to_json(), "file") == hparams
    assert HParams.from_json('{"routing": 5}', "file") == HParams(routing=5)


@pytest.mark.parametrize("text", ["", "[]", '{"routing": "x"}', '{"other": 1}', '{"routing": 1'])
def test_damaged_json_names_its_file(text):
    with pytest.raises(HParamsError, match=r"dir/hparams\.json"):
        HParams.from_json(text, "dir/hparams.json")


def test_parsing_gives_only_what_was_said():
    assert parse_overrides("routing=2") == {"routing": 2}
