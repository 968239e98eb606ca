"""Runs processes, some at a time; passes signals on to them, and leaves none behind."""

import queue
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from commands import signals
from commands.signals import ONE_PRESS_SECONDS


def run_all(numbers, shares, start, ended):
    """Runs a process for each number, as many at a time as there are shares.

    After Ctrl-C or SIGTERM no more processes start, and those at work get SIGTERM, or SIGINT after
    a second Ctrl-C. When all have ended, this raises KeyboardInterrupt or signals.Terminated.

    Args:
      numbers: list of int.
      shares: list, what each process at work has for itself, such as its GPUs.
      start: function of (number, share) that returns a Popen.
      ended: function of (number, status) that returns whether no more processes shall start.

    Returns:
      {number: int exit status}, 128 + N where signal N ended the process.

    Raises:
      The error of `start` or `ended`, if any, after the other processes have got SIGTERM and ended.
    """
    processes, received, stopped = [], [], threading.Event()
    lock = threading.RLock()        # reentrant: a signal may come while another is handled
    free = queue.SimpleQueue()
    for share in shares:
        free.put(share)

    def run(number):
        share = free.get()      # there is one for each thread
        try:
            with lock:
                if stopped.is_set():
                    return None
                process = start(number, share)
                processes.append(process)
            status = process.wait()
            with lock:
                processes.remove(process)
            status = 128 - status if status < 0 else status
            if ended(number, status):
                stopped.set()
            return status
        except BaseException:
            stop(signal.SIGTERM)
            raise
        finally:
            free.put(share)

    def stop(number):
        with lock:
            stopped.set()
            for process in processes:
                process.send_signal(number)

    def handle(number, frame):
        received.append((number, time.monotonic()))
        if len(received) == 1:
            # Not SIGINT: a terminal sends that to the processes itself, and they might take
            # another one for a second Ctrl-C.
            stop(signal.SIGTERM)
        elif number == signal.SIGINT and received[-1][1] - received[0][1] > ONE_PRESS_SECONDS:
            stop(signal.SIGINT)

    with signals.handled_by(handle), ThreadPoolExecutor(len(shares)) as threads:
        statuses = dict(zip(numbers, threads.map(run, numbers)))
    if received:
        signals.raise_for(received[0][0], "on the way; the same command goes on from here")
    return statuses
