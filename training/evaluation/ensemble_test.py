import json
import os
import shutil

import numpy as np
import pytest

import experiment
import input_data
from conftest import load_network
from input_data.pipeline import evaluation_batches
from training.checkpoints.read import StoredCheckpoint
from training.evaluation.counts import Answers, Evaluation
from training.evaluation.ensemble import together


def run(*arguments):
    return experiment.main(["experiment.py", *map(str, arguments)])


@pytest.fixture(scope="module", params=["capsule", "baseline"])
def trials(request, tmp_path_factory):
    """A folder with three trainings of one network, and the network's name."""
    folder = tmp_path_factory.mktemp("trials")
    for seed in range(3):
        assert run(f"--summary_dir={folder}/trial{seed}", f"--seed={seed}", "--max_steps=3",
                   "--batch_size=16", f"--model={request.param}",
                   "--hparams_override=num_prime_capsules=2") == 0
    return folder, request.param


def evaluate(trials, out, *arguments, count=3):
    folder, model = trials
    return run("--train=false", f"--num_trials={count}", f"--model={model}", "--eval_size=250",
               f"--checkpoint={folder}/trial{{}}/train/model.ckpt-3", f"--summary_dir={out}",
               *arguments)


def result(out):
    with open(out / "test" / "result.json") as file:
        return json.load(file)


def test_the_ensemble_is_the_sum_of_its_members_logits(trials, tmp_path, capsys):
    assert evaluate(trials, tmp_path) == 0
    folder, model = trials
    data = input_data.load("mnist", None, "test")
    sums = np.zeros((250, 10))
    wrong = []
    for trial in range(3):
        stored = StoredCheckpoint(f"{folder}/trial{trial}/train/model.ckpt-3")
        network = load_network(stored.name, model, data.info)
        batches = list(evaluation_batches(data, 100, 250))
        logits = np.concatenate([network(batch).logits for batch in batches])
        targets = np.concatenate([batch["targets"][:, 0] for batch in batches])
        wrong.append(int((logits.argmax(axis=1) != targets).sum()))
        sums += logits
    found = result(tmp_path)
    assert [member["wrong"] for member in found["members"]] == wrong
    assert found["wrong"] == (sums.argmax(axis=1) != targets).sum()
    assert found["examples"] == 250
    expected = np.zeros((10, 10), int)
    np.add.at(expected, (targets, sums.argmax(axis=1)), 1)
    assert found["confusion"] == expected.tolist()
    for trial, member in enumerate(found["members"]):
        assert sum(of_class["wrong"] for of_class in member["classes"]) == wrong[trial]
        assert np.sum(member["confusion"]) == 250
    assert (tmp_path / "test" / "confusion.png").exists()
    lines = [line for line in capsys.readouterr().out.splitlines() if "Total wrong" in line]
    assert len(lines) == 4
    assert lines[-1] == (f"Total wrong predictions: {found['wrong']}, "
                         f"wrong percent: {found['wrong_percent']:.4g}%")


def test_the_members_number_may_be_formatted(trials, tmp_path):
    folder, _ = trials
    for trial in range(2):
        os.symlink(folder / f"trial{trial}", tmp_path / f"trial0{trial}")
    assert run("--train=false", "--num_trials=2", "--eval_size=10", f"--summary_dir={tmp_path}/out",
               f"--checkpoint={tmp_path}/trial{{:02d}}/train/model.ckpt-3") == 0
    assert [member["checkpoint"].split("/")[-3] for member in
            result(tmp_path / "out")["members"]] == ["trial00", "trial01"]


def test_missing_members_are_named_and_left_out(trials, tmp_path, capsys):
    assert evaluate(trials, tmp_path, count=5) == 0
    out = capsys.readouterr().out
    assert "Member 3 is missing" in out and "Member 4 is missing" in out
    assert len(result(tmp_path)["members"]) == 3


def test_members_may_be_numbered_from_1(trials, tmp_path):
    folder, model = trials
    for trial in range(1, 4):
        shutil.copytree(folder / f"trial{trial - 1}", tmp_path / f"trial{trial}")
    assert evaluate((tmp_path, model), tmp_path / "out") == 0
    names = [member["checkpoint"] for member in result(tmp_path / "out")["members"]]
    assert [name.split("/")[-3] for name in names] == ["trial1", "trial2", "trial3"]


def test_members_of_different_networks_are_an_error(trials, tmp_path, capsys):
    folder, model = trials
    for trial in range(2):
        shutil.copytree(folder / f"trial{trial}", tmp_path / f"trial{trial}")
    (tmp_path / "trial1" / "train" / "hparams.json").write_text(
        '{"num_prime_capsules": 2, "padding": "SAME"}')
    (tmp_path / "trial0" / "train" / "hparams.json").write_text('{"num_prime_capsules": 2}')
    assert evaluate((tmp_path, model), tmp_path / "out", count=2) == 2
    assert "trial1" in capsys.readouterr().err


@pytest.mark.parametrize("arguments, message", [
    (["--train=false", "--checkpoint={}/none{}/model.ckpt-1", "--num_trials=2"], "no member"),
    (["--train=false", "--checkpoint=/model.ckpt-1", "--num_trials=2"], "{} in it"),
    (["--num_trials=2", "--summary_dir=x"], "--num_trials is for evaluation"),
    (["--num_trials=0", "--summary_dir=x"], "num_trials"),
])
def test_wrong_trials_get_one_line(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    error = capsys.readouterr().err.strip()
    assert message in error and len(error.splitlines()) == 1
    assert not os.listdir(tmp_path)


def test_pairs_count_both_targets():
    targets = np.array([[0, 1], [0, 1], [2, 3]], np.int32)
    members = [Answers(targets, np.array(logits, np.float32), 0.0, 0.0)
               for logits in ([[9, 0, 0, 0], [9, 0, 1, 0], [1, 1, 0, 0]],
                              [[0, 5, 0, 0], [0, 0, 5, 0], [1, 0, 0, 0]])]
    evaluation = Evaluation.of(together(members), split_examples=3, seconds=1.0)
    assert (evaluation.examples, evaluation.wrong, evaluation.almost_wrong) == (3, 2, 1)
    assert evaluation.confusion.examples.tolist() == [2, 2, 1, 1]
    assert evaluation.confusion.wrong.tolist() == [0, 1, 1, 1]
