import dataclasses
import json

import numpy as np
import pytest

from benchmarks import convolutions
from benchmarks.convolutions import SHAPES, Measured, fitted_rates


def test_shapes_are_many_and_possible():
    assert len(set(SHAPES)) == len(SHAPES) >= 20
    assert all(padding == "same" or size >= kernel
               for size, kernel, _, _, _, padding in SHAPES)


def test_report_has_every_shape_and_constants(tmp_path, monkeypatch, capsys):
    shapes = [(8, 3, 1, 2, 3, "same"), (9, 5, 2, 3, 2, "valid")]
    monkeypatch.setattr(convolutions, "SHAPES", shapes)
    assert convolutions.main(["convolutions", "--steps=1", "--batch=2",
                              f"--output={tmp_path}"]) == 0
    assert "of 2 shapes" in (tmp_path / "report.md").read_text()
    values = json.loads((tmp_path / "report.json").read_text())
    assert [shape["shape"][1] for shape in values["shapes"]] == [[3, 3, 2, 3], [5, 5, 3, 2]]
    assert all(shape["direct"] > 0 and shape["spectral"] > 0 for shape in values["shapes"])
    assert "TRAFFIC_RATE" in values["constants"]


@pytest.mark.parametrize("spectral, estimate, choice, is_right", [
    (0.5, 0.6, "spectral", True), (1.05, 0.9, "spectral", True), (1.5, 0.9, "spectral", False),
    (0.95, 1.2, "direct", True), (0.5, 1.2, "direct", False)])
def test_a_choice_within_a_tenth_is_right(spectral, estimate, choice, is_right):
    one = Measured((), 1.0, spectral, 1.0, (), estimate)
    assert (one.choice, one.is_right) == (choice, is_right)
    assert dataclasses.asdict(one)["estimate"] == estimate


def test_fit_finds_the_rates_and_leaves_out_what_takes_no_time():
    terms = np.random.default_rng(0).uniform(1e9, 1e11, size=[20, 3])
    seconds = terms @ [1 / 100e9, 1 / 50e9, 0]
    first, second, third = fitted_rates(terms, seconds)
    assert first == pytest.approx(100e9) and second == pytest.approx(50e9)
    assert third is None or third > 1e15
