import json
import shutil

import numpy as np
import pytest

from conftest import write_mnist
from input_data.affnist import affnist_input_test
from reports import generalisation

SMALL = "--hparams_override=num_prime_capsules=1,routing=1,remake=false"


def run(*arguments):
    return generalisation.main(["reports.generalisation", *map(str, arguments)])


@pytest.fixture(scope="module")
def compared(tmp_path_factory, digits):
    """A comparison on 60 digits that ends before its accuracy is reached."""
    folder = tmp_path_factory.mktemp("generalisation")
    images, labels = digits
    write_mnist(folder, images, labels)
    write_mnist(folder, images[:20], labels[:20], "test")
    common = (f"--data_dir={folder}", f"--summary_dir={folder}/run", "--batch_size=4", SMALL,
              "--eval_every=1")
    assert run(*common, "--accuracy=100", "--max_steps=1") == 0
    return folder, common, rows(folder)


def rows(folder):
    with open(folder / "run" / "generalisation.md") as file:
        text = file.read()
    lines = [[cell.strip() for cell in line.strip("|\n").split("|")]
             for line in text.splitlines() if line.startswith("|")]
    return text, lines[0], lines[2:]


@pytest.mark.parametrize("accuracy, level, steps", [
    (99.0, 97.5, {"a": 30, "b": 10}),       # not reached by a
    (97.0, 97.0, {"a": 20, "b": 10}),
    (10.0, 10.0, {"a": 10, "b": 10}),
])
def test_networks_are_compared_where_both_got_first(accuracy, level, steps):
    right = {"a": {10: 950, 20: 972, 30: 975, 40: 960}, "b": {10: 980, 20: 995}}
    histories = {model: {step: generalisation.Score(count, 1000) for step, count in counts.items()}
                 for model, counts in right.items()}
    assert generalisation.compared_at(histories, accuracy) == (level, steps)


def test_a_score_has_its_interval():
    assert str(generalisation.Score(7900, 10000)) == "79.00 ± 0.80"


def test_what_was_not_reached_is_said(compared):
    text, header, found = compared[2]
    assert "Not both networks reached 100 % of the held-out digits within 1 steps" in text
    assert "generated, not affNIST" in text and "affine digits (not affNIST), %" in header
    assert [row[0] for row in found] == ["capsule", "baseline"]
    assert [row[2] for row in found] == ["1", "1"] and [row[-1] for row in found] == ["79", "66"]
    for row in found:
        with open(compared[0] / "run" / row[0] / "held_out.json") as file:
            right = json.load(file)["right"]["1"]
        assert row[3] == str(generalisation.Score(right, 10))


def test_it_goes_on_where_it_was(compared, capsys):
    folder, common, _ = compared
    assert run(*common, "--accuracy=100", "--max_steps=2") == 0
    out = capsys.readouterr().out
    assert out.count("Resuming from") == 2 and "within 2 steps" in out
    assert out.count("Finished at step 2") == 2 and "Finished at step 1" not in out
    # Steps beyond those that are asked for do not count.
    assert run(*common, "--accuracy=100", "--max_steps=1") == 0
    assert "Resuming" not in capsys.readouterr().out and rows(folder) == compared[2]
    # Less is reached already: nothing is trained, and what is named is evaluated.
    affnist_input_test.save(folder / "affnist" / "1.mat", *affnist_input_test.some_digits(12))
    assert run(*common, "--accuracy=0", f"--affnist={folder}/affnist") == 0
    assert "Resuming" not in capsys.readouterr().out
    text, header, found = rows(folder)
    assert "Both networks reached 0 %" in text and "affNIST, %" in header
    assert [row[2] for row in found] == ["1", "1"]


@pytest.mark.parametrize("arguments, message", [
    (["--data_dir=/nowhere"], "--data_dir: expected a folder"),
    (["--affnist=/nowhere"], "--affnist: there is no"),
    (["--accuracy=101"], "accuracy"),
    (["--summary_dir="], "--summary_dir is empty"),
    (["--summary_dir=gs://bucket/x"], "--summary_dir: expected a path on this machine"),
    (["--hparams_override=routes=1"], "expected one of decay_rate"),
])
def test_bad_flags_get_one_line(arguments, message, tmp_path, one_line):
    assert run(f"--summary_dir={tmp_path}", *arguments) == 2
    assert message in one_line()


def test_other_digits_are_not_mixed_in(compared, tmp_path, capsys, one_line):
    folder, _, _ = compared
    assert run(f"--summary_dir={folder}/run", "--max_steps=1") == 2
    assert f"was started with the digits of {folder}, found the sample" in one_line()
    # The same folder with other digits in it.
    shutil.copytree(folder / "run", tmp_path / "run")
    write_mnist(folder, np.zeros([8, 28, 28], np.uint8), np.zeros(8), "test")
    assert run(f"--data_dir={folder}", f"--summary_dir={tmp_path}/run", "--max_steps=1") == 2
    assert "test_affine_mnist.tfrecords: expected 8 digits, found 20" in capsys.readouterr().err
