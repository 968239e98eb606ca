"""Which implementation of dynamic routing computes it: `fused` loops on the CPU, or `products`."""

import importlib.util
import sys

import tensorflow as tf

IMPLEMENTATIONS = ("auto", "fused", "products")
LEAST_VOTES = 2000      # of an example, as floats; for fewer, calling the loops takes longer


def choose(implementation="auto", dtype="float32", votes=None):
    """Returns "fused" or "products".

    "auto" is fused on CPUs where Numba is installed, and products on GPUs, in float64, and for
    few votes.

    Args:
      implementation: "auto", "fused" or "products".
      dtype: str, that routing computes in.
      votes: number of floats in an example's votes, or None for many.

    Raises:
      ValueError: for another implementation, and where the fused one cannot be used.
    """
    if implementation not in IMPLEMENTATIONS:
        raise ValueError(f"Expected an implementation of {IMPLEMENTATIONS}. "
                         f"Received: {implementation!r}.")
    if implementation == "fused":
        if not importlib.util.find_spec("numba"):
            raise ValueError("Fused routing needs Numba: pip install numba.")
        if dtype == "float64":
            raise ValueError("Fused routing computes in float32. Received: dtype='float64'.")
    if implementation != "auto":
        return implementation
    is_possible = (importlib.util.find_spec("numba") and dtype != "float64"
                   and not tf.config.list_logical_devices("GPU"))
    return "fused" if is_possible and (votes is None or votes >= LEAST_VOTES) else "products"


def must_be_portable():
    """Whether the graph under construction is to be compiled by XLA or exported by Keras.

    Neither takes the fused loops, and nothing but the call stack tells.
    """
    frame = None if tf.executing_eagerly() else sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("keras.src.export"):
            return True
        if getattr(frame.f_locals.get("self"), "_jit_compile", None) is True:
            return True
        frame = frame.f_back
    return False
