import os
import subprocess
import sys

import pytest

from commands.errors import RunError
from conftest import ROOT
from training.run_folder import contents, lock

HOLD = """
import sys
from training.run_folder import lock
with lock.only_writer(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_is_refused_and_told_of_the_first(tmp_path):
    with (lock.only_writer(str(tmp_path)),
          pytest.raises(RunError, match=rf"at work here: process {os.getpid()} on \S+, "
                                        r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d.*; wait"),
          lock.only_writer(str(tmp_path))):
        pass


def test_the_lock_is_free_after_every_end(tmp_path):
    for error in (None, ValueError, KeyboardInterrupt):
        try:
            with lock.only_writer(str(tmp_path)):
                if error:
                    raise error
        except BaseException as raised:
            assert type(raised) is error
    with lock.only_writer(str(tmp_path)):
        pass


def test_a_process_that_was_killed_leaves_it_free(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(RunError, match=f"process {holder.pid} on "), \
            lock.only_writer(str(tmp_path)):
        pass
    holder.kill()
    holder.communicate()
    with lock.only_writer(str(tmp_path)):
        pass


def test_a_holder_without_a_name_still_holds(tmp_path):
    with lock.only_writer(str(tmp_path)):
        (tmp_path / contents.HOLDER).write_text("")
        with pytest.raises(RunError, match=r"at work here; wait"), lock.only_writer(str(tmp_path)):
            pass


def test_a_holder_file_that_is_removed_lets_nobody_in(tmp_path):
    with lock.only_writer(str(tmp_path)):
        (tmp_path / contents.HOLDER).unlink()
        with pytest.raises(RunError, match="at work here"), lock.only_writer(str(tmp_path)):
            pass


def test_where_nothing_can_be_locked_a_warning_says_so(tmp_path, monkeypatch, capsys):
    def unsupported(*arguments):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", unsupported)
    with lock.only_writer(str(tmp_path)):
        pass
    assert "cannot be locked (Operation not supported)" in capsys.readouterr().err
