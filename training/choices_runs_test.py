"""A run keeps what it chose for its first machine: implementation of routing, precision."""

import importlib.util

import pytest

import experiment
from models import precision
from training.run_folder import contents

SMALL = "--hparams_override=num_prime_capsules=1,routing=2,remake=false"


def run(*arguments):
    return experiment.main(["experiment.py", *map(str, arguments)])


@pytest.fixture
def without_numba(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec",
                        lambda name: None if name == "numba" else found(name))


@pytest.fixture
def fused_run(tmp_path, capsys):
    assert run(f"--summary_dir={tmp_path}", SMALL, "--max_steps=2", "--batch_size=4") == 0
    assert "capsule2: fused routing." in capsys.readouterr().out
    return tmp_path


def kept(folder, name="routing_implementation"):
    return contents.read(str(folder / "train"), contents.FLAGS)[name]


def test_it_resumes_with_what_it_started_with(fused_run, capsys):
    assert run(f"--summary_dir={fused_run}", "--max_steps=3") == 0
    assert "capsule2: fused routing." in capsys.readouterr().out and kept(fused_run) == "fused"
    assert run(f"--summary_dir={fused_run}", "--max_steps=4",
               "--routing_implementation=products") == 2
    assert "was started with --routing_implementation=fused" in capsys.readouterr().err


def test_a_fused_run_says_what_to_install_where_numba_is_missing(fused_run, without_numba, capsys):
    assert run(f"--summary_dir={fused_run}", "--max_steps=3") == 2
    assert capsys.readouterr().err.strip().splitlines()[-1] == (
        "experiment.py: error: --routing_implementation: Fused routing needs Numba: pip install "
        "numba.")
    assert run("--train=false", f"--checkpoint={fused_run}/train/model.ckpt-2",
               "--eval_size=10") == 0


def test_without_numba_a_run_takes_and_keeps_products(tmp_path, without_numba, capsys):
    assert run(f"--summary_dir={tmp_path}", SMALL, "--max_steps=1", "--batch_size=4") == 0
    assert "capsule2: products routing." in capsys.readouterr().out
    assert kept(tmp_path) == "products"


def test_a_run_keeps_the_precision_that_auto_chose(tmp_path, monkeypatch, capsys):
    same = ("--model=mlp", "--batch_size=4", "--precision=auto", f"--summary_dir={tmp_path}")
    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)
    assert run(*same, "--max_steps=1") == 0
    monkeypatch.setattr(precision, "has_bfloat16", lambda: False)
    assert run(*same, "--max_steps=2") == 0 and kept(tmp_path, "precision") == "bfloat16"
    assert run(*same, "--max_steps=3", "--precision=float32") == 2
    assert "was started with --precision=bfloat16" in capsys.readouterr().err
