"""Time from the start of experiment.py to the end of its first training step."""

import csv
import os
import subprocess
import sys
import tempfile
import time

from benchmarks.contest import ROOT, WorkerError, environment

STARTS = 3
BATCH = 128
POLL = 0.01     # seconds


def measure(threads=0):
    """Returns the seconds of each of STARTS starts, after one that does not count.

    The step is over when its losses are in the run's history.

    Args:
      threads: int, as for `contest.environment`.

    Raises:
      WorkerError: if the training ends without a step.
    """
    return [_seconds(threads) for _ in range(STARTS + 1)][1:]


def _seconds(threads):
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        history = os.path.join(folder, "train", "history.csv")
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "experiment.py", f"--summary_dir={folder}", "--max_steps=1",
             f"--batch_size={BATCH}", "--save_step=1000000000"],
            cwd=ROOT, env=environment(threads), stdout=log, stderr=log)
        try:
            while not (rows := _rows(history)) and process.poll() is None:
                time.sleep(POLL)
            seconds = time.perf_counter() - start
            process.wait()
        finally:
            process.kill()
            process.wait()
        if not rows and not _rows(history):
            log.seek(0)
            last = (log.read().strip().splitlines() or ["it said nothing"])[-1]
            raise WorkerError(f"experiment.py ended without a training step: {last}")
        return seconds


def _rows(path):
    """Returns the number of rows below the header, 0 without a file."""
    if not os.path.exists(path):
        return 0
    with open(path) as file:
        return max(sum(1 for _ in csv.reader(file)) - 1, 0)
