"""Dynamic routing as matrix products, without the tensor of votes.

The votes u[i] W[i, j] of a capsule network are a large tensor, 94 MB for 128 MNIST digits, and
routing reads them several times an iteration. They need not exist. With u and W for inputs and
weights, both sums of an iteration are products of plain matrices, for each out capsule j:

    sum_i c[i, j] u[i] W[i, j]     = [c[:, j] u]  x  W[:, j]         the weighted sum
    (u[i] W[i, j]) . v[j]          = u[i] . (W[i, j] v[j])           the agreement

where [c[:, j] u] is flattened to [batch, in_atoms * in_caps]. The gradients are of the same two
forms: that of the weighted sum for c is an agreement, that of the agreement for v a weighted
sum, and each adds, for coefficients k and vectors x,

    k[i, j] W[i, j] x[j]           to the inputs' gradient,
    (k[i, j] u[i])' x[j]           to the weights'.

So of each iteration no more is kept than its coefficients, sums and capsules, and the temporary
tensors are of one out capsule's size.
"""

import tensorflow as tf

from capsules.ops import squash
from capsules.routing.iterations import iterate

MOST_GROUPS = 16    # of out capsules, worked on one after another; more would bloat the graph


def route(inputs, weights, biases, iterations, leaky, last_only=False):
    """Routes the votes `inputs[b, i, :] @ weights[i, :, j]` to capsules.

    First derivatives only: a gradient of the gradient is not that of routing.

    Args:
      inputs: float32 or float64 [batch, in_caps, in_atoms].
      weights: same dtype, [in_caps, in_atoms, out_caps, atoms].
      biases: same dtype, [out_caps, atoms], added before each squash.
      iterations: number of routing iterations, 1 or more.
      leaky: whether a share of each input may go to no capsule (see `ops.leaky_softmax`).
      last_only: whether gradients take the coupling coefficients for constants, so that only the
        last iteration counts.

    Returns:
      Same dtype, [batch, out_caps, atoms], the capsules, each shorter than 1.
    """
    @tf.custom_gradient
    def routed(inputs, weights, biases):
        votes, found = _iterate_products(inputs, weights, biases, iterations, leaky, last_only)

        def gradients(gradient):
            find = _last_gradients if last_only and iterations > 1 else _gradients
            return find(votes, found, tf.transpose(gradient, [1, 0, 2]))

        return tf.transpose(found.capsules[-1], [1, 0, 2]), gradients

    return routed(*map(tf.convert_to_tensor, (inputs, weights, biases)))


def route_steps(inputs, weights, biases, iterations, leaky, last_only=False):
    """The intermediate results of `route`, for the same arguments: RoutingSteps."""
    _, found = _iterate_products(inputs, weights, biases, iterations, leaky, last_only)
    return found.steps(inputs.shape[1])


def _iterate_products(inputs, weights, biases, iterations, leaky, last_only):
    """Returns the _Votes and their Iterations."""
    votes = _Votes(inputs, weights)
    return votes, iterate(votes.plain_sum(), votes.weighted_sum, votes.agreement, biases,
                          iterations, leaky, last_only)


def _gradients(votes, found, capsules_gradient):
    """Returns the gradients for inputs, weights and biases.

    Args:
      votes: _Votes.
      found: Iterations, of the forward pass.
      capsules_gradient: [out_caps, batch, atoms], for the last iteration's capsules.
    """
    biases_gradient, logits_gradient = 0, 0
    gradients = []                          # of inputs and weights, parts of their sums
    for last in reversed(range(len(found.sums))):
        sums_gradient = _squash_gradient(found.sums[last], capsules_gradient)
        biases_gradient += tf.reduce_sum(sums_gradient, axis=1)
        if last == 0:
            break
        coupling = found.couplings[last]
        _, coupling_gradient, *parts = votes.products(coupling, sums_gradient)
        gradients.append(parts)
        # Of the softmax; for the leaky one too, whose leak has no gradient of its own.
        mean = tf.reduce_sum(coupling * coupling_gradient, axis=0, keepdims=True)
        # Each iteration's logits hold the agreements of all before.
        logits_gradient += coupling * (coupling_gradient - mean)
        capsules_gradient, _, *parts = votes.products(logits_gradient, found.capsules[last - 1])
        gradients.append(parts)
    inputs_gradient, weights_gradient = votes.plain_gradients(
        sums_gradient * found.couplings[0])
    if gradients:
        inputs_part, weights_part = votes.in_order(*map(tf.add_n, zip(*gradients)))
        inputs_gradient += inputs_part
        weights_gradient += weights_part
    return inputs_gradient, weights_gradient, biases_gradient


def _last_gradients(votes, found, capsules_gradient):
    """Returns the same where the last of two or more iterations has constant couplings."""
    sums_gradient = _squash_gradient(found.sums[-1], capsules_gradient)
    _, _, *parts = votes.products(found.couplings[-1], sums_gradient)
    return *votes.in_order(*parts), tf.reduce_sum(sums_gradient, axis=1)


