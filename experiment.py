"""Trains and evaluates capsule networks.

    python experiment.py --summary_dir=/tmp/run --max_steps=1000
    python experiment.py --summary_dir=/tmp/run --train=false
"""

from commands import signals

if __name__ == "__main__":
    signals.leave_at_once()         # also while the modules below are imported

import sys

from commands import command_line
from training import config
from training.distribution import cluster

FLAGS = config.new_flags()


def run(settings, hook=None):
    """Does what a Config asks for, and returns the exit status, None for 0."""
    # TensorFlow, which these import, was loaded quietly by now.
    from training import train
    from training.evaluation import ensemble, evaluate, follow, predictions

    if settings.train:
        return train.train(settings, hook)
    if settings.predictions:
        return predictions.predict(settings)
    if settings.is_ensemble:
        return ensemble.evaluate(settings)
    if settings.checkpoint:
        return evaluate.evaluate(settings)
    return follow.follow(settings)


def main(argv, hook=None):
    """Runs the command line, and returns its exit status.

    Args:
      argv: list of str.
      hook: training.loop.Hook that is told of a training's steps, or None.
    """
    return command_line.run(
        argv, FLAGS, lambda values: cluster.checked(config.from_flags(values)),
        lambda settings: run(settings, hook), __doc__, before_use=_choose_devices,
        help_text=config.help_text)


def _choose_devices(settings):
    from training.distribution import devices

    devices.prepare(settings)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
