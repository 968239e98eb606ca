"""Evaluates the checkpoints of a training as they appear."""

import os
import time

from commands.errors import DamagedError, RunError
from training.checkpoints.integrity import INDEX
from training.checkpoints.read import StoredCheckpoint, checkpoint_names
from training.evaluation.evaluate import Evaluator
from training.monitoring import screen
from training.run_folder import contents, resume


def follow(config):
    """Evaluates the checkpoints of a training, each once, until the training ends.

    It ends with the checkpoint of max_steps, with finished.json, or after patience_minutes without
    a new checkpoint. It evaluates a checkpoint again that was written again, and warns of damaged
    ones; if the last one is damaged, that is an error.

    Args:
      config: Config.

    Raises:
      UserError: for faults that the user can mend.
    """
    folder = config.train_folder
    print(f"Following the checkpoints in {folder}"
          + (", which is not there yet." if not os.path.isdir(folder) else "."), flush=True)
    # Find faults of the folder and the data now, not hours later.
    contents.make_folder(config.test_folder)
    run = resume.read(folder)
    evaluator = Evaluator(config, [run]) if run.settings else None
    if evaluator is None:
        screen.show_data(resume.for_evaluation(config, [run]).load_data())
    seen, missed, last_news, is_waiting = set(), None, time.monotonic(), False
    while True:
        # Read before the list is: a finished training writes no more checkpoints.
        finished = contents.read_finished(folder)
        new = [version for name in checkpoint_names(folder)
               if (version := _version(name)) not in seen]
        for version in new:
            seen.add(version)
            try:
                stored = StoredCheckpoint(version[0])
                # The training may have been started again, with other flags.
                run = resume.read(folder)
                if evaluator is None or not evaluator.fits(run):
                    evaluator = Evaluator(config, [run])
                evaluator.evaluate_and_write(stored)
            except DamagedError as error:       # or removed by the training as too old
                screen.warn(f"{error} It is skipped.")
                missed = error
                continue
            missed = None
            if config.max_steps is not None and stored.step >= config.max_steps:
                return
        if new:         # others may have come during the evaluation
            last_news, is_waiting = time.monotonic(), False
            continue
        if finished is not None and finished >= (config.max_steps or 0):
            break
        if time.monotonic() - last_news > 60 * config.patience_minutes:
            if not seen:
                raise RunError(f"{folder}: no checkpoint for {config.patience_minutes:g} "
                               "minutes (--patience_minutes).")
            print(f"No new checkpoint for {config.patience_minutes:g} minutes.")
            break
        if not is_waiting:
            is_waiting = True
            print(f"Waiting for a checkpoint, at most {config.patience_minutes:g} minutes "
                  "(--patience_minutes).", flush=True)
        time.sleep(config.poll_seconds)
    if missed:
        raise RunError(f"The last checkpoint was not evaluated: {missed}")


def _version(name):
    """Returns a checkpoint's name and what changes when it is written again."""
    try:
        found = os.stat(name + INDEX)
    except FileNotFoundError:       # the training has just removed it
        return name, None, None
    return name, found.st_mtime_ns, found.st_ino
