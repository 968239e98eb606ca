"""Devices and clusters, and how they share a batch."""
