"""A run as its settings ask for it: a training, an evaluation, a prediction."""

from training.evaluation.ensemble import evaluate_ensemble
from training.evaluation.evaluate import evaluate, follow
from training.evaluation.predictions import predict
from training.train import train


def run(settings):
    """Does what the settings ask for, and says on the screen how it goes.

    Args:
      settings: Settings.

    Returns:
      int exit status, or None for 0.

    Raises:
      DataError, HParamsError, RunError: for what the user can mend.
    """
    if settings.train:
        return train(settings)
    if settings.predictions:
        return predict(settings)
    if settings.is_ensemble:
        return evaluate_ensemble(settings)
    if settings.checkpoint:
        return evaluate(settings)
    return follow(settings)
