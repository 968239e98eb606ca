import os
import re
import runpy
import sys

import matplotlib
import pytest

from reports.manual import tour


@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
def test_the_tour_runs(monkeypatch, capsys):
    monkeypatch.setenv("TOUR_STEPS", "2")
    matplotlib.use("agg")
    from matplotlib import pyplot

    left = runpy.run_path(tour.SOURCE)
    pyplot.close("all")
    assert left["turned"].shape == (16, 11, 28, 28, 1)
    assert re.search(r"^\d of 1000 test digits wrong", capsys.readouterr().out, re.MULTILINE)


def test_what_runs_notebooks_may_be_missing(monkeypatch, one_line):
    monkeypatch.setitem(sys.modules, "nbclient", None)
    monkeypatch.setitem(sys.modules, "ipykernel", None)
    assert tour.main(["reports.manual.tour"]) == 2
    assert "ipykernel is missing; make tour installs it" in one_line()


def test_the_notebook_is_the_tours_with_its_outputs():
    script, notebook = tour.read(tour.SOURCE), tour.read(tour.NOTEBOOK)
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == [
        (cell.cell_type, cell.source) for cell in script.cells], "make tour writes it anew"
    kinds = [kind for cell in notebook.cells for output in cell.get("outputs", [])
             for kind in (output.output_type, *output.get("data", {}))]
    assert "error" not in kinds and kinds.count("image/png") >= 4
    assert os.path.getsize(tour.NOTEBOOK) < 500_000
