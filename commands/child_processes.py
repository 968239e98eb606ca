"""Child processes that end with their parent, and leave Ctrl-C to it."""

import contextlib
import multiprocessing
import os
import signal
import threading
from multiprocessing import resource_tracker


@contextlib.contextmanager
def interrupts_blocked():
    """Blocks SIGINT in processes started in the block: the parent alone handles Ctrl-C."""
    resource_tracker.ensure_running()       # which would unblock the signal when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent():
    """Makes this process, a child, end as soon as its parent has."""
    def wait():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
