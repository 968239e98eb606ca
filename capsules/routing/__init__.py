"""Routing: algorithms from votes to capsules."""

import keras

from capsules.routing.dynamic import DynamicRouting
from capsules.routing.routing import Routing


def get_routing(identifier):
    """Returns the routing that a layer's argument names.

    Args:
      identifier: a Routing; an int, the iterations of dynamic routing; or a Routing's
        configuration from `keras.saving.serialize_keras_object`.

    Returns:
      Routing.

    Raises:
      ValueError: for anything else.
    """
    if isinstance(identifier, int):
        return DynamicRouting(identifier)
    found = identifier
    if isinstance(identifier, dict):
        found = keras.saving.deserialize_keras_object(identifier)
    if not isinstance(found, Routing):
        raise ValueError("Expected a Routing, its configuration, or a number of iterations. "
                         f"Received: routing={identifier!r}.")
    return found
