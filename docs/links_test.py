"""Links of the pages lead somewhere, and every page is reached."""

import ast
import functools
import os
import pathlib
import re

import pytest

from docs.pages import PAGES, ROOT, Page, example


def dead_links(page):
    """Returns what is wrong with the links of a page: a list of lines."""
    problems = []
    for number, name, target in page.links():
        if reason := _dead(page, name, target):
            problems.append(f"{page.name}:{number}: {target}: {reason}")
    return problems


def _dead(page, name, target):
    if re.match(r"[a-z]+:", target):
        return None                     # an address elsewhere
    file, _, anchor = target.partition("#")
    path = pathlib.Path(os.path.normpath(page.path.parent / file)) if file else page.path
    if not path.is_relative_to(page.root):
        return "leaves the project"
    if not path.exists():
        return "there is no such file"
    if anchor:
        if path.suffix != ".md":
            return "only pages have sections"
        if anchor not in (known := Page(path, page.root).anchors):
            return f"there is no such section, only {', '.join(known)}"
    if name and path.suffix == ".py" and name not in (path.name, *definitions(path)):
        return f"{name} is not defined there"
    return None


@functools.cache
def definitions(path):
    """Returns the names that a module defines; those in a class as Class.name."""
    def names(body, prefix=""):
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield prefix + node.name
                if isinstance(node, ast.ClassDef):
                    yield from names(node.body, f"{prefix}{node.name}.")
            for target in getattr(node, "targets", [getattr(node, "target", None)]):
                if isinstance(target, ast.Name):
                    yield prefix + target.id
    return set(names(ast.parse(path.read_text()).body))


def unreached(paths):
    """Returns the names of the pages to which no links lead from README.md, the first of them."""
    reached, left = set(), [paths[0]]
    while left:
        path = left.pop()
        if path not in reached:
            reached.add(path)
            targets = (target.partition("#")[0]
                       for _, _, target in Page(path, paths[0].parent).links())
            left += [found for target in targets
                     if (found := (path.parent / target).resolve()) in paths]
    return [path.name for path in paths if path not in reached]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    assert dead_links(Page(path)) == []


def test_every_page_is_reached_from_the_readme():
    assert unreached(PAGES) == []


def test_there_is_something_to_look_at():
    assert len(list(Page(ROOT / "README.md").links())) > 20


@pytest.mark.parametrize("text, reason", [
    ("# A\n\n[here](nowhere.md)", "page.md:3: nowhere.md: there is no such file"),
    ("![picture](nothing.png)", "page.md:1: nothing.png: there is no such file"),
    ("[a](other.md#three)", "page.md:1: other.md#three: there is no such section, only one, "
     "two-words-or-3, one-1"),
    ("# A\n[a\nb](#b)", "page.md:3: #b: there is no such section, only a"),
    ("[a](../../x.md)", "page.md:1: ../../x.md: leaves the project"),
    ("[a](code.py#L1)", "page.md:1: code.py#L1: only pages have sections"),
    ("[`Unknown`](code.py)", "page.md:1: code.py: Unknown is not defined there"),
    ("[a]\n\n[a]: nowhere.md", "page.md:3: nowhere.md: there is no such file"),
])
def test_dead_links_are_found(tmp_path, text, reason):
    assert dead_links(example(tmp_path, text)) == [reason]


def test_links_that_lead_somewhere(tmp_path):
    assert dead_links(example(
        tmp_path,
        "# Here\n\n[1](other.md), [2](other.md#two-words-or-3), [3](other.md#one-1), [4](#here), "
        "[5](https://nowhere.example/), [`Known.method`](code.py), [`code.py`](code.py), "
        "`[6](no link)`\n\n    [7](code)\n\n```\n[8](code)\n```\n")) == []


def test_pages_without_a_way_to_them_are_found(tmp_path):
    (tmp_path / "docs").mkdir()
    texts = {"README.md": "[a](docs/a.md#one)", "docs/a.md": "[b](b.md), [a](../README.md)",
             "docs/b.md": "", "docs/c.md": "[b](b.md)"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    assert unreached([tmp_path.resolve() / name for name in texts]) == ["c.md"]
