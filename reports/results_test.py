import csv

import numpy as np
import pytest
from PIL import Image

from commands.errors import RunError
from models.hparams import HParams
from reports import results
from training.config import Config
from training.run_folder import commit, contents, resume

COMMIT = commit.checked_out() or ""


def leave(folder, errors, *, seconds=600, step=1500, overrides="", held_out=None, **options):
    """Leaves the files of an evaluated training; errors are those of its checkpoints."""
    settings, _ = resume.for_training(Config(**{
        "summary_dir": str(folder), "hparams_override": overrides, "data_dir": "/", **options}),
                                      None)
    for name in ("train", "test"):
        (folder / name).mkdir(parents=True)
    contents.write_config(folder / "train", settings, HParams().override(overrides))
    (folder / "train" / f"model.ckpt-{step}.index").touch()
    (folder / "train" / contents.HISTORY).write_text(
        f"step,accuracy,seconds\n1,0.125,6\n{step},0.5,{seconds}\n")
    contents.write(folder / "test", contents.FLAGS, {
        "validate": settings.validate if held_out is None else held_out})
    contents.write(folder / "test", contents.RESULT, {
        "step": step, "examples": 10000, "wrong": round(100 * errors[-1]),
        "wrong_percent": errors[-1]})
    with open(folder / "test" / contents.HISTORY, "w") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["step", "wrong_prediction", "accuracy"])
        for number, error in enumerate(errors, start=1):
            rows.writerow([step * number // len(errors), round(100 * error), 1 - error / 100])
    return str(folder)


def table(runs):
    return results.table(results.rows_of(runs))


def cells(text):
    return [[cell.strip() for cell in line.strip("|").split("|")]
            for line in text.splitlines() if line.startswith("|")][2:]


def test_rows_have_the_runs_numbers_and_the_papers(tmp_path):
    runs = [results.read(folder) for folder in (
        leave(tmp_path / "r1", [0.9, 0.61], overrides="routing=1,remake=false"),
        leave(tmp_path / "pairs", [7.5], num_targets=2, seconds=3600, batch_size=64),
        leave(tmp_path / "conv", [0.5], model="baseline", precision="bfloat16"),
        leave(tmp_path / "leaky", [0.7], overrides="routing=2,leaky=true"),
        leave(tmp_path / "small", [1.1], overrides="num_prime_capsules=8", seconds=90))]
    assert cells(table(runs)) == [
        ["remake=false, routing=1", "1,500", "10", "0", "0.61", "0.34 ± 0.032", COMMIT],
        ["num_targets=2, batch_size=64", "1,500", "60", "0", "7.50", "5.2", COMMIT],
        ["model=baseline, precision=bfloat16", "1,500", "10", "0", "0.50", "0.39", COMMIT],
        ["leaky=true, routing=2", "1,500", "10", "0", "0.70", "", COMMIT],
        ["num_prime_capsules=8", "1,500", "1.5", "0", "1.10", "", COMMIT]]


def test_numbers_of_a_command_are_whole(tmp_path):
    run = results.read(leave(tmp_path / "run", [0.5], overrides="decay_steps=1234567"))
    assert "| decay_steps=1234567 |" in table([run])


def test_seeds_share_a_row(tmp_path):
    runs = [results.read(leave(tmp_path / f"seed{seed}", [error], seed=seed, seconds=seconds))
            for seed, error, seconds in ((0, 0.5, 540), (1, 0.7, 600), (2, 0.6, 660))]
    [row] = cells(table(runs))
    assert row == ["the defaults", "1,500", "10", "0, 1, 2", "0.60 ± 0.10", "0.25 ± 0.005", COMMIT]


def test_the_command_is_the_one_that_was_given(tmp_path):
    run = results.read(leave(tmp_path / "run", [0.5], seed=3, overrides="routing=1",
                             batch_size=32, validate=True, step=7))
    text = table([run])
    assert ("    python experiment.py --data_dir=$DATA_DIR/mnist_data/ --validate=true "
            "--hparams_override=routing=1 --batch_size=32 --seed=3 --max_steps=7 "
            "--summary_dir=runs/run\n") in text
    assert "Errors are of 10,000 held-out images" in text and "0.25" not in text


def test_runs_on_other_data_have_rows_of_their_own(tmp_path):
    for name in ("digits", "cifar"):
        (tmp_path / name).mkdir()
    (tmp_path / "pairs").touch()
    runs = [results.read(leave(tmp_path / name, [0.5], seed=seed, data_dir=data_dir, **others))
            for seed, (name, data_dir, others) in enumerate([
                ("a", str(tmp_path / "digits"), {}), ("b", None, {}),
                ("c", str(tmp_path / "cifar"), dict(dataset="cifar10")),
                ("d", str(tmp_path / "pairs"), dict(num_targets=2))])]
    text = table(runs)
    assert [row[3] for row in cells(text)] == ["0", "1", "2", "3"]
    for words in ("--data_dir=$DATA_DIR/mnist_data/ --max_steps", "experiment.py --seed=1",
                  "--data_dir=$DATA_DIR/cifar --dataset=cifar10",
                  "--data_dir=$DATA_DIR/mnist_data/pairs --num_targets=2"):
        assert words in text


def test_runs_of_a_recipe_have_its_name_and_its_short_command(tmp_path):
    hparams = "schedule=cosine,decay_steps=2030,ema_decay=0.99"
    options = dict(step=2030, model="baseline", precision="bfloat16", overrides=hparams)
    runs = [results.read(leave(tmp_path / f"seed{seed}", [error], seed=seed, **options))
            for seed, error in ((1, 4.3), (2, 4.5))]
    text = table(runs)
    assert cells(text)[0][:6] == ["baseline", "2,030", "10", "1, 2", "4.40 ± 0.14", "0.39"]
    assert ("    python experiment.py --flagfile=recipes/baseline.flags "
            "--data_dir=$DATA_DIR/mnist_data/ --seed=1 --summary_dir=runs/seed1\n") in text


def test_curves_are_those_of_the_histories(tmp_path):
    run = results.read(leave(tmp_path / "run", [3.0, 2.0, 1.0], step=301, seconds=606))
    assert run.training == [(0.1, 87.5), (10.1, 50.0)]
    assert np.ravel(run.evaluations) == pytest.approx([3.4, 3, 6.7333, 2, 10.1, 1], abs=1e-4)


@pytest.mark.parametrize("trained, evaluated, images, paper", [
    (True, False, "test images", "0.25 ± 0.005"), (False, True, "held-out images", ""),
    (False, False, "test images", "0.25 ± 0.005")])
def test_the_evaluation_says_what_was_evaluated(tmp_path, trained, evaluated, images, paper):
    run = results.read(leave(tmp_path / "run", [1.0], validate=trained, held_out=evaluated))
    text = table([run])
    assert f"Errors are of 10,000 {images}" in text and cells(text)[0][5] == paper


def test_what_a_row_has_no_column_for_is_said(tmp_path):
    run = results.read(leave(tmp_path / "run", [1.0], dataset="cifar10", validate=True))
    assert cells(table([run]))[0][0] == "dataset=cifar10, validate=true"


def test_a_folder_that_is_named_twice_counts_once(tmp_path, capsys):
    folder = leave(tmp_path / "run", [0.5])
    assert results.main(["results", folder, folder + "/"]) == 0
    assert cells(capsys.readouterr().out)[0][2:5] == ["10", "0", "0.50"]


@pytest.mark.parametrize("part, name, values, message", [
    ("test", "result.json", {"step": 1000}, "is of step 1000, the last checkpoint is"),
    ("test", "result.json", {"members": []}, "of an ensemble"),
    ("test", "result.json", {"wrong_percent": "few"}, "expected a number as wrong_percent"),
    ("test", "flags.json", {"validate": None}, "expected true or false as validate, found None"),
    ("train", "flags.json", {"model": "own"}, "model: expected capsule or baseline"),
    ("train", "flags.json", {"batch_size": None},
     "batch_size: expected a whole number from 1 to 1000000, found none"),
])
def test_files_that_do_not_fit_are_named(tmp_path, part, name, values, message):
    folder = leave(tmp_path / "run", [0.5])
    before = contents.read(tmp_path / "run" / part, name)
    contents.write(tmp_path / "run" / part, name, {**before, **values})
    with pytest.raises(RunError, match=message):
        results.read(folder)


@pytest.mark.parametrize("text", ["step;accuracy\n1;0.5\n", "step,accuracy\none,0.5\n",
                                  "step,accuracy\n1,0.5,7\n"])
def test_a_history_that_somebody_made_up_is_named(tmp_path, text):
    folder = leave(tmp_path / "run", [0.5])
    (tmp_path / "run" / "train" / contents.HISTORY).write_text(text)
    with pytest.raises(RunError, match=r"history\.csv cannot be read"):
        results.read(folder)


def test_a_page_takes_the_table_and_its_picture(tmp_path, capsys):
    folder = leave(tmp_path / "run", [3.0, 2.0, 1.0])
    page = tmp_path / "page.md"
    page.write_text("# Page\n<!-- one -->\nold\n<!-- end of one -->\nafter\n")
    arguments = ["results", folder, f"--page={page}", "--table=one"]
    assert results.main(arguments) == 0
    once = page.read_text()
    assert once.startswith("# Page\n<!-- one -->\n")
    assert once.endswith("<!-- end of one -->\nafter\n")
    assert "old" not in once and "| 1.00 |" in once and "](pictures/one.png)" in once
    with Image.open(tmp_path / "pictures" / "one.png") as picture:
        assert picture.size == (1000, 560)
    assert results.main(arguments) == 0 and page.read_text() == once


@pytest.mark.parametrize("arguments, message", [
    ((), "expected folders of runs"), (("{}/run", "--page=x"), "--page and --table go together"),
    (("{}/none",), "expected a training in train/"),
    (("{}/run", "--page={}/page.md", "--table=two"), "expected the lines <!-- two -->"),
    (("{}/run", "--page={}/no/page.md", "--table=two"), "No such file"),
    (("{}/run", "--page={}/picture.png", "--table=two"), "cannot be read or written ('utf-8'")])
def test_what_is_missing_gets_one_line(tmp_path, capsys, arguments, message):
    leave(tmp_path / "run", [1.0])
    (tmp_path / "page.md").write_text("<!-- one -->\n<!-- end of one -->\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff")
    assert results.main(["results", *(argument.format(tmp_path) for argument in arguments)]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error and len(error.splitlines()) == 1
