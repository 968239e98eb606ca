"""The house: short listings, a line on every package, imports that run one way."""

import ast
import configparser
import pathlib

import pytest

from conftest import ROOT

ROOT = pathlib.Path(ROOT)
MOST = 15           # entries of a folder: modules, pages and folders
SHARED = ("conftest.py", "pages.py")        # by the tests of a folder
PACKAGES = sorted(path.parent for path in ROOT.glob("*/__init__.py"))
FOLDERS = [ROOT / "docs", ROOT / "docs" / "how_to", *sorted(path.parent for package in PACKAGES
                                  for path in package.rglob("__init__.py"))]


def listing(folder):
    """Returns the names in a folder that count: tests, data, caches, empty folders do not."""
    return [path.name for path in folder.iterdir()
            if (path.is_dir() and path.name != "__pycache__" and any(path.glob("*.*"))) or (
                path.suffix in (".py", ".md") and not path.name.endswith("_test.py")
                and path.name not in ("__init__.py", *SHARED))]


def name_of(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_folder_reads_as_a_short_table_of_contents(folder):
    assert len(listing(folder)) <= MOST, sorted(listing(folder))


@pytest.mark.parametrize("folder", FOLDERS[2:], ids=name_of)
def test_a_package_says_what_it_is(folder):
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))


def test_tests_and_the_linter_know_every_package():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    names = {package.name for package in PACKAGES}
    assert set(config["importlinter"]["root_packages"].split()) == names
    assert set(config["tool:pytest"]["testpaths"].split()) == {
        *names, "docs", *(path.name for path in ROOT.glob("*_test.py"))}


def test_only_two_tests_are_at_the_top():
    assert {path.name for path in ROOT.glob("*_test.py")} == {"experiment_test.py",
                                                               "layers_test.py"}


def test_experiment_imports_commands_and_training_alone():
    imported = set()
    for node in ast.walk(ast.parse((ROOT / "experiment.py").read_text())):
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module)
        elif isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
    ours = {name.split(".")[0] for name in imported} & {package.name for package in PACKAGES}
    assert ours <= {"commands", "training"}
