"""The command line on digits in image files, and with the small networks."""

import json

import numpy as np
import pytest

import input_data
from conftest import TESTDATA, load_network
from experiment_test import one_line, read_json, run
from input_data.pipeline import evaluation_batches

MLP = "--dataset=digits", "--model=mlp"


@pytest.fixture(scope="module")
def trained(digits_zip, tmp_path_factory):
    """A run of the small dense network: 4 steps, a fifth held out by seed 3."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    assert train(folder, digits_zip, "--validation_fraction=0.2", "--validation_seed=3") == 0
    return folder


def train(folder, data, *arguments):
    return run(*MLP, f"--data_dir={data}", f"--summary_dir={folder}", "--max_steps=4",
               "--batch_size=8", *arguments)


def evaluate(trained, data, *arguments):
    return run(*MLP, f"--data_dir={data}", "--train=false",
               f"--checkpoint={trained}/train/model.ckpt-4", *arguments)


def wrong_by_hand(trained, data, **options):
    test = input_data.load("digits", str(data), "test", **options)
    network = load_network(f"{trained}/train/model.ckpt-4", "mlp", test.info)
    return sum(int(np.sum(np.argmax(network(batch).logits, axis=1) != batch["targets"][:, 0]))
               for batch in evaluation_batches(test, 100))


def test_evaluation_is_of_what_the_training_held_out(trained, digits_zip, tmp_path, capsys):
    out = tmp_path / "out"
    assert evaluate(trained, digits_zip, f"--summary_dir={out}") == 0
    result = read_json(out / "test" / "result.json")
    assert "8 of 40 rows; held out: 8, drawn by seed 3" in capsys.readouterr().out
    assert result["examples"] == 8
    assert result["wrong"] == wrong_by_hand(trained, digits_zip, validation_fraction=0.2,
                                            validation_seed=3)
    assert run(*MLP, f"--data_dir={digits_zip}", "--train=false", f"--summary_dir={trained}") == 0
    assert read_json(trained / "test" / "result.json")["examples"] == 8
    assert read_json(trained / "test" / "flags.json")["validation_seed"] == 3
    assert read_json(trained / "train" / "hparams.json")["loss_type"] == "softmax"


@pytest.mark.parametrize("arguments, message", [
    (["--validation_fraction=0.5"], "trained with --validation_fraction=0.2, found "
                                    "--validation_fraction=0.5"),
    (["--validation_fraction=0.2", "--validation_seed=4"], "trained with --validation_seed=3"),
    (["--validation_fraction=1"], "between 0 and 1, found 1"),
    (["--image_size=20x20"], "trained on images of 28x28x1, found 20x20x1"),
    (["--image_size=20x20", "--predictions=new.csv"], "trained on images of 28x28x1"),
    (["--shift=-1"], "shift"),
    (["--predictions=/nowhere/x.csv"], "no folder"),
    (["--predictions=new.csv", "--summary_dir=x"], "leave --summary_dir out"),
    (["--predictions=new.csv", "--train=true"], "--predictions needs --train=false"),
])
def test_other_splits_than_the_trainings_get_one_line(trained, digits_zip, arguments, message,
                                                      tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert evaluate(trained, digits_zip, *arguments) == 2
    assert message in one_line(capsys)


@pytest.mark.parametrize("arguments, message", [
    (["--validation_fraction=0.3"], "started with --validation_fraction=0.2"),
    (["--validation_fraction=0.2", "--validation_seed=0"], "started with --validation_seed=3"),
    (["--shift=1"], "started with no --shift, found --shift=1"),
])
def test_a_training_goes_on_with_its_own_data(trained, digits_zip, arguments, message, capsys):
    capsys.readouterr()
    assert train(trained, digits_zip, *arguments) == 2
    assert message in one_line(capsys)


def test_predictions_have_the_layout_of_a_submission(trained, digits_zip, tmp_path, capsys):
    path = tmp_path / "submission.csv"
    assert evaluate(trained, digits_zip, f"--predictions={path}") == 0
    assert "the classes of 20 images" in capsys.readouterr().out
    header, *rows = [line.split(",") for line in path.read_text().splitlines()]
    assert header == ["filename", "label"]
    data = input_data.load_unlabelled("digits", str(digits_zip))
    network = load_network(f"{trained}/train/model.ckpt-4", "mlp", data.info)
    batch, = evaluation_batches(data, 20)
    expected = np.argmax(network(batch).logits, axis=1)
    assert rows == [[f"{number}.png", str(label)] for number, label in enumerate(expected, 40)]
    before = path.read_bytes()
    assert evaluate(trained, digits_zip, f"--predictions={path}") == 2
    assert "is there already" in one_line(capsys) and path.read_bytes() == before


def test_an_ensemble_predicts_by_its_sum(trained, digits_zip, tmp_path, capsys):
    seeds = [f"{tmp_path}/trial{seed}" for seed in range(2)]
    for seed, folder in enumerate(seeds):
        assert train(folder, digits_zip, f"--seed={seed}") == 0
    path = tmp_path / "submission.csv"
    ensemble = (*MLP, f"--data_dir={digits_zip}", "--train=false", "--num_trials=2",
                f"--checkpoint={tmp_path}/trial{{}}/train/model.ckpt-4")
    assert run(*ensemble, f"--predictions={path}") == 0
    data = input_data.load_unlabelled("digits", str(digits_zip))
    batch, = evaluation_batches(data, 20)
    logits = sum(load_network(f"{folder}/train/model.ckpt-4", "mlp", data.info)(batch).logits
                 for folder in seeds)
    labels = [int(line.split(",")[1]) for line in path.read_text().splitlines()[1:]]
    assert labels == np.argmax(logits, axis=1).tolist()

    assert run(*ensemble) == 0      # both held out the last three tenths
    flags = read_json(tmp_path / "trial1" / "train" / "flags.json")
    (tmp_path / "trial1" / "train" / "flags.json").write_text(
        json.dumps({**flags, "validation_fraction": 0.2}))
    capsys.readouterr()
    assert run(*ensemble) == 2
    assert "trained with --validation_fraction=0.2, found no --valid" in one_line(capsys)


@pytest.mark.parametrize("model, overrides, warning", [
    ("mlp", "routing=1,leaky=true", "leaky, routing: without effect on the network mlp"),
    ("cnn", "remake=false,learning_rate=0.01", "remake: without effect on the network cnn"),
    ("cnn", "padding=SAME", None),
])
def test_overrides_without_effect_are_a_warning(digits_zip, tmp_path, model, overrides, warning,
                                                capsys):
    common = ("--dataset=digits", f"--model={model}", f"--data_dir={digits_zip}",
              f"--hparams_override={overrides}")
    assert run(*common, f"--summary_dir={tmp_path}/run", "--max_steps=1", "--batch_size=4") == 0
    assert run(*common, "--train=false", f"--checkpoint={tmp_path}/run/train/model.ckpt-1") == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "Warning" in line]
    assert len(lines) == (2 if warning else 0)
    assert all(line.endswith(f"{warning}.") for line in lines)


@pytest.mark.parametrize("model", ["mlp", "cnn"])
@pytest.mark.parametrize("dataset, overrides", [
    ("mnist", ""), ("cifar10", "padding=SAME"), ("norb", "")])
def test_small_networks_learn_every_dataset(tmp_path, model, dataset, overrides):
    data = [] if dataset == "mnist" else [f"--data_dir={TESTDATA}/{dataset}"]
    common = (f"--dataset={dataset}", f"--model={model}", f"--summary_dir={tmp_path}", *data)
    assert run(*common, f"--hparams_override={overrides}", "--max_steps=2", "--batch_size=4") == 0
    assert run(*common, "--train=false", "--eval_size=10") == 0


@pytest.mark.parametrize("arguments, message", [
    (["--model=mlp", "--num_targets=2"],
     "mlp takes images of 1 target, found 2"),
    (["--model=cnn", "--num_targets=2"],
     "cnn takes images of 1 target, found 2"),
    (["--model=cnn", "--dataset=cifar10", f"--data_dir={TESTDATA}/cifar10"],
     "24x24 are too small for this network with padding=VALID: expected 28x28"),
    (["--dataset=digits", "--data_dir={}", "--validation_fraction=0.001"],
     "expected some in each part"),
    (["--dataset=digits"], "digits needs --data_dir"),
    (["--dataset=digits", f"--data_dir={TESTDATA}/norb"], "expected train.csv in it"),
    (["--validation_fraction=0.1"], "--validation_fraction is not for --dataset=mnist"),
    (["--num_targets=2", "--shift=1"], "leave --shift out"),
])
def test_what_does_not_fit_gets_one_line(tmp_path, digits_zip, arguments, message, capsys):
    arguments = [argument.format(digits_zip) for argument in arguments]
    assert run(*arguments, f"--summary_dir={tmp_path}") == 2
    assert message in one_line(capsys)


def test_digits_that_were_held_out_are_not_said_to_be_trained_on(trained, digits_zip, capsys):
    assert evaluate(trained, digits_zip, "--validate=true") == 0
    assert "trained without --validate" not in capsys.readouterr().err
