import json

import pytest

from benchmarks import bench, contest, measurements
from benchmarks.contest import Timing
from benchmarks.findings import WORK, Settings

# What the contestants' steps take in seconds, by the start or a part of their names.
SECONDS = {"plain": [2.0, 2.2, 2.1], "pipeline": [0.41, 0.41, 0.41],
           "records, ours": [0.2, 0.2, 0.2], "products": [0.7, 0.7, 0.7], "": [0.4, 0.4, 0.4]}


def made_up(contestants, steps, block=1):
    """A contest that takes no time."""
    timings = {}
    for name, (contestant, work) in contestants.items():
        seconds = next(SECONDS[part] for part in SECONDS if part in name)
        items = {"records": 1000}.get(work, contestant.get("batch_size"))
        timings[name] = Timing(seconds, items, 4e9 if "plain" in name else 2e9)
    return timings, "A card"


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(contest, "hold", made_up)
    monkeypatch.setattr(contest, "starts", lambda: [9.0, 8.0, 10.0])


def run(folder, *flags):
    return bench.main(["bench", f"--output={folder}", *flags])


def test_report_answers_every_row(quick, tmp_path, capsys):
    assert run(tmp_path, "--networks=mnist,cifar10") == 0
    printed = capsys.readouterr().out
    assert printed.strip() == (tmp_path / "report.md").read_text().strip()
    assert f"python -m benchmarks.bench --output={tmp_path} --networks=mnist,cifar10" in printed
    assert "- GPU: A card" in printed
    assert "| training | mnist | " in printed and "| 5.25x | 5.12 to 5.38 | " in printed
    values = json.loads((tmp_path / "report.json").read_text())
    rows = {(row["name"], row["network"]): row for row in values["rows"]}
    assert {name for name, _ in rows} == set(WORK)
    of_mnist = {name: row for (name, network), row in rows.items()
                if network != "cifar10" or name.startswith("cifar10")}
    assert of_mnist["input"]["value"] == pytest.approx(2.5)
    assert of_mnist["cifar10_speed"]["value"] == pytest.approx(4 * 2.1 / 0.4)
    assert of_mnist["memory"]["value"] == pytest.approx(0.5)
    assert values["settings"]["networks"] == ["mnist", "cifar10"]


def test_chosen_rows_are_measured_alone(quick, tmp_path, capsys):
    assert run(tmp_path, "--rows=startup", "--steps=3") == 0
    assert run(tmp_path, "--rows=memory") == 0       # replaces the report
    values = json.loads((tmp_path / "report.json").read_text())
    assert [row["name"] for row in values["rows"]] == ["memory"]


def test_a_row_that_fails_does_not_cost_the_others(quick, tmp_path, capsys, monkeypatch):
    def fail():
        raise contest.WorkerError("out of memory")

    monkeypatch.setattr(contest, "starts", fail)
    assert run(tmp_path, "--rows=startup,records") == bench.FAILED
    values = json.loads((tmp_path / "report.json").read_text())
    measured = {row["name"]: row["value"] for row in values["rows"]}
    assert measured["startup"] is None and measured["records"] > 0
    assert "out of memory" in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize("flag, message", [
    ("--rows=speed", "--rows: expected routing, training,"),
    ("--networks=norb", "--networks: expected mnist, multimnist, cifar10, found 'norb'"),
    ("--steps=0", "steps")])
def test_wrong_flags_are_errors_of_one_line(flag, message, tmp_path, capsys):
    assert run(tmp_path, flag) == 2
    printed = capsys.readouterr().err
    assert message in printed and printed.count("\n") == 1


@pytest.mark.parametrize("name", ["report.md", "report.json"])
def test_files_of_others_stay(name, tmp_path, capsys):
    (tmp_path / name).write_text("mine")
    assert run(tmp_path) == 2
    assert "is not a benchmark's report" in capsys.readouterr().err
    assert (tmp_path / name).read_text() == "mine"


def test_every_measurement_has_its_rows():
    names = [name for rows, _, _ in measurements.measurements(Settings()) for name in rows]
    assert sorted(names) == sorted(WORK)
