"""Dynamic routing as matrix products, without the tensor of votes.

The votes u[i] W[i, j] of a capsule network are its largest tensor by far, and routing reads them
several times an iteration. They need not exist. With u and W for inputs and weights, both sums
of an iteration are products of plain matrices, for each out capsule j:

    sum_i c[i, j] u[i] W[i, j]     = [c[:, j] u]  x  W[:, j]         the weighted sum
    (u[i] W[i, j]) . v[j]          = u[i] . (W[i, j] v[j])           the agreement

where [c[:, j] u] is flattened to [batch, in_atoms * in_caps]. The gradients are of the same two
forms: that of the weighted sum for c is an agreement, that of the agreement for v a weighted
sum, and each adds, for coefficients k and vectors x,

    k[i, j] W[i, j] x[j]           to the inputs' gradient,
    (k[i, j] u[i])' x[j]           to the weights'.

So nothing but coefficients is kept from one iteration to the next, and the temporary tensors are
of one out capsule's size, which stays in a CPU's cache.
"""

import tensorflow as tf

from capsules.ops import squash
from capsules.routing import iterate

MOST_GROUPS = 16    # of out capsules, worked on one after another; more would bloat the graph


def route(inputs, weights, biases, iterations=3, leaky=False):
    """Routes the votes `inputs[b, i, :] @ weights[i, :, j]` to capsules.

    First derivatives only: a gradient of the gradient is not that of routing.

    Args:
      inputs: float32 or float64 [batch, in_caps, in_atoms].
      weights: same dtype, [in_caps, in_atoms, out_caps * atoms].
      biases: same dtype, [out_caps, atoms], added before each squash.
      iterations: number of routing iterations, 1 or more.
      leaky: whether a share of each input may go to no capsule (see `ops.leaky_softmax`).

    Returns:
      Same dtype, [batch, out_caps, atoms], the capsules, each shorter than 1.

    Raises:
      ValueError: if iterations is less than 1.
    """
    @tf.custom_gradient
    def routed(inputs, weights, biases):
        votes, found = _iterate_products(inputs, weights, biases, iterations, leaky)

        def gradients(gradient):
            return _gradients(votes, found, tf.transpose(gradient, [1, 0, 2]))

        return tf.transpose(found.capsules[-1], [1, 0, 2]), gradients

    return routed(*map(tf.convert_to_tensor, (inputs, weights, biases)))


def route_steps(inputs, weights, biases, iterations=3, leaky=False):
    """Routes as `route` does, and keeps what every iteration computes.

    Args and Raises: as for `route`.

    Returns:
      routing.RoutingSteps.
    """
    _, found = _iterate_products(inputs, weights, biases, iterations, leaky)
    return found.steps(inputs.shape[1])


def _iterate_products(inputs, weights, biases, iterations, leaky):
    """Returns the _Votes and their Iterations."""
    votes = _Votes(inputs, weights, *biases.shape)
    return votes, iterate(votes.plain_sum(), votes.weighted_sum, votes.agreement, biases,
                          iterations, leaky)


def _gradients(votes, found, capsules_gradient):
    """Returns the gradients for inputs, weights and biases.

    Args:
      votes: _Votes.
      found: Iterations, of the forward pass.
      capsules_gradient: [out_caps, batch, atoms], for the last iteration's capsules.
    """
    biases_gradient, logits_gradient = 0, 0
    terms = []                              # (coefficients, vectors) of the votes' gradients
    for last in reversed(range(len(found.sums))):
        sums_gradient = _squash_gradient(found.sums[last], capsules_gradient)
        biases_gradient += tf.reduce_sum(sums_gradient, axis=1)
        if last == 0:
            break
        coupling = found.couplings[last]
        coupling_gradient = votes.agreement(sums_gradient)
        # Of the softmax; for the leaky one too, whose leak has no gradient of its own.
        mean = tf.reduce_sum(coupling * coupling_gradient, axis=0, keepdims=True)
        # Each iteration's logits hold the agreements of all before.
        logits_gradient += coupling * (coupling_gradient - mean)
        terms += [(coupling, sums_gradient), (logits_gradient, found.capsules[last - 1])]
        capsules_gradient = votes.weighted_sum(logits_gradient)
    inputs_gradient, weights_gradient = votes.gradients(
        sums_gradient * found.couplings[0], terms)
    return inputs_gradient, weights_gradient, biases_gradient


