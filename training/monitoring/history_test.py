import math

import pytest

from commands.errors import RunError
from training.monitoring.history import History, read_history, training_seconds

COLUMNS = ("accuracy", "seconds")


def write(folder, steps, is_stale=lambda step: False, columns=COLUMNS):
    history = History(str(folder), columns, is_stale)
    for step in steps:
        history.append(step, {"accuracy": 0.5, "seconds": 2 * step})


def steps(folder):
    return [row["step"] for row in read_history(str(folder))]


def test_rows_are_read_as_they_were_written(tmp_path):
    write(tmp_path, [1, 10])
    assert (tmp_path / "history.csv").read_text() == "step,accuracy,seconds\n1,0.5,2\n10,0.5,20\n"
    assert read_history(str(tmp_path)) == [{"step": 1, "accuracy": 0.5, "seconds": 2},
                                           {"step": 10, "accuracy": 0.5, "seconds": 20}]


def test_steps_taken_again_replace_their_rows(tmp_path):
    write(tmp_path, [1, 10, 20])
    write(tmp_path, [15, 30], is_stale=lambda step: step > 10)
    assert steps(tmp_path) == [1, 10, 15, 30]


@pytest.mark.parametrize("half", ["30,0.", "30,0.5,60", "3"])
def test_half_a_row_is_dropped(tmp_path, half):
    write(tmp_path, [1, 10])
    text = (tmp_path / "history.csv").read_text()
    (tmp_path / "history.csv").write_text(text + half)
    assert steps(tmp_path) == [1, 10]
    write(tmp_path, [])
    assert (tmp_path / "history.csv").read_text() == text


def test_a_file_that_was_removed_begins_again(tmp_path):
    history = History(str(tmp_path), COLUMNS, lambda step: False)
    history.append(1, {"accuracy": 0.5, "seconds": 1})
    (tmp_path / "history.csv").unlink()
    history.append(2, {"accuracy": 0.5, "seconds": 1})
    assert steps(tmp_path) == [2]


@pytest.mark.parametrize("text", [
    "year,event\n1066,Hastings\n", "step,accuracy,seconds\n1,0.5\n",
    "step,accuracy,seconds\n1,0.5,2,3\n", "step,accuracy,seconds\n²,0.5,2\n"])
def test_another_file_is_left_alone(tmp_path, text):
    (tmp_path / "history.csv").write_text(text)
    with pytest.raises(RunError, match="move it away"):
        write(tmp_path, [1])
    assert (tmp_path / "history.csv").read_text() == text
    with pytest.raises(RunError, match="move it away"):
        read_history(str(tmp_path))


def test_new_columns_follow_those_of_an_older_version(tmp_path):
    (tmp_path / "history.csv").write_text("step,accuracy\n1,0.5\n10,0.5\n")
    write(tmp_path, [20])
    assert (tmp_path / "history.csv").read_text() == (
        "step,accuracy,seconds\n1,0.5,nan\n10,0.5,nan\n20,0.5,40\n")


def test_columns_stay_while_a_row_has_them(tmp_path):
    write(tmp_path, [1, 10])
    write(tmp_path, [20], columns=("accuracy",), is_stale=lambda step: step > 1)
    assert (tmp_path / "history.csv").read_text() == (
        "step,accuracy,seconds\n1,0.5,2\n20,0.5,40\n")
    write(tmp_path, [1], columns=("accuracy",), is_stale=lambda step: True)
    assert (tmp_path / "history.csv").read_text() == "step,accuracy\n1,0.5\n"


def test_columns_without_a_value_are_nan(tmp_path):
    history = History(str(tmp_path), COLUMNS, lambda step: False)
    history.append(1, {"accuracy": 0.5})
    row, = read_history(str(tmp_path))
    assert row["accuracy"] == 0.5 and math.isnan(row["seconds"])


def test_a_training_goes_on_counting_seconds(tmp_path):
    assert training_seconds(str(tmp_path)) == 0
    write(tmp_path, [10])
    assert training_seconds(str(tmp_path)) == 20


def test_histories_of_version_1_have_their_seconds_in_a_file(tmp_path):
    write(tmp_path, [10], columns=("accuracy",))
    (tmp_path / "seconds.json").write_text('{"seconds": 7.5, "since": null}')
    assert training_seconds(str(tmp_path)) == 7.5
    write(tmp_path, [])
    old, = read_history(str(tmp_path))
    assert math.isnan(old.pop("seconds")) and old == {"step": 10, "accuracy": 0.5}
    assert training_seconds(str(tmp_path)) == 7.5
    (tmp_path / "seconds.json").write_text('{"seconds": "seven"}')
    with pytest.raises(RunError, match=r"seconds\.json: expected a number as seconds"):
        training_seconds(str(tmp_path))
