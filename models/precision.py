"""The precision of the convolutions' products that a machine is fast in."""

import pathlib

import tensorflow as tf

PROCESSOR = pathlib.Path("/proc/cpuinfo")
INSTRUCTIONS = {"avx512_bf16", "amx_bf16", "bf16"}      # of x86 and, the last, of Arm


def choose_precision(precision):
    """Returns "float32" or "bfloat16"; for "auto" the faster one on this processor."""
    if precision != "auto":
        return precision
    return "bfloat16" if has_bfloat16() else "float32"


def has_bfloat16():
    """Whether the processor computes, and has instructions for bfloat16 as far as is known.

    Without them, bfloat16 takes several times as long as float32.
    """
    try:
        known = PROCESSOR.read_text().split()
    except OSError:
        return False
    return not INSTRUCTIONS.isdisjoint(known) and not tf.config.list_logical_devices("GPU")
