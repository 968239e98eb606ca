"""Formats of files: bytes -> arrays, and arrays -> bytes."""