def _squash_gradient(vectors, gradient):
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        squashed = squash(vectors)
    return tape.gradient(squashed, vectors, gradient)


class _Votes:
    """The votes' sums and gradients, from inputs and weights; the votes are never built.

    Where coefficients multiply, in_atoms come before in_caps: their rows are contiguous.

    Args:
      inputs: [batch, in_caps, in_atoms].
      weights: [in_caps, in_atoms, out_caps, atoms].
    """

    def __init__(self, inputs, weights):
        self._in_caps, self._in_atoms, out_caps, atoms = weights.shape
        self._out_caps, self._atoms = out_caps, atoms
        self._flat_inputs = tf.reshape(inputs, [-1, self._in_caps * self._in_atoms])
        self._flat_weights = tf.reshape(weights, [-1, out_caps * atoms])
        self._inputs = tf.transpose(inputs, [0, 2, 1])              # [batch, in_atoms, in_caps]
        by_capsule = tf.reshape(tf.transpose(weights, [2, 1, 0, 3]), [out_caps, -1, atoms])
        size = -(-out_caps // MOST_GROUPS)
        # (group of out capsules, [group, in_atoms * in_caps, atoms])
        self._groups = [(slice(start, start + size), by_capsule[start:start + size])
                        for start in range(0, out_caps, size)]

    def plain_sum(self):
        """Returns the votes' sum over the inputs, [out_caps, batch, atoms]."""
        sums = tf.matmul(self._flat_inputs, self._flat_weights)
        return tf.transpose(tf.reshape(sums, [-1, self._out_caps, self._atoms]), [1, 0, 2])

    def weighted_sum(self, coefficients):
        """Returns [out_caps, batch, atoms], for coefficients [out_caps, batch, in_caps]."""
        return tf.concat([tf.matmul(self._scaled(coefficients[group]), weights)
                          for group, weights in self._groups], axis=0)

    def agreement(self, vectors):
        """Returns [out_caps, batch, in_caps], for vectors [out_caps, batch, atoms]."""
        return tf.concat([
            tf.reduce_sum(self._transformed_back(vectors[group], weights) * self._inputs, axis=2)
            for group, weights in self._groups], axis=0)

    def products(self, coefficients, vectors):
        """Returns all that coefficients k and vectors x give; a graph computes what is used.

        Args:
          coefficients: [out_caps, batch, in_caps].
          vectors: [out_caps, batch, atoms].

        Returns:
          The weighted sum for k; the agreement with x; and what both add to the gradients for
          inputs, [batch, in_atoms, in_caps], and weights, [out_caps, atoms, in_atoms * in_caps].
        """
        sums, agreements, inputs, weights = [], [], [], []
        for group, group_weights in self._groups:
            scaled = self._scaled(coefficients[group])
            sums.append(tf.matmul(scaled, group_weights))
            weights.append(tf.matmul(vectors[group], scaled, transpose_a=True))
            back = self._transformed_back(vectors[group], group_weights)
            agreements.append(tf.reduce_sum(back * self._inputs, axis=2))
            inputs.append(tf.reduce_sum(
                coefficients[group][:, :, tf.newaxis, :] * back, axis=0))
        return (tf.concat(sums, axis=0), tf.concat(agreements, axis=0), tf.add_n(inputs),
                tf.concat(weights, axis=0))

    def plain_gradients(self, gradient):
        """Returns what the plain sum's gradient adds to those for inputs and weights.

        Args:
          gradient: [out_caps, batch, atoms].

        Returns:
          [batch, in_caps, in_atoms] and [in_caps, in_atoms, out_caps, atoms].
        """
        gradient = tf.reshape(tf.transpose(gradient, [1, 0, 2]),
                              [-1, self._out_caps * self._atoms])
        inputs = tf.matmul(gradient, self._flat_weights, transpose_b=True)
        weights = tf.matmul(self._flat_inputs, gradient, transpose_a=True)
        return (tf.reshape(inputs, [-1, self._in_caps, self._in_atoms]),
                tf.reshape(weights, [self._in_caps, self._in_atoms, self._out_caps, self._atoms]))

    def in_order(self, inputs, weights):
        """Returns gradients as `products` has them, in the order of inputs and weights."""
        weights = tf.reshape(weights, [self._out_caps, -1, self._in_atoms, self._in_caps])
        return tf.transpose(inputs, [0, 2, 1]), tf.transpose(weights, [3, 2, 0, 1])

    def _scaled(self, coefficients):
        """Returns [group, batch, in_atoms * in_caps], the inputs times coefficients."""
        scaled = coefficients[:, :, tf.newaxis, :] * self._inputs
        return tf.reshape(scaled, [coefficients.shape[0], -1, self._in_atoms * self._in_caps])

    def _transformed_back(self, vectors, weights):
        """Returns W[i, j] x[j], [group, batch, in_atoms, in_caps]."""
        back = tf.matmul(vectors, weights, transpose_b=True)
        return tf.reshape(back, [vectors.shape[0], -1, self._in_atoms, self._in_caps])
