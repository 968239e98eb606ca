"""Checks the shapes of layers' inputs, and how convolutions pad them."""


def check_sizes(shape, **sizes):
    """Returns the sizes of a shape after the batch's.

    Args:
      shape: tuple or tf.TensorShape, [batch, ...].
      **sizes: for each axis after the batch's, its name and the size it must have; None for any
        size above 0.

    Raises:
      ValueError: for another rank, another size, or one that is unknown or 0.
    """
    found = tuple(shape)[1:]
    fits = (size and expected in (None, size) for size, expected in zip(found, sizes.values()))
    if len(found) != len(sizes) or not all(fits):
        axes = ", ".join(name if size is None else f"{name}={size}"
                         for name, size in sizes.items())
        raise ValueError(f"Expected an input of shape [batch, {axes}], of which only the batch may "
                         f"be unknown or 0. Received: shape={tuple(shape)}.")
    return found


def check_padding(padding):
    """Returns a convolution's padding in lower case, "valid" or "same".

    Raises:
      ValueError: for another padding.
    """
    if str(padding).lower() not in ("valid", "same"):
        raise ValueError(f"Expected padding 'valid' or 'same'. Received: {padding!r}.")
    return padding.lower()
