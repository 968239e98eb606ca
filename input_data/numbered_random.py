"""Random numbers and random orders by number, without state.

All are functions of keys (a seed and a use) and of a number. Sums wrap at 64 bits.
"""

import numpy as np

ROUNDS = 4
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MULTIPLIERS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)


def integers(high, *keys):
    """Returns uniform random integers, int64 [n], below `high`.

    Args:
      high: int, or int [n]; far below 2^64, so that all are equally likely.
      *keys: ints or ints [n], not negative.
    """
    return (_hashed(*keys) % _uint64(high)).astype(np.int64)


def permuted(numbers, size, *keys):
    """Returns the places, int64 [n], that numbers have in a random order of 0..size-1.

    A Feistel network over a grid of rows x columns just above `size`; places outside go through it
    again (Black and Rogaway 2002, "Ciphers with Arbitrary Finite Domains").

    Args:
      numbers: int [n], each below its size.
      size: int, or int [n].
      *keys: ints or ints [n], not negative.
    """
    places, size, key = (array.copy() for array in np.broadcast_arrays(
        _uint64(numbers), _uint64(size), _hashed(*keys)))
    rows = np.ceil(np.sqrt(size)).astype(np.uint64)
    columns = (size + rows - np.uint64(1)) // rows
    outside = np.arange(len(places))
    while len(outside):
        places[outside] = _feistel(places[outside], rows[outside], columns[outside],
                                   key[outside])
        outside = outside[places[outside] >= size[outside]]
    return places.astype(np.int64)


def _feistel(places, rows, columns, key):
    row, column = np.divmod(places, columns)
    for number in range(0, 2 * ROUNDS, 2):
        row = (row + _hashed(key, number, column) % rows) % rows
        column = (column + _hashed(key, number + 1, row) % columns) % columns
    return row * columns + column


def _hashed(*keys):
    """Returns uint64 [n] that look random, by the mixing function of SplitMix64."""
    state = np.zeros(1, np.uint64)
    for key in keys:
        state = (state ^ _uint64(key)) + GOLDEN
        for multiplier, shift in zip(MULTIPLIERS, SHIFTS):
            state = (state ^ state >> shift) * multiplier
        state = state ^ state >> SHIFTS[-1]
    return state


def _uint64(numbers):
    return np.atleast_1d(np.asarray(numbers)).astype(np.uint64)
