"""The paper's equations in float64 NumPy: what the tests measure the layers against.

Written for reading, not for speed: votes are built, convolutions are loops. "Paper" is
"Dynamic Routing Between Capsules" (Sabour, Frosst, Hinton 2017).
"""

import numpy as np


def squash(vectors):
    """Equation 1 along the last axis, 0 at 0: [..., atoms] -> [..., atoms]."""
    vectors = np.asarray(vectors, np.float64)
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    direction = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    return length**2 / (1 + length**2) * direction


def exponential_squash(vectors):
    """The squashing of Efficient-CapsNet along the last axis: [..., atoms] -> [..., atoms]."""
    vectors = np.asarray(vectors, np.float64)
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scale = np.divide(-np.expm1(-length), length, out=np.ones_like(length), where=length > 0)
    return scale * vectors


def softmax(logits):
    """Equation 3 along the last axis: [..., classes] -> [..., classes]."""
    logits = np.asarray(logits, np.float64)
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def leaky_softmax(logits):
    """Softmax over [0, logits] without the first share: [..., classes] -> [..., classes]."""
    leak = np.zeros((*np.shape(logits)[:-1], 1))
    return softmax(np.concatenate([leak, logits], axis=-1))[..., 1:]


def max_min(logits):
    """From 0 for the lowest to 1 for the highest, 1 if all are equal: [..., classes] -> same."""
    logits = np.asarray(logits, np.float64)
    lowest, highest = (find(logits, axis=-1, keepdims=True) for find in (np.min, np.max))
    return np.divide(logits - lowest, highest - lowest, out=np.ones_like(logits),
                     where=highest > lowest)


def votes(inputs, weights):
    """Equation 2, u_hat[j|i] = u[i] W[i, j].

    inputs [batch, in_caps, in_atoms], weights [in_caps, in_atoms, out_caps, atoms]
    -> [batch, in_caps, out_caps, atoms].
    """
    inputs, weights = np.asarray(inputs, np.float64), np.asarray(weights, np.float64)
    return np.einsum("bik,ikja->bija", inputs, weights)


def dynamic_routing(votes, biases, iterations, leaky):
    """Procedure 1, for each example by itself; biases are added before each squash.

    votes [batch, in_caps, out_caps, atoms], biases [out_caps, atoms] -> [batch, out_caps, atoms].
    """
    return routing_steps(votes, biases, iterations, leaky)[-1][-1]


def routing_steps(votes, biases, iterations, leaky):
    """The same, with what every iteration computes, iterations outermost.

    -> couplings [iterations, batch, in_caps, out_caps], sums and capsules
    [iterations, batch, out_caps, atoms].
    """
    return _steps(votes, biases, iterations, leaky_softmax if leaky else softmax)


def max_min_routing_steps(votes, biases, iterations):
    """Max-min routing (Zhao et al. 2019); shapes as in `routing_steps`."""
    return _steps(votes, biases, iterations, max_min)


def _steps(votes, biases, iterations, normalize):
    examples = [_route_example(example, np.asarray(biases, np.float64), iterations, normalize)
                for example in np.asarray(votes, np.float64)]
    return [np.stack(values, axis=1) for values in zip(*examples)]


def _route_example(votes, biases, iterations, normalize):
    logits = np.zeros(votes.shape[:2])                                # [in_caps, out_caps]
    steps = []
    for _ in range(iterations):
        coupling = normalize(logits)
        sums = np.einsum("ij,ija->ja", coupling, votes) + biases
        capsules = squash(sums)
        logits = logits + np.einsum("ija,ja->ij", votes, capsules)
        steps.append((coupling, sums, capsules))
    return [np.stack(values) for values in zip(*steps)]


def self_attention_routing_steps(votes, biases):
    """Self-attention routing (Mazzia, Salvetti, Chiaberge 2021), of one iteration.

    votes [batch, in_caps, out_caps, atoms], biases [in_caps, out_caps] -> as in `routing_steps`.
    """
    votes = np.asarray(votes, np.float64)
    agreements = np.einsum("bija,bkja->bij", votes, votes) / np.sqrt(votes.shape[-1])
    couplings = softmax(agreements)
    sums = np.einsum("bij,bija->bja", couplings + biases, votes)
    return [values[np.newaxis] for values in (couplings, sums, exponential_squash(sums))]


def class_capsules(inputs, weights, biases, iterations, leaky):
    """Section 2: votes, routed.

    inputs [batch, in_caps, in_atoms], weights [in_caps, in_atoms, out_caps * atoms], biases
    [out_caps, atoms] -> [batch, out_caps, atoms].
    """
    matrices = np.reshape(weights, [*np.shape(weights)[:2], *np.shape(biases)])
    return dynamic_routing(votes(inputs, matrices), biases, iterations, leaky)


