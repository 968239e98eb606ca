"""Trains and evaluates capsule networks.

    python experiment.py --summary_dir=/tmp/run --max_steps=1000
    python experiment.py --summary_dir=/tmp/run --train=false
"""

from commands import signals

if __name__ == "__main__":
    signals.leave_at_once()        # also while the modules below are imported

import sys

from training import run_flags

FLAGS = run_flags.define()


def main(argv):
    """Runs the command line, and returns its exit status."""
    return run_flags.run(argv, FLAGS, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
