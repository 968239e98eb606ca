"""Keras layers of capsule networks, one a module."""
