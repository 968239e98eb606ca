"""Dynamic routing and its gradients in loops that Numba compiles for the CPU.

The votes of a few examples stay in the processor's cache while all iterations run over them. Two
identities add to the procedure of the paper (see `dynamic`). Agreements are linear in the capsules,
so logits need not be kept:

    b_t[i, j] = votes[i, j] . (v_0[j] + ... + v_t-1[j])             in iteration t, from 0

And backward, with the gradients ds of the sums s, and db of the logits, which enter all later
iterations too, the gradient of a vote is

    dvotes[i, j] = c_0 ds_0[j] + sum over t > 0 of (c_t[i, j] ds_t[j] + db_t[i, j] v_t-1[j])

so that votes are made again instead of kept, and their gradients exist for one tile at a time.

In capsules, of which there are most, form the innermost axis, cut into blocks of equal size: the
loops over it become vector instructions. No sum is divided between threads, so the results do not
depend on their number. All loops are in this file: Numba's cache does not see changes in others.
"""

import functools
import math

import numba
import numpy as np
from numba import prange

ROWS = 4            # atoms that a loop adds at once, of either side; arrays have multiples
EXAMPLES = 4        # examples that are routed together, so that weights are read once; as above
# Of 2^f, from f^6 down.
POLYNOMIAL = (1.54353e-4, 1.33335581e-3, 9.61812911e-3, 5.55041087e-2, 2.40226507e-1,
              6.93147182e-1, 1.0)


def compiled(function, parallel=False):
    """Decorates a function that Numba compiles when it is first called."""
    # Sums may be reordered, as vectors need it; NaN and infinity must survive.
    options = {"fastmath": {"reassoc", "nsz", "contract"}, "nogil": True, "parallel": parallel}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:        # there is no folder that a cache can be written to
        return numba.njit(**options)(function)


compiled_parallel = functools.partial(compiled, parallel=True)     # prange's turns are threads


@compiled_parallel
def forward(inputs, weights, biases, iterations, leaky, threads):
    """Procedure 1.

    Args:
      inputs: [batch, blocks, in_atoms, size].
      weights: [blocks, out_caps, atoms, in_atoms, size].
      biases: [out_caps, atoms].
      iterations, threads: int.
      leaky: bool.

    Returns:
      Sums and capsules of every iteration, both [iterations, batch, out_caps, atoms].
    """
    batch, blocks, _, size = inputs.shape
    out_caps, atoms = biases.shape
    sums = np.empty((iterations, batch, out_caps, atoms), np.float32)
    capsules = np.empty_like(sums)
    for thread in prange(threads):
        votes = np.empty((blocks, EXAMPLES, out_caps, atoms, size), np.float32)
        couplings = np.empty((out_caps, size), np.float32)
        total = np.empty((out_caps, atoms), np.float32)
        for first in range(thread * EXAMPLES, batch, threads * EXAMPLES):
            make_votes(inputs[first:first + EXAMPLES], weights, votes)
            for e in range(EXAMPLES):
                couplings[:] = 1 / (out_caps + leaky)
                total[:] = 0
                for t in range(iterations):
                    s, v = sums[t, first + e], capsules[t, first + e]
                    s[:] = biases
                    for block in range(blocks):
                        if t > 0:
                            agreement(votes[block, e], total, couplings)
                            softmax(couplings, leaky)
                        add_weighted(votes[block, e], couplings, s)
                    squash(s, v)
                    total += v
    return sums, capsules


