import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from conftest import ROOT
from input_data.dataset import DataError
from input_data.mnist.workers import in_order


def work(task):
    time.sleep(0.02 * (task % 3))       # later tasks are done before earlier ones
    return 10 * task


def die(task):
    if task == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def die_sending(task):
    """Gives a result that fills the pipe, and dies before anybody reads it."""
    if task == 1:
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGKILL)).start()
    return bytes(10_000_000)


def fail(task):
    raise DataError(f"task {task}")


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order(workers):
    assert list(in_order(work, range(9), workers)) == [10 * task for task in range(9)]


def test_few_tasks_are_taken_ahead():
    taken = []
    results = in_order(work, (taken.append(task) or task for task in range(100)), 2)
    assert next(results) == 0 and len(taken) <= 5
    results.close()


def test_a_killed_worker_is_an_error():
    with pytest.raises(DataError, match="ended early"):
        list(in_order(die, range(9), 2))


def test_a_worker_killed_while_it_sends_is_an_error():
    with pytest.raises(DataError, match="ended early"):
        for _ in in_order(die_sending, range(9), 2):
            time.sleep(1)


def test_a_workers_error_arrives():
    with pytest.raises(DataError, match="task 0"):
        list(in_order(fail, range(9), 2))


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(f"""
import os, signal, sys, time
sys.path.insert(0, {ROOT!r})
from input_data.mnist.workers import in_order

def name_and_wait(task):
    if task:
        time.sleep(1000)
    return task

if __name__ == "__main__":
    results = in_order(name_and_wait, range(9), 2)
    print(next(results), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
""")
    done = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, timeout=60)
    # The output ends when the workers, which share it, have ended.
    assert done.returncode == -signal.SIGKILL and done.stdout.strip() == b"0"
