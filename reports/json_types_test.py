"""Wrong types in every field of every JSON file of a run: one line and status 2, or it works."""

import itertools
import json
import os
import shutil

import pytest

import experiment
from reports import results
from training import export
from training.monitoring import confusion_picture

# One more than there are commands, so that each meets each in time.
WRONG = (None, "x", [1], -5, 10**400, True)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A training of two steps that was evaluated."""
    folder = tmp_path_factory.mktemp("types") / "run"
    common = [f"--summary_dir={folder}", "--model=mlp"]
    assert experiment.main(["experiment.py", *common, "--max_steps=2", "--batch_size=4"]) == 0
    assert experiment.main(["experiment.py", *common, "--train=false", "--eval_size=4"]) == 0
    return folder


def resumes(run):
    try:
        return experiment.main(["experiment.py", f"--summary_dir={run}", "--max_steps=3"])
    finally:
        for name in os.listdir(run / "train"):
            if name.startswith("model.ckpt-3."):
                os.remove(run / "train" / name)


def evaluates(run):
    return experiment.main(["experiment.py", "--train=false", "--eval_size=4",
                            f"--checkpoint={run}/train/model.ckpt-2", f"--summary_dir={run}"])


def follows(run):
    return experiment.main(["experiment.py", "--train=false", "--eval_size=4", "--max_steps=2",
                            "--patience_minutes=0.001", "--poll_seconds=0.1",
                            f"--summary_dir={run}"])


def exports(run):
    try:
        return export.main(["export", f"--checkpoint={run}/train/model.ckpt-2",
                            f"--output={run}/exported"])
    finally:
        shutil.rmtree(run / "exported", ignore_errors=True)


def reports_results(run):
    return results.main(["results", str(run)])


def undrawn(*_):
    raise ImportError


def twice_each(items):
    return itertools.chain.from_iterable(zip(items, items))


@pytest.mark.parametrize("name", [
    "train/flags.json", "train/hparams.json", "train/dataset.json", "train/finished.json",
    "train/lock.json", "test/flags.json", "test/hparams.json",
    "test/result.json"])
def test_wrong_types_never_end_in_a_traceback(run, name, capsys, monkeypatch):
    monkeypatch.setattr(confusion_picture, "draw", undrawn)     # it takes most of the time
    texts = {path: path.read_text() for path in run.glob("*/*.json")}
    events = set(run.glob("*/events*"))
    commands = itertools.cycle([resumes, evaluates, follows, exports, reports_results])
    wrong = itertools.cycle(WRONG)
    values = json.loads(texts[run / name])
    try:
        for field, value, command in zip(twice_each(values), wrong, commands):
            for path, text in texts.items():
                path.write_text(text)
            (run / name).write_text(json.dumps({**values, field: value}))
            where = f"{command.__name__}: {field}={str(value)[:20]}"
            status = command(run)       # an exception fails this test
            captured = capsys.readouterr()
            lines = [line for line in captured.err.splitlines() if ": error: " in line]
            assert "Traceback" not in captured.err, where
            assert (status, len(lines)) in ((0, 0), (2, 1)), (where, status, captured.err[-500:])
    finally:
        for path, text in texts.items():
            path.write_text(text)
        for path in set(run.glob("*/events*")) - events:
            path.unlink()
