"""Checkpoints: written, found, verified and restored; the reference's names."""