@compiled_parallel
def backward_iterations(inputs, weights, sums, capsules, gradient, leaky, threads):
    """Returns the coefficients of the votes' gradients.

    These are the couplings and the logits' gradients of the iterations after the first, both
    [blocks, batch, iterations - 1, out_caps, size], and the sums' gradients of all iterations,
    [iterations, batch, out_caps, atoms].
    """
    iterations, batch, out_caps, atoms = sums.shape
    _, blocks, _, size = inputs.shape
    couplings = np.empty((blocks, batch, iterations - 1, out_caps, size), np.float32)
    logits_gradient = np.empty_like(couplings)
    sums_gradient = np.empty_like(sums)
    for thread in prange(threads):
        votes = np.empty((blocks, EXAMPLES, out_caps, atoms, size), np.float32)
        couplings_gradient = np.empty((out_caps, size), np.float32)
        total = np.empty((out_caps, atoms), np.float32)
        capsules_gradient = np.empty((out_caps, atoms), np.float32)
        for first in range(thread * EXAMPLES, batch, threads * EXAMPLES):
            make_votes(inputs[first:first + EXAMPLES], weights, votes)
            for e in range(EXAMPLES):
                example = first + e
                capsules_gradient[:] = gradient[example]
                for t in range(iterations - 1, 0, -1):
                    ds = sums_gradient[t, example]
                    squash_gradient(sums[t, example], capsules_gradient, ds)
                    total[:] = 0
                    for before in range(t):
                        total += capsules[before, example]
                    capsules_gradient[:] = 0
                    for block in range(blocks):
                        c = couplings[block, example, t - 1]
                        db = logits_gradient[block, example, t - 1]
                        agreement(votes[block, e], total, c)
                        softmax(c, leaky)
                        agreement(votes[block, e], ds, couplings_gradient)
                        softmax_gradient(c, couplings_gradient, db)
                        if t < iterations - 1:
                            db += logits_gradient[block, example, t]
                        add_weighted(votes[block, e], db, capsules_gradient)
                squash_gradient(sums[0, example], capsules_gradient, sums_gradient[0, example])
    return couplings, logits_gradient, sums_gradient


@compiled_parallel
def backward_votes(inputs, weights, capsules, share, couplings, logits_gradient, sums_gradient):
    """Returns the gradients of inputs and weights, by way of those of the votes."""
    inputs_gradient, weights_gradient = np.zeros_like(inputs), np.zeros_like(weights)
    for block in prange(len(weights)):
        for first in range(0, len(inputs), EXAMPLES):
            add_gradients(block, first, inputs, weights, capsules, share, couplings,
                          logits_gradient, sums_gradient, inputs_gradient, weights_gradient)
    return inputs_gradient, weights_gradient


@compiled
def add_gradients(block, first, inputs, weights, capsules, share, couplings, logits_gradient,
                  sums_gradient, inputs_gradient, weights_gradient):
    """Adds the gradients of a block's inputs and weights for EXAMPLES examples."""
    _, out_caps, atoms, in_atoms, size = weights.shape
    dvotes = np.empty((EXAMPLES, ROWS, size), np.float32)
    u, du = inputs[first:first + EXAMPLES], inputs_gradient[first:first + EXAMPLES]
    w, dw = weights[block], weights_gradient[block]
    c, db = couplings[block], logits_gradient[block]
    for j in range(out_caps):
        for a in range(0, atoms, ROWS):
            for e in range(EXAMPLES):
                example = first + e
                for row in range(ROWS):
                    for i in range(size):
                        dvotes[e, row, i] = share * sums_gradient[0, example, j, a + row]
                    for t in range(1, len(capsules)):
                        ds = sums_gradient[t, example, j, a + row]
                        v = capsules[t - 1, example, j, a + row]
                        for i in range(size):
                            dvotes[e, row, i] += (c[example, t - 1, j, i] * ds
                                                  + db[example, t - 1, j, i] * v)
            for k in range(in_atoms):
                for row in range(ROWS):
                    for i in range(size):
                        dw[j, a + row, k, i] += (
                            dvotes[0, row, i] * u[0, block, k, i]
                            + dvotes[1, row, i] * u[1, block, k, i]
                            + dvotes[2, row, i] * u[2, block, k, i]
                            + dvotes[3, row, i] * u[3, block, k, i])
                for e in range(EXAMPLES):
                    for i in range(size):
                        du[e, block, k, i] += (
                            dvotes[e, 0, i] * w[j, a, k, i] + dvotes[e, 1, i] * w[j, a + 1, k, i]
                            + dvotes[e, 2, i] * w[j, a + 2, k, i]
                            + dvotes[e, 3, i] * w[j, a + 3, k, i])