def _squash_gradient(vectors, gradient):
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        squashed = squash(vectors)
    return tape.gradient(squashed, vectors, gradient)


class _Votes:
    """The votes' sums and gradients, from inputs and weights; the votes are never built.

    Inside, in_atoms come before in_caps: what the coefficients multiply is then contiguous.

    Args:
      inputs, weights: as for `route`.
      out_caps, atoms: int.
    """

    def __init__(self, inputs, weights, out_caps, atoms):
        self._in_caps, self._in_atoms, _ = weights.shape
        self._out_caps, self._atoms = out_caps, atoms
        self._inputs = tf.transpose(inputs, [0, 2, 1])              # [batch, in_atoms, in_caps]
        weights = tf.transpose(weights, [1, 0, 2])
        self._weights = tf.reshape(weights, [-1, out_caps * atoms])
        by_capsule = tf.transpose(tf.reshape(weights, [-1, out_caps, atoms]), [1, 0, 2])
        size = -(-out_caps // MOST_GROUPS)
        # (group of out capsules, [group, in_atoms * in_caps, atoms])
        self._groups = [(slice(start, start + size), by_capsule[start:start + size])
                        for start in range(0, out_caps, size)]

    def plain_sum(self):
        """Returns the votes' sum over the inputs, [out_caps, batch, atoms]."""
        sums = tf.matmul(self._flat(self._inputs), self._weights)
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

    def gradients(self, plain_gradient, terms):
        """Returns the gradients for inputs and weights.

        Args:
          plain_gradient: [out_caps, batch, atoms], the gradient for the plain sum.
          terms: list of (coefficients [out_caps, batch, in_caps],
            vectors [out_caps, batch, atoms]).
        """
        plain = tf.reshape(tf.transpose(plain_gradient, [1, 0, 2]),
                           [-1, self._out_caps * self._atoms])
        inputs = tf.reshape(tf.matmul(plain, self._weights, transpose_b=True),
                            [-1, self._in_atoms, self._in_caps])
        weights = tf.matmul(self._flat(self._inputs), plain, transpose_a=True)
        weights = tf.reshape(weights, [-1, self._out_caps, self._atoms])
        if terms:
            by_capsule = []
            for group, group_weights in self._groups:
                parts = [(coefficients[group], vectors[group]) for coefficients, vectors in terms]
                inputs = tf.add_n([inputs, *(
                    tf.reduce_sum(coefficients[:, :, tf.newaxis, :]
                                  * self._transformed_back(vectors, group_weights), axis=0)
                    for coefficients, vectors in parts)])
                by_capsule.append(tf.add_n([
                    tf.matmul(self._scaled(coefficients), vectors, transpose_a=True)
                    for coefficients, vectors in parts]))
            weights += tf.transpose(tf.concat(by_capsule, axis=0), [1, 0, 2])
        weights = tf.reshape(weights, [self._in_atoms, self._in_caps, -1])
        return tf.transpose(inputs, [0, 2, 1]), tf.transpose(weights, [1, 0, 2])

    def _flat(self, inputs):
        return tf.reshape(inputs, [-1, self._in_atoms * self._in_caps])

    def _scaled(self, coefficients):
        """Returns [group, batch, in_atoms * in_caps], the inputs times coefficients."""
        scaled = coefficients[:, :, tf.newaxis, :] * self._inputs
        return tf.reshape(scaled, [coefficients.shape[0], -1, self._in_atoms * self._in_caps])

    def _transformed_back(self, vectors, weights):
        """Returns W[i, j] x[j], [group, batch, in_atoms, in_caps]."""
        back = tf.matmul(vectors, weights, transpose_b=True)
        return tf.reshape(back, [vectors.shape[0], -1, self._in_atoms, self._in_caps])
