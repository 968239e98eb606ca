"""docs/reliability.md: its table of faults names tests that there are."""

import ast
import pathlib
import re

import conftest

ROOT = pathlib.Path(conftest.ROOT)
ROWS = [[cell.strip() for cell in line.strip("|\n").split(" | ")]
        for line in (ROOT / "docs" / "reliability.md").read_text().splitlines()
        if line.startswith("| ") and "_test.py::" in line]


def names_of_tests(path):
    return {node.name for node in ast.walk(ast.parse((ROOT / path).read_text()))
            if isinstance(node, ast.FunctionDef)}


def test_every_fault_has_a_test_that_there_is():
    assert len(ROWS) >= 80
    assert len({row[0] for row in ROWS}) == len(ROWS)
    for fault, seen, *_, test in ROWS:
        path, name = re.fullmatch(r"`([\w/]+_test\.py)::(\w+)`", test).groups()
        assert name.startswith("test_") and name in names_of_tests(path), test
        assert fault and seen


def test_none_of_them_shows_a_traceback():
    assert not [row for row in ROWS if "Traceback" in "".join(row)]
