import inspect

import pytest

import capsules


@pytest.mark.parametrize("name", capsules.__all__)
def test_every_argument_has_a_type(name):
    called = getattr(capsules, name)
    if inspect.isclass(called):
        called = vars(called).get("__init__", lambda: None)
    for parameter in inspect.signature(called).parameters.values():
        if parameter.name != "self" and parameter.kind is not parameter.VAR_KEYWORD:
            assert parameter.annotation is not parameter.empty, parameter
