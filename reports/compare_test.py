import csv
import os

import pytest

import experiment
from conftest import ROOT, write_class_folders
from reports import compare
from training.run_folder import contents

SMALL = "--hparams_override=num_prime_capsules=1,routing=1"


def run(output, data, *arguments):
    return compare.main(["reports.compare", "--dataset=digits", f"--data_dir={data}",
                         f"--output={output}", "--batch_sizes=mlp=7,capsule=14",
                         "--micro_batch=7", *arguments])


def rows(output):
    with open(output / "comparison.csv") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def compared(tmp_path_factory, digits_zip):
    """A comparison of two networks, 2 epochs each."""
    output = tmp_path_factory.mktemp("compared") / "out"
    assert run(output, digits_zip, "--networks=mlp,capsule", "--epochs=2", SMALL) == 0
    return output


def test_every_epoch_is_what_an_evaluation_counts(compared, digits_zip):
    found = rows(compared)
    assert [(row["network"], row["epoch"], row["step"]) for row in found] == [
        ("mlp", "1", "4"), ("mlp", "2", "8"), ("capsule", "1", "2"), ("capsule", "2", "4")]
    for row in found[1::2]:
        folder = compared / row["network"] / "seed0"
        assert experiment.main([
            "experiment.py", "--dataset=digits", f"--data_dir={digits_zip}", "--train=false",
            f"--model={row['network']}", f"--summary_dir={compared / 'again'}",
            f"--checkpoint={folder}/train/model.ckpt-{row['step']}"]) == 0
        result = contents.read(compared / "again" / "test", "result.json")
        assert (row["examples"], row["wrong"]) == ("12", str(result["wrong"]))
        assert float(row["accuracy_percent"]) == pytest.approx(100 * (1 - result["wrong"] / 12),
                                                               abs=1e-4)


def test_networks_are_trained_as_the_tutorial_does(compared):
    flags, hparams = ({name: contents.read(compared / name / "seed0" / "train", file)
                       for name in ("mlp", "capsule")} for file in ("flags.json", "hparams.json"))
    assert (flags["mlp"]["shift"], flags["capsule"]["shift"]) == (0, 2)
    assert (flags["mlp"]["batch_size"], flags["capsule"]["batch_size"]) == (7, 14)
    assert flags["capsule"]["micro_batch"] == 7
    assert (hparams["mlp"]["loss_type"], hparams["capsule"]["loss_scale"]) == ("softmax", "paper")
    assert (hparams["mlp"]["routing"], hparams["capsule"]["routing"]) == (3, 1)


def test_without_a_dataset_it_is_mnist(tmp_path, mnist_dir):
    assert compare.main(["reports.compare", f"--data_dir={mnist_dir}", f"--output={tmp_path}/out",
                         "--networks=mlp", "--epochs=1"]) == 0
    assert contents.read(f"{tmp_path}/out", "comparison.json")["dataset"] == "mnist"


def test_it_says_who_is_on_top(compared):
    text = (compared / "comparison.md").read_text()
    assert "After 2 epochs " in text and "| mlp | 39,760 | 7 | 0 |  |" in text
    assert "| 14 | 2 | loss_scale=paper, num_prime_capsules=1, routing=1 |" in text
    assert os.path.getsize(compared / "comparison.png") > 10_000


def test_what_was_stopped_goes_on(tmp_path, digits_zip, capsys):
    parts, whole = tmp_path / "parts", tmp_path / "whole"
    for arguments in (["--epochs=1"], ["--epochs=3"], ["--epochs=3", "--seeds=2"]):
        assert run(parts, digits_zip, "--networks=mlp", *arguments) == 0
    assert capsys.readouterr().out.count("Training mlp") == 3
    checkpoint = parts / "mlp" / "seed0" / "train" / "model.ckpt-12.index"
    written = checkpoint.stat().st_mtime_ns
    assert run(whole, digits_zip, "--networks=mlp", "--epochs=3", "--seeds=2") == 0
    assert rows(parts) == rows(whole) and len(rows(whole)) == 6
    assert run(parts, digits_zip, "--networks=mlp", "--epochs=2") == 0
    assert rows(parts) == [row for row in rows(whole)
                           if row["seed"] == "0" and row["epoch"] != "3"]
    assert checkpoint.stat().st_mtime_ns == written
    assert "Training mlp" in capsys.readouterr().out


