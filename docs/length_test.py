"""Pages are short. What commands write, whole pages or tables in them, is not counted."""

import re

import pytest

from docs.pages import PAGES, ROOT

GENERATED = ("docs/reference/api.md", "docs/reference/settings.md")
WRITTEN = [path for path in PAGES
           if path.relative_to(ROOT).as_posix() not in GENERATED
           and (path.is_relative_to(ROOT / "docs") or path.name == "README.md")
           and not path.is_relative_to(ROOT / "capsules")]


def lines(path):
    text = re.sub(r"^<!-- (\w+) -->\n.*?^<!-- end of \1 -->\n", "", path.read_text(),
                  flags=re.DOTALL | re.MULTILINE)
    return len(text.splitlines())


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_a_page_is_read_in_one_sitting(path):
    assert lines(path) <= 150


def test_all_pages_are_read_in_an_hour():
    assert sum(map(lines, WRITTEN)) <= 1300


def test_the_readme_is_a_first_screen_and_a_little_more():
    assert len((ROOT / "README.md").read_bytes()) <= 7000
