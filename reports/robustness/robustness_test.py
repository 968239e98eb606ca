"""The command from its flags to its files, and what it refuses."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from conftest import TESTDATA, write_mnist
from reports.robustness import __main__ as robustness
from reports.robustness.curves import figure
from reports.robustness.measure import COUNT, SCALES, Row

SMALL = "routing=1,remake=false"


@pytest.fixture(scope="module")
def run_of(untrained, tmp_path_factory):
    """Returns a function that makes a small network's checkpoint that knows its settings."""
    def make(model="capsule", **settings):
        made = untrained(SMALL, model)
        folder = tmp_path_factory.mktemp("run") / model
        shutil.copytree(made.rpartition("/")[0], folder)
        (folder / "flags.json").write_text(json.dumps(
            {"model": model, "dataset": "mnist", **settings}))
        return f"{folder}/{made.rpartition('/')[2]}"
    return make


def run(*arguments):
    return robustness.main(["robustness", *map(str, arguments)])


def rows_of(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def test_two_networks_are_measured_side_by_side(run_of, tmp_path, capsys):
    names = run_of(), run_of("mlp")
    assert run(*names, "--examples=6", f"--output={tmp_path}/a.png", "--names=ours,theirs") == 0
    out = capsys.readouterr().out.splitlines()
    assert sum(": error (%) " in line for line in out) == 2 * len(SCALES)
    assert out[-1] == f"Wrote {tmp_path}/a.png and {tmp_path}/a.csv."
    rows = rows_of(tmp_path / "a.csv")
    assert list(rows[0]) == ["network", "checkpoint", "disturbance", "strength", "examples",
                             "wrong", "wrong_percent", "low", "high"]
    assert len(rows) == 2 * COUNT and {row["examples"] for row in rows} == {"6"}
    for name, checkpoint in zip(("ours", "theirs"), names):
        mine = [row for row in rows if row["network"] == name]
        assert {row["checkpoint"] for row in mine} == {checkpoint}
        # At no strength, the error is that of the test images in every panel.
        assert len({row["wrong"] for row in mine
                    if float(row["strength"]) == SCALES[row["disturbance"]].intact}) == 1
        for row in mine:
            low, percent, high = (float(row[key]) for key in ("low", "wrong_percent", "high"))
            assert 0 <= low <= percent <= high <= 100
            assert percent == pytest.approx(100 * int(row["wrong"]) / 6, abs=1e-3)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (1080, 760)
    # Again, and alone, a network errs on the same images.
    assert run(names[1], "--examples=6", f"--output={tmp_path}/b.png", "--names=theirs") == 0
    assert rows_of(tmp_path / "b.csv") == rows[COUNT:]


def test_the_figure_has_a_curve_for_each_network_and_disturbance():
    rows = [Row(name, "x", kind, strength, 50, wrong)
            for name, wrong in (("first", 5), ("second", 20))
            for kind, scale in SCALES.items() for strength in scale.strengths]
    axes = figure(rows, 10).axes
    for axis, scale in zip(axes, SCALES.values(), strict=True):
        guessing, *curves = axis.lines
        assert list(guessing.get_ydata()) == [90, 90]
        assert [line.get_label() for line in curves] == ["first", "second"]
        for line, percent in zip(curves, (10, 40)):
            np.testing.assert_array_equal(line.get_xdata(), scale.strengths)
            np.testing.assert_array_equal(line.get_ydata(), percent)
    assert axes[0].get_shared_y_axes().joined(axes[0], axes[-1])


@pytest.mark.parametrize("arguments, message", [
    (["--names=a"], "--names: expected 2, one for each checkpoint, found 1"),
    (["--names=a,a"], "--names: 2 networks are named a; give each its own"),
    ([], "--names: 2 networks are named capsule"),
    (["--examples=0"], "--examples"),
    (["--output=x.csv"], "x.csv is the name of the file beside the picture"),
    (["--output=/nowhere/x.png"], "no folder"),
    (["--data_dir=/nowhere"], "--data_dir: there is no folder or file"),
])
def test_bad_flags_get_one_line(arguments, message, run_of, tmp_path, monkeypatch, one_line):
    monkeypatch.chdir(tmp_path)
    assert run(run_of(), run_of(), *arguments) == 2
    assert message in one_line() and not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.png", "a.csv"])
def test_files_that_are_there_are_kept(name, run_of, tmp_path, one_line):
    (tmp_path / name).write_text("mine")
    assert run(run_of(), f"--output={tmp_path}/a.png") == 2
    assert f"{name} is there already" in one_line()
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("settings, message", [
    ({"dataset": "cifar10"}, "expected a network for mnist, as the first, found cifar10"),
    ({"num_targets": 2}, "expected a network for 1 target an image, found 2"),
])
def test_networks_of_other_data_are_refused(settings, message, run_of, tmp_path, one_line):
    name = run_of()
    other = tmp_path / "other"
    other.mkdir()
    (other / "flags.json").write_text(json.dumps(settings))
    assert run(name, f"{other}/model.ckpt-1", f"--output={tmp_path}/a.png", "--names=a,b") == 2
    assert message in one_line()


def test_other_test_images_are_refused(run_of, tmp_path, digits, one_line):
    images, labels = digits
    write_mnist(tmp_path, images, labels, "test")
    mine, other = run_of(), run_of(data_dir=str(tmp_path))
    assert run(mine, other, "--names=a,b", f"--output={tmp_path}/a.png", "--examples=5") == 2
    assert "on other images than" in one_line()


def test_standardized_images_are_refused(untrained, tmp_path, one_line):
    name = untrained(SMALL, dataset="cifar10", data_dir=f"{TESTDATA}/cifar10")
    with open(f"{name.rpartition('/')[0]}/flags.json", "w") as file:
        file.write('{"dataset": "cifar10", "model": "capsule"}')
    assert run(name, f"--data_dir={TESTDATA}/cifar10", f"--output={tmp_path}/a.png") == 2
    assert "expected images with pixels in [0, 1]" in one_line()
