"""Nothing in the project runs what it reads: no source unpickles, evaluates or calls a shell."""

import ast
import pathlib

import pytest

import conftest

ROOT = pathlib.Path(conftest.ROOT)
# Those run the boxes of our own documentation.
RUN_DOCS = {"how_tos_test.py", "tour_test.py"}
SOURCES = sorted(path for path in ROOT.rglob("*.py") if path.name not in RUN_DOCS
                 and not any(part.startswith(".") for part in path.relative_to(ROOT).parts))

MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal",
           "jsonpickle", "yaml", "torch", "imp", "code", "runpy"}
# Functions that run, or build objects of, what they are given; those of builtins by bare name.
BUILTINS = {"eval", "exec", "compile", "__import__"}
CALLS = {"os.system", "os.popen", "tf.saved_model.load", "tf.keras.models.load_model",
         "keras.config.enable_unsafe_deserialization", "pandas.read_pickle"}
# Arguments that turn such a function on, by the values that leave it off.
ARGUMENTS = {"allow_pickle": False, "shell": False, "safe_mode": True}


def dotted(node):
    """Returns "a.b.c" of an expression of names, or ""."""
    if isinstance(node, ast.Name):
        return node.id
    before = dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return before and f"{before}.{node.attr}"


def unsafe(source):
    """Yields line number and name of what runs the data that it reads."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            names = []
        yield from ((node.lineno, name) for name in names if name.partition(".")[0] in MODULES)
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            if name in BUILTINS | CALLS:
                yield node.lineno, name
            for keyword in node.keywords:
                if keyword.arg in ARGUMENTS and not (
                        isinstance(keyword.value, ast.Constant)
                        and keyword.value.value is ARGUMENTS[keyword.arg]):
                    yield node.lineno, keyword.arg


def test_no_file_of_the_project_runs_what_it_reads():
    assert len(SOURCES) > 80
    found = {f"{path.relative_to(ROOT)}:{line} {name}"
             for path in SOURCES for line, name in unsafe(path.read_text())}
    assert not found


@pytest.mark.parametrize("source", [
    "import pickle", "from pickle import load", "import torch.nn", "def f():\n  import shelve",
    "np.load(path, allow_pickle=True)", "np.load(path, allow_pickle=allowed)", "eval(text)",
    "exec(text)", "subprocess.run(line, shell=True)", "os.system(line)",
    "keras.models.load_model(path, safe_mode=False)", "tf.saved_model.load(path)",
])
def test_it_would_be_found(source):
    assert list(unsafe(source))


@pytest.mark.parametrize("source", ["np.load(path)", "np.load(path, allow_pickle=False)",
                                    "json.loads(text)", "ast.literal_eval(text)",
                                    "re.compile(text)", "keras.models.load_model(path)"])
def test_what_is_safe_is_not(source):
    assert not list(unsafe(source))
