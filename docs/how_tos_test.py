"""The how-tos, as a reader follows them: files are made, lines are added, commands are run."""

import importlib
import os
import re
import runpy
import shlex
import sys

import pytest

import experiment
import input_data
import models
from docs.pages import ROOT
from input_data.mnist import mnist_input

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "how_to")
REGISTRIES = {"input_data": input_data.READERS, "models": models.NETWORKS}


def boxes(name):
    """Returns the kind and the text of each box of a page, in their order."""
    with open(os.path.join(HERE, name)) as file:
        return re.findall(r"^```(\w+)\n(.*?)^```$", file.read(), re.DOTALL | re.MULTILINE)


class Reader:
    """Does what a page says, in a folder of its own, with fewer steps and images."""

    def __init__(self, folder, monkeypatch):
        self._folder, self._monkeypatch = folder, monkeypatch
        monkeypatch.chdir(folder)
        monkeypatch.syspath_prepend(folder)     # a script imports what lies beside it
        for room in (input_data, models):
            (folder / room.__name__).mkdir()
            monkeypatch.setattr(room, "__path__",
                                [*room.__path__, str(folder / room.__name__)])
        self._room = None       # of the last file, to which a line of a registry belongs

    def follow(self, kind, text):
        if kind == "sh":
            for line in text.splitlines():
                self._command(line)
        elif text.startswith("# "):
            self._file(text.partition("\n")[0].removeprefix("# "), text)
        else:
            for name, place in eval("{" + text + "}").items():
                self._monkeypatch.setitem(REGISTRIES[self._room], name, place)

    def _file(self, name, text):
        self._room = os.path.dirname(name)
        (self._folder / name).write_text(text)

    def _command(self, line):
        line = line.replace("--max_steps=400", "--max_steps=2").replace("ckpt-400", "ckpt-2")
        line = line.replace("--batch_size=32", "--batch_size=8")
        line = line.replace("--train=false", "--train=false --eval_size=50")
        line = line.replace("num_prime_capsules=4", "num_prime_capsules=1,routing=1")
        program, *arguments = shlex.split(line)
        if program == "cp":
            source, target = arguments
            self._file(target, (ROOT / source).read_text())
            return
        assert program == "python"
        if arguments[0] == "-m":
            module = importlib.import_module(arguments[1])
            assert module.main(arguments[1:]) == 0
        elif arguments[0] == "experiment.py":
            # Afresh, as its flags know the networks that there were when they were defined.
            assert runpy.run_path(experiment.__file__)["main"](arguments) == 0
        elif arguments[0].startswith("docs/examples/"):
            text = (ROOT / arguments[0]).read_text()
            exec(text.replace('{"train": 200, "test": 50}', '{"train": 12, "test": 4}'), {})
        else:
            runpy.run_path(arguments[0], run_name="__main__")


def test_the_diagnostics_of_the_trained_network_are_those_of_the_page(capsys, monkeypatch):
    monkeypatch.chdir(os.path.dirname(os.path.dirname(HERE)))
    found = dict(boxes("../diagnostics.md"))
    exec(found["python"], {})
    assert capsys.readouterr().out == found["text"]


@pytest.mark.parametrize("name, says, makes", [
    ("own_data.md", "Total wrong predictions: ",
     {"shapes.png", "runs/shapes/test/confusion.png", "train.npz"}),
    ("own_network.md", "Total wrong predictions: ", {"runs/two_conv/test/result.json"}),
    ("own_routing.md", "couplings: (2, 1, 144, 10)", {"model.keras"})])
def test_what_a_page_says_works(name, says, makes, tmp_path, monkeypatch, capsys):
    reader = Reader(tmp_path, monkeypatch)
    before = set(sys.modules)
    for kind, text in boxes(name):
        reader.follow(kind, text)
    for module in set(sys.modules) - before:
        if module.startswith(("input_data.arrays", "models.two_conv", "sigmoid_routing")):
            del sys.modules[module]
    captured = capsys.readouterr()
    assert says in captured.out and "without effect" not in captured.err
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert makes <= made


def test_the_librarys_page_works(tmp_path, monkeypatch, capsys):
    whole = mnist_input.read_idx_split
    monkeypatch.setattr(mnist_input, "read_idx_split",
                        lambda *arguments: [part[:40] for part in whole(*arguments)])
    reader = Reader(tmp_path, monkeypatch)
    for kind, text in boxes("library.md"):
        reader.follow(kind, text)
    assert "0 of 40 are wrong" in capsys.readouterr().out
