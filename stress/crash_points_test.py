import json
import shutil
import subprocess
import sys

import pytest

from benchmarks.contest import ROOT
from stress import crash_points, strace
from stress.strace import Call

LOG = """\
71 openat(AT_FDCWD</work/dir>, "/run/train/a", O_WRONLY|O_CREAT, 0666) = 9</run/train/a>
72 write(9</run/train/a>, "bytes"..., 400 <unfinished ...>
71 write(3<pipe:[12]>, "x", 1) = 1
72 <... write resumed>) = 400
71 write(9</run/train/a>, "more", 4) = -1 EIO (Input/output error) (INJECTED)
71 rename("/run/train/a.part-71", "/run/train/a") = 0
71 +++ exited with 2 +++
"""


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_some_points_of_a_save(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "stress.crash_points", "--points=6", "--norestart",
         f"--output={tmp_path}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with open(tmp_path / "report.json") as file:
        values = json.load(file)
    assert len(values["outcomes"]) == 6 and not values["unsynced"]
    assert {outcome["newest"] for outcome in values["outcomes"]} <= {1, 2}


def test_calls_are_counted_by_thread(tmp_path):
    log = tmp_path / "strace.txt"
    log.write_text(LOG)
    calls, injected = strace.parse(str(log))
    assert [(call.name, call.ordinal) for call in calls] == [
        ("openat", 1), ("write", 1), ("write", 1), ("write", 2), ("rename", 1)]
    assert injected == 3
    assert [call.paths() for call in calls] == [
        ["/run/train/a"], ["/run/train/a"], [], ["/run/train/a"],
        ["/run/train/a.part-71", "/run/train/a"]]
    assert str(calls[-1]) == "rename a.part-N a"


def sync(path):
    return Call("fsync", 1, f"9<{path}>) = 0")


def rename(source, target):
    return Call("rename", 1, f'"{source}", "{target}") = 0')


@pytest.mark.parametrize("calls, names", [
    ([sync("/run/aside/a"), rename("/run/aside/a", "/run/a")], []),
    ([rename("/run/aside/a", "/run/a"), sync("/run/a")], ["a"]),
    ([rename("/run/aside/a", "/run/aside/b")], []),
    ([sync("/run/aside/a"), rename("/run/aside/a", "/run/a"), sync("/run/c.part"),
      rename("/run/c.part", "/run/checkpoint")], ["checkpoint"]),
    ([sync("/run/aside/a"), rename("/run/aside/a", "/run/a"), sync("/run"), sync("/run/c.part"),
      rename("/run/c.part", "/run/checkpoint")], []),
])
def test_names_before_bytes_are_found(calls, names):
    assert crash_points.unsynced(calls, "/run") == names


def test_without_strace_one_line_says_so(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nowhere")
    assert crash_points.main(["crash_points.py"]) == 2
    line = capsys.readouterr().err.strip()
    assert "strace is not installed" in line and len(line.splitlines()) == 1
