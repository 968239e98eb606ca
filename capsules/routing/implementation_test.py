import importlib.util

import pytest
import tensorflow as tf

from capsules import ClassCapsules
from capsules.routing.implementation import LEAST_VOTES, choose


@pytest.mark.parametrize("arguments, chosen", [
    ((), "fused"), (("auto", "float64"), "products"), (("auto", "bfloat16"), "fused"),
    (("auto", "float32", LEAST_VOTES), "fused"), (("auto", "float32", LEAST_VOTES - 1), "products"),
    (("products",), "products"), (("fused", "float32", 1), "fused")])
def test_auto_is_fused_where_it_pays(arguments, chosen):
    assert choose(*arguments) == chosen


def test_auto_is_products_on_a_gpu(monkeypatch):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])
    assert (choose(), choose("fused")) == ("products", "fused")


def test_without_numba_auto_is_products_and_fused_an_error(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert choose() == "products"
    with pytest.raises(ValueError, match="Fused routing needs Numba: pip install numba"):
        choose("fused")


@pytest.mark.parametrize("arguments, message", [
    (("quick",), "Expected an implementation of"), (("fused", "float64"), "dtype='float64'")])
def test_impossible_choices_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        choose(*arguments)


def test_a_layer_says_what_it_chose():
    layer = ClassCapsules(10)
    layer.build((None, 1152, 8))
    assert layer.chosen_implementation == "fused" and not layer.supports_jit
    layer = ClassCapsules(10, dtype="float64")
    layer.build((None, 1152, 8))
    assert layer.chosen_implementation == "products" and layer.supports_jit
