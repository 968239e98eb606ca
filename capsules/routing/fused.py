"""Dynamic routing on the CPU in one pass, 1.6 times as fast as products of matrices.

TensorFlow writes every product of votes and coefficients to memory before it sums them. `loops`
keeps votes in the processor's cache; this module lays tensors out for it.
"""

import os
import threading

import numba
import numpy as np
import tensorflow as tf

from capsules.routing.loops import (
    EXAMPLES,
    ROWS,
    backward_iterations,
    backward_votes,
    forward,
)

LARGEST_BLOCK = 192     # in capsules
LANES = 16              # float32 in a vector register; blocks are multiples

_one_at_a_time = threading.Lock()       # Numba's simplest threading layer allows no more


def route(inputs, weights, biases, iterations, leaky):
    """Routes the votes `inputs[b, i, :] @ weights[i, :, j]` to capsules.

    First derivatives only. XLA cannot compile it, and a SavedModel cannot hold it; see `products`.

    Args:
      inputs: float32 or bfloat16 [batch, in_caps, in_atoms].
      weights: float32 [in_caps, in_atoms, out_caps, atoms].
      biases: float32 [out_caps, atoms], added before each squash.
      iterations: number of routing iterations, 1 or more.
      leaky: whether a share of each input may go to no capsule (see `ops.leaky_softmax`).

    Returns:
      float32 [batch, out_caps, atoms], the capsules, each shorter than 1.
    """
    inputs, weights, biases = map(tf.convert_to_tensor, (inputs, weights, biases))
    batch, (in_caps, in_atoms, out_caps, atoms) = tf.shape(inputs)[0], weights.shape
    blocks = -(-in_caps // LARGEST_BLOCK)
    size = -(-in_caps // (blocks * LANES)) * LANES
    # Zeros fill up the last examples, the last block, and atoms to multiples of ROWS.
    more_caps, more_in, more = ([0, blocks * size - in_caps], [0, -in_atoms % ROWS],
                                [0, -atoms % ROWS])
    inputs = tf.pad(tf.cast(inputs, tf.float32), [[0, -batch % EXAMPLES], more_caps, more_in])
    inputs = tf.reshape(inputs, [-1, blocks, size, inputs.shape[2]])
    inputs = tf.transpose(inputs, [0, 1, 3, 2])         # [batch, blocks, in_atoms, size]
    weights = tf.pad(weights, [more_caps, more_in, [0, 0], more])
    weights = tf.reshape(weights, [blocks, size, inputs.shape[2], -1])
    weights = tf.transpose(weights, [0, 3, 2, 1])       # [blocks, out_caps * atoms, in_atoms, size]
    weights = tf.reshape(weights, [blocks, out_caps, atoms + more[1], *weights.shape[2:]])
    biases = tf.pad(biases, [[0, 0], more])

    @tf.custom_gradient
    def routed(inputs, weights, biases):
        steps = [iterations, inputs.shape[0], *biases.shape]
        sums, capsules = _call(forward, [steps, steps], inputs, weights, biases, iterations, leaky)

        def gradients(gradient):
            shapes = [inputs.shape, weights.shape, steps]
            inputs_gradient, weights_gradient, sums_gradient = _call(
                _backward, shapes, inputs, weights, sums, capsules, gradient, leaky)
            # Not in NumPy, whose small arrays may or may not be aligned as TensorFlow likes it:
            # on that depends whether it reuses one, and so the order of sums over devices.
            return inputs_gradient, weights_gradient, tf.reduce_sum(sums_gradient, axis=[0, 1])

        return capsules[-1], gradients

    return routed(inputs, weights, biases)[:batch][:, :, :atoms]      # so the shape stays known


def compile_now():
    """Compiles what `route` calls, or loads it from the cache of an earlier process."""
    inputs, weights, biases = (np.zeros(shape, np.float32) for shape in (
        [EXAMPLES, 1, ROWS, LANES], [1, 1, ROWS, ROWS, LANES], [1, ROWS]))
    sums, capsules = _run(forward, inputs, weights, biases, 2, False)
    _run(_backward, inputs, weights, sums, capsules, sums[0], False)


def _call(function, shapes, *arguments):
    """Calls a function of NumPy arrays from a graph; returns float32 tensors of the shapes."""
    tensors = [argument for argument in arguments if tf.is_tensor(argument)]
    plain = arguments[len(tensors):]
    found = tf.numpy_function(lambda *arrays: _run(function, *arrays, *plain), tensors,
                              [tf.float32] * len(shapes), stateful=False)
    return [tf.ensure_shape(tensor, shape) for tensor, shape in zip(found, shapes)]


def _run(function, *arguments):
    """Calls a function with as many threads as TensorFlow's operations have."""
    most = numba.config.NUMBA_NUM_THREADS       # type: ignore[attr-defined]
    threads = min(int(os.environ.get("TF_NUM_INTRAOP_THREADS") or most), most)
    with _one_at_a_time:
        numba.set_num_threads(threads)
        return function(*arguments, threads)


def _backward(inputs, weights, sums, capsules, gradient, leaky, threads):
    """Returns the gradients of inputs, weights and sums.

    Args:
      inputs, weights: the arguments of `forward`; sums, capsules: its results.
      gradient: [batch, out_caps, atoms], of the capsules of the last iteration.
      leaky: bool.
      threads: int.
    """
    couplings, logits_gradient, sums_gradient = backward_iterations(
        inputs, weights, sums, capsules, gradient, leaky, threads)
    share = np.float32(1 / (sums.shape[2] + leaky))
    inputs_gradient, weights_gradient = backward_votes(
        inputs, weights, capsules, share, couplings, logits_gradient, sums_gradient)
    return inputs_gradient, weights_gradient, sums_gradient
