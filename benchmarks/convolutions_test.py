import json

from benchmarks import convolutions
from benchmarks.convolutions import SHAPES


def test_shapes_are_many_and_possible():
    assert len(set(SHAPES)) == len(SHAPES) >= 20
    assert all(padding == "same" or size >= kernel
               for size, kernel, _, _, _, padding in SHAPES)


def test_report_has_every_shape(tmp_path, monkeypatch, capsys):
    shapes = [(8, 3, 1, 2, 3, "same"), (9, 5, 2, 3, 2, "valid")]
    monkeypatch.setattr(convolutions, "SHAPES", shapes)
    assert convolutions.main(["convolutions", "--steps=1", "--batch=2",
                              f"--output={tmp_path}"]) == 0
    assert "of 2 shapes" in (tmp_path / "report.md").read_text()
    first, second = json.loads((tmp_path / "report.json").read_text())["shapes"]
    assert (first["shape"][1], second["shape"][1]) == ([3, 3, 2, 3], [5, 5, 3, 2])
    for shape in (first, second):
        assert shape["choice"] == "direct" and shape["ratio"] == shape["spectral"] / shape["direct"]
        assert shape["right"] == (1 / shape["ratio"] <= convolutions.TOLERANCE)
