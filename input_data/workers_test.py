import os
import signal
import threading
import time

import pytest

from input_data.dataset import DataError
from input_data.workers import in_order


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
    with pytest.raises(DataError, match="was killed"):
        list(in_order(die, range(9), 2))


def test_a_worker_killed_while_it_sends_is_an_error():
    with pytest.raises(DataError, match="was killed"):
        for _ in in_order(die_sending, range(9), 2):
            time.sleep(1)


def test_a_workers_error_arrives():
    with pytest.raises(DataError, match="task 0"):
        list(in_order(fail, range(9), 2))
