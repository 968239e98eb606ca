import re

import numpy as np
import pytest
from PIL import Image

from reports.explorer import __main__ as explorer
from reports.explorer import browser
from reports.manual import explorer_film


@pytest.mark.skipif(browser.missing() is not None, reason=str(browser.missing()))
def test_the_command_films_a_page(untrained, tmp_path, monkeypatch):
    page = tmp_path / "page.html"
    assert explorer.main(["explorer", f"--checkpoint={untrained()}", f"--output={page}"]) == 0
    monkeypatch.setattr(explorer_film, "FOLDER", tmp_path / "pictures")
    monkeypatch.setattr(explorer_film, "POINTS", 3)
    monkeypatch.setattr(explorer_film, "MOVES", 1)
    assert explorer_film.main(["film", f"--page={page}"]) == 0
    with Image.open(tmp_path / "pictures" / "explorer.png") as picture:
        assert picture.size == (1280, 800)
    with Image.open(tmp_path / "pictures" / "explorer.gif") as film:
        assert film.n_frames >= 3 + 2           # of the drawing and of three iterations
        first = np.asarray(film.convert("RGB"), int)
        film.seek(film.n_frames - 1)
        assert np.abs(np.asarray(film.convert("RGB"), int) - first).max() > 100


@pytest.mark.parametrize("make, message", [
    (False, "there is no file"),
    (True, "/nowhere/chromium and .*: apt-get install chromium"),
])
def test_what_is_missing_gets_one_line(make, message, tmp_path, monkeypatch, one_line):
    monkeypatch.setattr(browser, "CHROMIUM", "/nowhere/chromium")
    page = tmp_path / "page.html"
    if make:
        page.write_text("")
    assert explorer_film.main(["film", f"--page={page}"]) == 2
    assert re.search(message, one_line())
