import inspect
import subprocess
import sys

import pytest

import capsules
from conftest import ROOT


@pytest.mark.parametrize("name", capsules.__all__)
def test_every_argument_has_a_type(name):
    called = getattr(capsules, name)
    if inspect.isclass(called):
        called = vars(called).get("__init__", lambda: None)
    for parameter in inspect.signature(called).parameters.values():
        if parameter.name != "self" and parameter.kind is not parameter.VAR_KEYWORD:
            assert parameter.annotation is not parameter.empty, parameter


def test_another_backend_gets_one_line():
    code = "import keras; keras.backend.backend = lambda: 'jax'; import capsules"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True,
                           check=False)
    assert ended.stderr.strip().splitlines()[-1] == (
        "ImportError: The package capsules needs Keras with TensorFlow; found the Keras backend "
        "jax. Set KERAS_BACKEND=tensorflow.")
