"""Routing: algorithms from votes to capsules."""