def convolution(images, kernel, strides, padding):
    """A plain convolution ("valid" or "same", the odd zero of "same" below and to the right).

    images [batch, height, width, depth], kernel [rows, columns, depth, channels]
    -> [batch, out_height, out_width, channels].
    """
    images, kernel = np.asarray(images, np.float64), np.asarray(kernel, np.float64)
    extent = kernel.shape[:2]
    if padding == "same":
        missing = [max((-(-size // strides) - 1) * strides + window - size, 0)
                   for size, window in zip(images.shape[1:3], extent)]
        before_and_after = [(zeros // 2, zeros - zeros // 2) for zeros in missing]
        images = np.pad(images, [(0, 0), *before_and_after, (0, 0)])
    out_height, out_width = ((size - window) // strides + 1
                             for size, window in zip(images.shape[1:3], extent))
    features = np.zeros((len(images), out_height, out_width, kernel.shape[-1]))
    for row in range(out_height):
        for column in range(out_width):
            top, left = row * strides, column * strides
            patch = images[:, top:top + extent[0], left:left + extent[1]]
            features[:, row, column] = np.einsum("bhwd,hwdc->bc", patch, kernel)
    return features


def primary_capsules(images, kernel, biases, strides, padding, leaky):
    """Section 4: each position's features are the votes of one capsule, routed once.

    images [batch, height, width, depth], kernel [rows, columns, depth, num_capsules * atoms],
    biases [num_capsules, atoms] -> [batch, num_capsules * out_height * out_width, atoms].
    """
    num_capsules, atoms = np.shape(biases)
    features = convolution(images, kernel, strides, padding)
    batch, height, width, _ = features.shape
    capsules = np.zeros((batch, num_capsules, height, width, atoms))
    for row in range(height):
        for column in range(width):
            one_vote = features[:, row, column].reshape(batch, 1, num_capsules, atoms)
            capsules[:, :, row, column] = dynamic_routing(one_vote, biases, 1, leaky)
    return capsules.reshape(batch, -1, atoms)


def conv_capsules(inputs, kernel, biases, strides, padding, iterations, leaky):
    """One convolution of the capsules of each type makes their votes, routed at each position.

    inputs [batch, height, width, in_caps, in_atoms], kernel [rows, columns, in_atoms,
    num_capsules * atoms], biases [num_capsules, atoms]
    -> [batch, out_height, out_width, num_capsules, atoms].
    """
    votes = np.stack([convolution(capsules, kernel, strides, padding)
                      for capsules in np.moveaxis(np.asarray(inputs), 3, 0)], axis=3)
    *grid, in_caps, _ = votes.shape
    votes = votes.reshape(-1, in_caps, *np.shape(biases))
    return dynamic_routing(votes, biases, iterations, leaky).reshape(*grid, *np.shape(biases))


def decoder(capsules, targets, weights, image_shape):
    """Section 4.1: all capsules but the target's masked, dense layers, a sigmoid at the end.

    capsules [batch, num_capsules, atoms], targets int [batch, num_targets], weights a list of
    (kernel, bias) -> [batch, num_targets, height, width, depth].
    """
    height, width, depth = image_shape
    capsules = np.asarray(capsules, np.float64)
    reconstructions = np.zeros((*np.shape(targets), height, width, depth))
    for example, classes in enumerate(targets):
        for position, target in enumerate(classes):
            masked = np.zeros(capsules.shape[1:])
            masked[target] = capsules[example, target]
            values = masked.ravel()
            for kernel, bias in weights[:-1]:
                values = np.maximum(values @ kernel + bias, 0)
            kernel, bias = weights[-1]
            pixels = 1 / (1 + np.exp(-(values @ kernel + bias)))
            # The last layer's units are ordered (depth, row, column).
            pixels = pixels.reshape(depth, height, width)
            reconstructions[example, position] = np.moveaxis(pixels, 0, -1)
    return reconstructions


def margin_loss(labels, logits):
    """Equation 4 times 0.5: [batch, classes], [batch, classes] -> [batch, classes]."""
    labels, lengths = np.asarray(labels, np.float64), np.asarray(logits, np.float64)
    present = labels * np.maximum(0, 0.9 - lengths)**2
    absent = 0.5 * (1 - labels) * np.maximum(0, lengths - 0.1)**2
    return 0.5 * (present + absent)


def sigmoid_loss(labels, logits):
    """Cross entropy of each class, labels halved: [batch, classes], same -> same."""
    labels, logits = np.asarray(labels, np.float64) / 2, np.asarray(logits, np.float64)
    return labels * np.logaddexp(0, -logits) + (1 - labels) * np.logaddexp(0, logits)


def softmax_loss(labels, logits):
    """Cross entropy summed over the classes present: [batch, classes], same -> [batch]."""
    return -(labels * np.log(softmax(logits))).sum(axis=-1)


def reconstruction_loss(images, reconstructions):
    """Section 4.1, 0.0005 times the squares' sum: [batch, num_targets, ...], same -> [batch]."""
    squares = (np.asarray(images, np.float64) - np.asarray(reconstructions, np.float64))**2
    return 0.0005 * squares.reshape(len(squares), -1).sum(axis=-1)


def counts(logits, targets):
    """How many examples are correct and almost correct.

    logits [batch, classes], targets int [batch, num_targets] -> (correct, almost_correct).
    """
    correct = almost_correct = 0
    for lengths, classes in zip(np.asarray(logits), np.asarray(targets)):
        highest = set(np.argsort(-lengths, kind="stable")[:len(classes)])
        correct += set(classes) <= highest
        almost_correct += bool(set(classes) & highest)
    return correct, almost_correct
