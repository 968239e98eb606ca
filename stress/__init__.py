"""Kills, crash points and damaged files: tests that take hours, with short forms in make test."""
