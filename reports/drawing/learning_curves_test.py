import types

import numpy as np
import pytest
from PIL import Image

from reports.drawing import figures, learning_curves


def run(name, training, evaluations, recipe=None, paper=""):
    return types.SimpleNamespace(name=name, recipe=recipe, training=training, paper=paper,
                                 evaluations=evaluations, wrong_percent=evaluations[-1][1])


def test_each_row_has_a_colour():
    falling = [(minute, 40 / minute) for minute in range(1, 201)]
    rows = [[run("one", falling, [(200, 1.0)]), run("other seed", [], [(200, 3.0)])],
            [run("run", [(1, 50.0)], [(50, 2.0), (99, 4.0)], "two", "0.25 ± 0.005")]]
    picture = learning_curves.figure(rows)
    axis, = picture.axes
    found = [(line.get_color(), *np.transpose(line.get_xydata()).tolist())
             for line in axis.lines if len(line.get_xydata())]
    (first, _, _), (second, _, _) = figures.LINES[:2]
    assert found[0][0] == first and found[0][1] == np.arange(5.5, 200, 10).tolist()
    assert found[1:] == [(first, [200], [1]), (first, [200], [3]), (second, [1], [50]),
                         (second, [50, 99], [2, 4]), (second, [0, 1], [0.25, 0.25])]
    assert [text.get_text() for text in picture.legends[0].texts] == [
        "training batches", "evaluated images", "paper", "one: 2.00 %", "two: 4.00 %"]


def test_marks_are_hollow_where_colours_come_again():
    rows = [[run(str(number), [], [(1, 1.0)])] for number in range(len(figures.LINES) + 1)]
    axis, = learning_curves.figure(rows).axes
    first, *_, last = [line for line in axis.lines if len(line.get_xydata())]
    assert first.get_color() == last.get_color() == first.get_markerfacecolor()
    assert last.get_markerfacecolor() == "white"


@pytest.mark.parametrize("training", [[], [(minute, 0.0) for minute in range(1, 99)]])
def test_errors_of_0_which_have_no_logarithm_are_drawn(tmp_path, training):
    path = str(tmp_path / "curves.png")
    figures.save(learning_curves.figure([[run("one", training, [(99, 0.0), (100, 1.0)])]]), path)
    with Image.open(path) as picture:
        assert picture.size == (1000, 560)


def test_a_training_is_seen_by_its_parts_means():
    minutes, errors = learning_curves._windows([(minute, minute % 2) for minute in range(1, 201)])
    np.testing.assert_array_equal(minutes, np.arange(5.5, 200, 10))
    np.testing.assert_array_equal(errors, np.full(20, 0.5))
    np.testing.assert_array_equal(learning_curves._windows([(1, 3), (2, 4)]), [[1, 2], [3, 4]])


def test_a_run_shows_its_losses_and_its_error():
    training = [{"step": step, "batch_classification_cost": 1 / step, "accuracy": 1 - 0.5 / step,
                 "reconstruction_error": 2 / step} for step in range(1, 41)]
    picture = learning_curves.of_run(training, [{**training[-1], "accuracy": 0.9}])
    found = {axis.get_title(): [line.get_xydata()[-1].tolist() for line in axis.lines]
             for axis in picture.axes}
    mean = np.mean([1 / 39, 1 / 40])
    np.testing.assert_allclose(found["Margin loss"], [[40, 1 / 40], [39.5, mean], [40, 1 / 40]])
    np.testing.assert_allclose(found["Reconstruction loss"][:2], [[40, 2 / 40], [39.5, 2 * mean]])
    np.testing.assert_allclose(found["Error (%)"], [[40, 50 / 40], [39.5, 50 * mean], [40, 10]])


def test_a_run_of_one_step_without_error_is_drawn(tmp_path):
    rows = [{"step": 1, "batch_classification_cost": 0.1, "reconstruction_error": 0.0,
             "accuracy": 1.0}]
    figures.save(learning_curves.of_run(rows), str(tmp_path / "curves.png"))