@compiled
def make_votes(inputs, weights, votes):
    """votes[block, e, j, a] = the sum over k of inputs[e, block, k] weights[block, j, a, k]."""
    blocks, out_caps, atoms, in_atoms, size = weights.shape
    for block in range(blocks):
        for j in range(out_caps):
            for a in range(atoms):
                for e in range(EXAMPLES):
                    u, w, vote = inputs[e, block], weights[block, j, a], votes[block, e, j, a]
                    for k in range(0, in_atoms, ROWS):
                        for i in range(size):
                            more = (u[k, i] * w[k, i] + u[k + 1, i] * w[k + 1, i]
                                    + u[k + 2, i] * w[k + 2, i] + u[k + 3, i] * w[k + 3, i])
                            vote[i] = more if k == 0 else vote[i] + more


@compiled
def agreement(votes, capsules, agreements):
    """agreements[j] = the sum over a of votes[j, a] capsules[j, a]."""
    out_caps, atoms, size = votes.shape
    for j in range(out_caps):
        for i in range(size):
            agreements[j, i] = 0
        for a in range(atoms):
            for i in range(size):
                agreements[j, i] += votes[j, a, i] * capsules[j, a]


@compiled
def add_weighted(votes, coefficients, sums):
    """sums[j, a] += the sum over i of coefficients[j, i] votes[j, a, i]."""
    out_caps, atoms, size = votes.shape
    for j in range(out_caps):
        for a in range(atoms):
            found = np.float32(0)
            for i in range(size):
                found += coefficients[j, i] * votes[j, a, i]
            sums[j, a] += found


@compiled
def softmax(logits, leaky):
    """Replaces logits [out_caps, size] by their softmax over the out capsules."""
    out_caps, size = logits.shape
    top, total = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for j in range(out_caps):
        for i in range(size):
            top[i] = logits[j, i] if j == 0 and not leaky else max(top[i], logits[j, i])
    if leaky:
        total -= top
        exponential(total)
    for j in range(out_caps):
        logits[j] -= top
        exponential(logits[j])
        total += logits[j]
    for j in range(out_caps):
        logits[j] /= total


@compiled
def softmax_gradient(shares, gradient, logits_gradient):
    """The gradient of `softmax`, leaky or not: the leak has no gradient of its own."""
    out_caps, size = shares.shape
    mean = np.zeros(size, np.float32)
    for j in range(out_caps):
        for i in range(size):
            mean[i] += shares[j, i] * gradient[j, i]
    for j in range(out_caps):
        for i in range(size):
            logits_gradient[j, i] = shares[j, i] * (gradient[j, i] - mean[i])


@compiled
def exponential(x):
    """Replaces x, of at most 0, by exp(x) = 2^n 2^f, in operations that vectorize.

    n is a whole number, which becomes the exponent of a float32; f lies between -0.5 and 0.5,
    where a polynomial is exact to 2e-7.
    """
    powers = np.empty(len(x), np.int32)
    for i in range(len(x)):
        binary = x[i] * np.float32(1.44269504)
        binary = binary if binary > -126 else np.float32(-126)      # also for NaN
        n = np.floor(binary + np.float32(0.5))
        powers[i] = (np.int32(n) + np.int32(127)) << np.int32(23)
        value = np.float32(0)
        for coefficient in POLYNOMIAL:
            value = value * (binary - n) + np.float32(coefficient)
        x[i] = value
    x *= powers.view(np.float32)


@compiled
def squash(sums, capsules):
    """Equation 1, for each out capsule."""
    out_caps, atoms = sums.shape
    for j in range(out_caps):
        squared = np.float32(0)
        for a in range(atoms):
            squared += sums[j, a] * sums[j, a]
        scale = np.float32(math.sqrt(squared)) / (1 + squared)
        for a in range(atoms):
            capsules[j, a] = sums[j, a] * scale


@compiled
def squash_gradient(sums, capsules_gradient, sums_gradient):
    """The gradient of `squash`; 0 at 0."""
    out_caps, atoms = sums.shape
    for j in range(out_caps):
        squared = dot = np.float32(0)
        for a in range(atoms):
            squared += sums[j, a] * sums[j, a]
            dot += sums[j, a] * capsules_gradient[j, a]
        length = np.float32(math.sqrt(squared))
        along = (dot * (1 - squared) / ((1 + squared) * (1 + squared)) / length if length != 0
                 else np.float32(0))
        scale = length / (1 + squared)
        for a in range(atoms):
            sums_gradient[j, a] = scale * capsules_gradient[j, a] + along * sums[j, a]
