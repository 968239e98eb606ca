import os
import signal
import subprocess
import sys
import threading

import pytest

from commands import command_line, signals
from conftest import ROOT

IMPORTING = """
import os, sys, time
from commands import signals
sys.argv = ["folder/command.py"]
with signals.leaving_at_once():
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)    # as while TensorFlow is imported
    print("importing", flush=True)
    try:
        time.sleep(60)
    except BaseException:
        pass        # as an import may
"""


@pytest.mark.parametrize("number, line", [
    (signal.SIGINT, b"command.py: interrupted.\n"), (signal.SIGTERM, b"command.py: terminated.\n")])
def test_during_an_import_a_signal_ends_the_process(number, line):
    process = subprocess.Popen([sys.executable, "-c", IMPORTING], cwd=ROOT,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"importing\n"
    process.send_signal(number)
    assert process.communicate()[1] == line and process.returncode == 128 + number


@pytest.mark.parametrize("number, status, word", [
    (signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")])
def test_a_command_cleans_up_and_says_which_signal_it_was(number, status, word, capsys):
    before = [signal.getsignal(each) for each in signals.SIGNALS]
    cleaned = []

    def work(settings):
        try:
            os.kill(os.getpid(), number)
        finally:
            cleaned.append(settings)

    flags = command_line.new_flags()
    assert command_line.run(["a/b.py"], flags, lambda values: 7, work, "",
                            tensorflow=False) == status
    assert cleaned == [7] and capsys.readouterr().err == f"b.py: {word}.\n"
    assert [signal.getsignal(each) for each in signals.SIGNALS] == before


def test_outside_the_main_thread_signals_are_left_alone():
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work():
        with signals.raised(), signals.leaving_at_once():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
