"""Evaluation: of one checkpoint, of those of a training, of an ensemble; predictions."""
