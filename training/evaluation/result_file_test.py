import os
import sys

import numpy as np

from training.evaluation import result_file
from training.monitoring.confusion import Confusion

VALUES = {"model": "capsule", "dataset": "mnist", "step": 5, "examples": 1, "wrong": 0,
          "wrong_percent": 0.0, "classes": [{"name": "a"}, {"name": "b"}]}


def test_without_matplotlib_a_line_says_that_the_picture_is_missing(tmp_path, monkeypatch, capsys):
    confusion = Confusion.of(np.array([[0]]), np.array([[0]]), 2)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib.figure", None)
        assert result_file.write(str(tmp_path), VALUES, confusion) is None
    assert os.listdir(tmp_path) == ["result.json"]
    assert "confusion.png is not drawn: Matplotlib is not installed" in capsys.readouterr().out
    assert result_file.write(str(tmp_path), VALUES, confusion) is not None
    assert sorted(os.listdir(tmp_path)) == ["confusion.png", "result.json"]
    assert not capsys.readouterr().out
