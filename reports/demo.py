"""Trains the capsule network on the sample by recipes/demo.flags, and shows the result.

    python -m reports.demo

The same command continues a demonstration that was interrupted.
"""

import os
import sys

from absl import flags

from commands import command_line
from commands.errors import check_path
from reports import recipes, reconstructions, trained_network
from reports.drawing import figures
from training.config import Config
from training.run_folder import contents

FLAGS = command_line.new_flags()
flags.DEFINE_string("summary_dir", "runs/demo", "Folder of the run.", flag_values=FLAGS)

RECONSTRUCTIONS, CURVES = "reconstructions.png", "learning_curves.png"     # in the run's folder
SCREEN = """
The capsule network misclassifies {wrong} of {examples} test digits: an error of {percent:.2f} %.

  checkpoint       {checkpoint}
  reconstructions  {folder}/{reconstructions}
  learning curves  {folder}/{curves}
  summaries        {folder} (history.csv for a spreadsheet)

Next:
  {python} -m tensorboard.main --logdir={folder}
  {python} experiment.py --flagfile=recipes/demo.flags --seed=1 --summary_dir=runs/another
  {python} experiment.py --train=false --checkpoint={checkpoint}
  {python} -m reports.explorer --checkpoint={checkpoint} --output=explorer.html
"""


def demonstrate(folder):
    """Trains, evaluates and draws in a folder; returns the exit status of an interruption."""
    from reports.drawing import learning_curves
    from training.checkpoints.read import StoredCheckpoint, latest_checkpoint
    from training.evaluation.evaluate import evaluate
    from training.monitoring.history import read_history
    from training.train import train

    settings = recipes.read("demo", summary_dir=folder)
    checkpoint = latest_checkpoint(settings.train_folder)
    if checkpoint is None or StoredCheckpoint(checkpoint).step < settings.max_steps:
        status = train(settings)
        if status is not None:
            return status
        checkpoint = latest_checkpoint(settings.train_folder)
    evaluation = Config(train=False, summary_dir=folder, checkpoint=checkpoint)
    evaluate(evaluation)
    result = contents.read(evaluation.test_folder, contents.RESULT)
    network, data = trained_network.load(trained_network.of_checkpoint(checkpoint))
    reconstructions.picture(network, data, os.path.join(folder, RECONSTRUCTIONS), replace=True)
    curves = learning_curves.of_run(*map(read_history, (settings.train_folder,
                                                        evaluation.test_folder)))
    figures.save(curves, os.path.join(folder, CURVES), replace=True)
    print(SCREEN.format(
        wrong=result["wrong"], examples=result["examples"], percent=result["wrong_percent"],
        checkpoint=checkpoint, folder=folder, reconstructions=RECONSTRUCTIONS, curves=CURVES,
        python=os.path.relpath(sys.executable)))
    return None


def main(argv):
    """Runs the command line, and returns its exit status."""
    return command_line.run(
        argv, FLAGS, lambda values: check_path("--summary_dir", values.summary_dir), demonstrate,
        __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
