"""Evaluates a checkpoint, the checkpoints of a training, or an ensemble; predicts."""
