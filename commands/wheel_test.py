"""What `pip install` installs: the library alone, and whole, in an environment of its own."""

import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

from conftest import ROOT

ROOT = pathlib.Path(ROOT)
METADATA = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE")
USE = """
import keras, numpy, os, sys
import capsules
from capsules import ClassCapsules, Decoder, PrimaryCapsules

digits = capsules.CapsNet.from_pretrained("mnist")
assert digits.predict(numpy.zeros((1, 28, 28, 1)), verbose=0).shape == (1, 10)

network = keras.Sequential([keras.Input((12, 12, 3)), PrimaryCapsules(2), ClassCapsules(5),
                            Decoder((12, 12, 3))])
remakes = network.predict(numpy.ones((2, 12, 12, 3)), verbose=0)
assert remakes.shape == (2, 1, 12, 12, 3) and numpy.isfinite(remakes).all()
print(os.path.dirname(capsules.__file__))
"""


def pip(*arguments):
    subprocess.run([sys.executable, "-m", "pip", *map(str, arguments), "--quiet", "--no-deps",
                    "--no-index", "--disable-pip-version-check"], check=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of a copy of the checkout, with the first module alone of other packages."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(ROOT / "capsules", source / "capsules",
                    ignore=shutil.ignore_patterns("__pycache__"))
    for name in METADATA:
        shutil.copy(ROOT / name, source)
    for path in ROOT.glob("*/__init__.py"):
        if path.parent.name != "capsules":
            (source / path.parent.name).mkdir()
            shutil.copy(path, source / path.parent.name)
    pip("wheel", source, f"--wheel-dir={folder}", "--no-build-isolation")
    path, = folder.glob("*.whl")
    return path


def test_the_wheel_holds_all_of_the_library_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as packed:
        found = {name for name in packed.namelist() if ".dist-info/" not in name}
    expected = {path.relative_to(ROOT).as_posix() for path in (ROOT / "capsules").rglob("*")
                if path.is_file() and "__pycache__" not in path.parts}
    assert found == expected


def test_the_library_works_outside_of_the_checkout(wheel, tmp_path):
    installed = tmp_path / "installed"
    pip("install", wheel, f"--target={installed}")
    done = subprocess.run([sys.executable, "-c", USE], cwd=tmp_path, capture_output=True, text=True,
                          check=False, env={**os.environ, "PYTHONPATH": str(installed)})
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(installed / "capsules")
