"""The operations of a training step; its floor is their time at the machine's peak rate."""

import itertools

from benchmarks.plain import ATOMS, CLASS_ATOMS, DECODER_UNITS, FEATURES, KERNEL
from capsules.convolution import cost
from capsules.convolution.spectral import Spectral


def direct_convolutions(hparams, info, batch):
    """Returns the operations of direct convolutions and their gradients, but that of the images.

    Args:
      hparams: HParams.
      info: DatasetInfo.
      batch: int, images in a step.
    """
    first, second = _convolutions(hparams, info)
    return (2 * cost.direct_operations(*first, batch)
            + 3 * cost.direct_operations(*second, batch))


def transformed(hparams, info, batch):
    """Returns the operations of a step by part: a dict.

    The second convolution's are the products and transforms of the spectral one.
    """
    first, second = _convolutions(hparams, info)
    terms = cost.spectral_terms(*second, cost.best_tiles(*second), batch)
    rows, columns = Spectral(second[0], second[1][:2], *second[2:]).output_size
    in_caps = hparams.num_prime_capsules * rows * columns
    # One product of all inputs, or of the gradient for them, with the routing weights.
    product = 2 * batch * in_caps * ATOMS * info.num_classes * CLASS_ATOMS
    sizes = [info.num_classes * CLASS_ATOMS, *DECODER_UNITS, info.height * info.width * info.depth]
    dense = sum(before * after for before, after in itertools.pairwise(sizes))
    return {
        "first convolution": 2 * cost.direct_operations(*first, batch),
        "second convolution": terms.products + terms.transforms + terms.kernel_transforms,
        # The first iteration is a plain sum with 2 gradients; a later one takes 2, and 5 back.
        "routing": product * (3 + 7 * (hparams.routing - 1)),
        "decoder": 3 * 2 * batch * info.num_targets * dense if hparams.remake else 0,
    }


def _convolutions(hparams, info):
    """Returns both convolutions as (image size, kernel shape, strides, padding)."""
    padding = hparams.padding.lower()
    first = ((info.height, info.width), (KERNEL, KERNEL, info.depth, FEATURES), 1, padding)
    between = Spectral(first[0], first[1][:2], 1, padding).output_size
    second = (between, (KERNEL, KERNEL, FEATURES, hparams.num_prime_capsules * ATOMS), 2, padding)
    return first, second
