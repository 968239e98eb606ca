"""Dynamic routing between capsules (paper, section 2, procedure 1).

Capsules i of one layer vote for capsules j of the next. The votes' weights, the coupling
coefficients c[i, j], start uniform and grow where a vote agrees with the outcome:

    c[i, :] = softmax(b[i, :])
    s[j]    = sum_i c[i, j] votes[i, j] + bias[j]
    v[j]    = squash(s[j])
    b[i, j] = b[i, j] + votes[i, j] . v[j]

Gradients flow through all iterations. `dynamic_routing` takes the votes; `route_transformed`
takes inputs and weights, and never builds the votes [batch, in_caps, out_caps, atoms], the
largest tensor of a capsule network by far.
"""

import tensorflow as tf

from capsules.ops import leaky_softmax, squash


def dynamic_routing(votes, biases, iterations=3, leaky=False):
    """Routes votes to capsules.

    Args:
      votes: float32 [batch, in_caps, out_caps, atoms].
      biases: float32 [out_caps, atoms], added before each squash.
      iterations: number of routing iterations, 1 or more.
      leaky: whether a share of each input may go to no capsule (see `leaky_softmax`).

    Returns:
      float32 [batch, out_caps, atoms], the capsules, each shorter than 1.

    Raises:
      ValueError: if iterations is less than 1.
    """
    def weighted_sum(coupling):
        return tf.einsum("jbi,bija->jba", coupling, votes)

    def agreement(capsules):
        return tf.einsum("bija,jba->jbi", votes, capsules)

    first_sum = tf.transpose(tf.reduce_sum(votes, axis=1), [1, 0, 2])
    return _route(first_sum, weighted_sum, agreement, biases, iterations, leaky)


def route_transformed(inputs, weights, biases, iterations=3, leaky=False):
    """Routes the votes `inputs[b, i, :] @ weights[i, :, j]` to capsules, as matrix products.

    With u for the inputs and W[i, j] for the weights, both sums of an iteration are products
    of plain matrices, one for each out capsule j:

        s[j]                 = sum_i c[i, j] u[i] W[i, j]   = [c[:, j] u]  x  W[:, j]
        votes[i, j] . v[j]   = u[i] . (W[i, j] v[j])

    where [c[:, j] u] is flattened to [batch, in_caps * in_atoms].

    Args:
      inputs: float [batch, in_caps, in_atoms]; half precision makes the products' precision.
      weights: same dtype, [in_caps, in_atoms, out_caps * atoms].
      biases: [out_caps, atoms], added before each squash.
      iterations: number of routing iterations, 1 or more.
      leaky: whether a share of each input may go to no capsule (see `leaky_softmax`).

    Returns:
      [batch, out_caps, atoms], float32 where the inputs are half precision, else their dtype.

    Raises:
      ValueError: if iterations is less than 1.
    """
    in_caps, in_atoms, _ = weights.shape
    out_caps, atoms = biases.shape
    flat = tf.reshape(inputs, [-1, in_caps * in_atoms])
    by_input = tf.reshape(weights, [in_caps * in_atoms, out_caps * atoms])
    by_capsule = tf.transpose(                          # [out_caps, in_caps * in_atoms, atoms]
        tf.reshape(by_input, [in_caps * in_atoms, out_caps, atoms]), [1, 0, 2])

    def weighted_sum(coupling):                                     # [out_caps, batch, in_caps]
        scaled = tf.cast(coupling, inputs.dtype)[..., tf.newaxis] * inputs
        scaled = tf.reshape(scaled, [out_caps, -1, in_caps * in_atoms])
        return tf.matmul(scaled, by_capsule)                          # [out_caps, batch, atoms]

    def agreement(capsules):                                          # [out_caps, batch, atoms]
        back = tf.matmul(tf.cast(capsules, inputs.dtype), by_capsule, transpose_b=True)
        back = tf.reshape(back, [out_caps, -1, in_caps, in_atoms])
        return tf.reduce_sum(back * inputs, axis=-1)                # [out_caps, batch, in_caps]

    first_sum = tf.reshape(tf.matmul(flat, by_input), [-1, out_caps, atoms])
    first_sum = tf.transpose(first_sum, [1, 0, 2])                    # [out_caps, batch, atoms]
    return _route(first_sum, weighted_sum, agreement, biases, iterations, leaky)


def _route(first_sum, weighted_sum, agreement, biases, iterations, leaky):
    """The iterations, whatever the form of the votes; out capsules come first inside.

    Args:
      first_sum: [out_caps, batch, atoms], the plain sum of the votes: the first coefficients
        are uniform, so they need neither a softmax nor a product.
      weighted_sum: function of coupling coefficients [out_caps, batch, in_caps] that returns
        [out_caps, batch, atoms].
      agreement: function of capsules [out_caps, batch, atoms] that returns
        [out_caps, batch, in_caps].
      biases, iterations, leaky: as above.

    Returns:
      [batch, out_caps, atoms].
    """
    if iterations < 1:
        raise ValueError(f"Expected 1 or more routing iterations. Received: {iterations}.")
    dtype = tf.float32 if first_sum.dtype.size < 4 else first_sum.dtype
    out_caps = first_sum.shape[0]
    biases = tf.cast(biases, dtype)[:, tf.newaxis, :]                     # [out_caps, 1, atoms]
    softmax = leaky_softmax if leaky else tf.nn.softmax

    share = 1 / (out_caps + 1) if leaky else 1 / out_caps
    capsules = squash(tf.cast(first_sum, dtype) * share + biases)
    logits = None
    for _ in range(iterations - 1):
        agreed = tf.cast(agreement(capsules), dtype)
        logits = agreed if logits is None else logits + agreed
        coupling = softmax(logits, axis=0)
        capsules = squash(tf.cast(weighted_sum(coupling), dtype) + biases)
    return tf.transpose(capsules, [1, 0, 2])