def one_line(capsys):
    lines = [line for line in capsys.readouterr().err.splitlines() if "ing:" not in line]
    assert len(lines) == 1 and lines[0].startswith("reports.compare: error: ")
    return lines[0]


@pytest.mark.parametrize("arguments, message", [
    (["--networks=mlp", "--batch_sizes=mlp=8"], "started with mlp's batch_size=7, found 8"),
    (["--networks=capsule"], "started with capsule's hparams=loss_scale=paper,num_prime"),
    (["--networks=mlp", "--validation_fraction=0.5"], "started with validation_fraction=None"),
    (["--networks=mlp", "--micro_batch=3"], "started with micro_batch=7, found 3"),
])
def test_another_comparison_is_not_mixed_in(compared, digits_zip, arguments, message, capsys):
    before = (compared / "comparison.json").read_bytes()
    capsys.readouterr()
    assert run(compared, digits_zip, *arguments) == 2
    assert message in one_line(capsys)
    assert (compared / "comparison.json").read_bytes() == before


def test_what_cannot_be_built_is_found_before_anything_is_trained(tmp_path, capsys):
    out = tmp_path / "out"
    assert compare.main(["reports.compare", "--dataset=cifar10", "--networks=mlp,cnn",
                         f"--data_dir={ROOT}/testdata/cifar10", f"--output={out}"]) == 2
    assert "too small for this network with padding=VALID" in one_line(capsys)
    assert not out.exists()


def test_data_that_have_changed_are_not_mixed_in(tmp_path, capsys):
    write_class_folders(tmp_path / "data" / "train", per_class=4, size=(8, 8, 1))
    arguments = ["reports.compare", "--dataset=images", f"--data_dir={tmp_path}/data",
                 f"--output={tmp_path}/out", "--networks=mlp", "--epochs=1"]
    assert compare.main(arguments) == 0
    write_class_folders(tmp_path / "data" / "train", per_class=10, size=(8, 8, 1))
    capsys.readouterr()
    assert compare.main(arguments) == 2
    assert "was started with trained on=" in one_line(capsys)


def test_other_files_are_left_alone(tmp_path, digits_zip, capsys):
    (tmp_path / "comparison.png").write_text("mine")
    assert run(tmp_path, digits_zip, "--networks=mlp") == 2
    assert "holds other files" in one_line(capsys)
    assert os.listdir(tmp_path) == ["comparison.png"]


@pytest.mark.parametrize("arguments, message", [
    (["--networks=transformer"], "expected names of capsule, baseline, deep, efficient, mlp, cnn"),
    (["--networks="], "expected names of"),
    (["--batch_sizes=mlp"], "expected network=number, found 'mlp'"),
    (["--batch_sizes=mlp=0"], "expected network=number"),
    (["--hparams_override=routes=1"], "expected one of decay_rate"),
    ([f"--output={__file__}"], "--output: expected a folder"),
    (["--output=gs://bucket/x"], "--output: expected a path on this machine"),
    (["--data_dir=/nowhere"], "no folder or file /nowhere"),
    (["--dataset=norb", "--data_dir=testdata/norb"], "norb has no validation split"),
    (["--epochs=0"], "epochs"),
])
def test_bad_flags_get_one_line(tmp_path, digits_zip, arguments, message, capsys):
    assert run(tmp_path / "out", digits_zip, *arguments) == 2
    assert message in one_line(capsys)
    assert not os.path.exists(tmp_path / "out")


@pytest.mark.parametrize("networks", [5, None, [1], {"mlp": 5}])
def test_a_damaged_note_on_a_comparison_is_named(tmp_path, mnist_dir, networks, capsys):
    contents.write(str(tmp_path), "comparison.json", {"networks": networks})
    assert compare.main(["reports.compare", f"--data_dir={mnist_dir}", f"--output={tmp_path}",
                         "--networks=mlp", "--epochs=1"]) == 2
    assert "comparison.json: expected the choices" in capsys.readouterr().err
