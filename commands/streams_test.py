"""A command's work goes on when its screen is closed, full or gone."""

import os
import signal
import subprocess
import sys
import time

import pytest

from commands import command_line
from conftest import ROOT

COMMAND = """
import os, signal, sys
from commands import command_line

def work(folder):
    for number in range(3):
        print("line", number, flush=True)
        print("note", number, file=sys.stderr)
    if "gone" in folder:
        os.kill(os.getpid(), signal.SIGHUP)
    with open(os.path.join(folder, "done"), "w") as file:
        file.write(str(file.fileno()))
    return 7 if "seven" in folder else None

flags = command_line.new_flags()
sys.exit(command_line.run(["a/b.py"], flags, lambda values: sys.argv[1], work, "",
                          tensorflow=False))
"""


def start(folder, redirections="", before="", **options):
    """Runs the command in a shell that redirects its streams, and returns how it ended."""
    return subprocess.run(
        ["bash", "-c", f'{before} "$0" -c "$1" "$2" {redirections}', sys.executable, COMMAND,
         str(folder)], cwd=ROOT, capture_output=True, text=True, check=False, **options)


@pytest.fixture(autouse=True)
def hangups():
    """Hangups reach the processes that are started here, also where pytest runs under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def pipe():
    """A pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def test_without_a_reader_the_work_is_done_and_the_status_is_141(tmp_path, pipe):
    done = start(tmp_path, f">&{pipe}", pass_fds=[pipe])
    assert (done.returncode, done.stderr) == (141, "note 0\nnote 1\nnote 2\n")
    assert os.listdir(tmp_path) == ["done"]


def test_neither_stream_has_a_reader(tmp_path, pipe):
    assert start(tmp_path, f">&{pipe} 2>&1", pass_fds=[pipe]).returncode == 141
    assert os.listdir(tmp_path) == ["done"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_one_line_when_the_work_is_done(tmp_path):
    done = start(tmp_path, "> /dev/full")
    assert done.returncode == 2 and os.listdir(tmp_path) == ["done"]
    assert done.stderr.splitlines()[-1] == (
        "b.py: error: standard output cannot be written (No space left on device).")
    assert start(tmp_path, "2> /dev/full").returncode == 0      # the output itself is whole


def test_the_works_own_status_stays(tmp_path, pipe):
    folder = tmp_path / "seven"
    folder.mkdir()
    assert start(folder, f">&{pipe}", pass_fds=[pipe]).returncode == 7


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_no_file_takes_the_place_of_a_closed_stream(tmp_path, closed):
    done = start(tmp_path, closed)
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert int((tmp_path / "done").read_text()) > 2


def test_a_lost_terminal_ends_the_work_unless_nohup_asks_otherwise(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    done = start(folder)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (129, "b.py: hung up.")
    done = start(folder, before="trap '' HUP;")
    assert done.returncode == 0 and os.listdir(folder) == ["done"]


def test_a_training_goes_on_without_its_screen_and_saves_when_its_terminal_is_lost(tmp_path, pipe):
    history = tmp_path / "train" / "history.csv"
    with subprocess.Popen(
            [sys.executable, "experiment.py", f"--summary_dir={tmp_path}", "--batch_size=2",
             "--hparams_override=num_prime_capsules=1,routing=1,remake=false",
             "--max_steps=1000000"], cwd=ROOT, stdout=pipe, stderr=pipe) as training:
        while training.poll() is None and not (
                history.exists() and history.read_text().count("\n") > 1):      # of step 1
            time.sleep(0.05)
        training.send_signal(signal.SIGHUP)
        try:
            assert training.wait(timeout=60) == 129
        finally:
            training.kill()
    assert list((tmp_path / "train").glob("model.ckpt-*.index"))


@pytest.mark.parametrize("encoding, shown", [("ascii", b"\\xfc \\udcff\n"),
                                             ("utf-8", "ü \\udcff\n".encode())])
def test_text_that_the_encoding_has_no_bytes_for_is_escaped(encoding, shown):
    code = ("from commands import command_line; command_line.run(['b.py'], "
            "command_line.new_flags(), bool, lambda _: print('\\xfc \\udcff'), '', "
            "tensorflow=False)")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False,
                          env={**os.environ, "PYTHONIOENCODING": encoding})
    assert (done.stdout, done.stderr) == (shown, b"")


def test_streams_are_given_back(capsys):
    def inner(_):
        command_line.run(["b.py"], command_line.new_flags(), bool, lambda _: print("inside"), "",
                         tensorflow=False)
        print("outside")

    before = sys.stdout, sys.stderr
    assert command_line.run(["a.py"], command_line.new_flags(), bool, inner, "",
                            tensorflow=False) == 0
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr().out == "inside\noutside\n"
