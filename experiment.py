"""Trains and evaluates capsule networks.

    python experiment.py --summary_dir=/tmp/run --max_steps=1000
    python experiment.py --summary_dir=/tmp/run --train=false
"""

from input_data import interruption

if __name__ == "__main__":
    interruption.leave_at_once()        # also while the modules below are imported

import sys

from input_data import command
from models.hparams import HParamsError
from training import run_flags
from training.errors import RunError

FLAGS = run_flags.define()


def _prepare(settings):
    from training import devices

    devices.prepare(settings)


def _main(settings):
    from training.run import run

    return run(settings)


def main(argv):
    """Runs the command line, and returns its exit status."""
    return command.run(argv, FLAGS, run_flags.settings, _main, __doc__,
                       errors=(HParamsError, RunError), before_use=_prepare)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
