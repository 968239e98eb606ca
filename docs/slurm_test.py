"""The commands of devices.md for Slurm, with small networks, and stand-ins for Slurm's programs."""

import os
import socket
import subprocess
import sys

import pytest

from conftest import ROOT
from docs.pages import ROOT as PROJECT
from docs.pages import Page
from input_data.mnist import mnist_input
from training.checkpoints.read import checkpoint_names
from training.run_folder import contents

SMALL = (f"--data_dir={mnist_input.SAMPLE}", "--dataset=mnist", "--batch_size=4",
         "--hparams_override=num_prime_capsules=2,routing=1,remake=false", "--max_steps=2")
PROGRAMS = {
    "python": f'exec {sys.executable} "$@"',
    "srun": """
        [ "$SRUN_CPUS_PER_TASK" = 3 ] || exit 9
        for ((task = 0; task < SLURM_NTASKS; task++)); do SLURM_PROCID=$task "$@" & done
        highest=0
        for process in $(jobs -p); do
            wait "$process"
            status=$?
            ((status > highest)) && highest=$status
        done
        exit $highest""",
    "scontrol": """
        echo "$@" >> "$CALLS"
        if [ "$1 $2" = "show hostnames" ]; then printf '127.0.0.1\\n127.0.0.2\\n'; fi""",
}


class Slurm:
    """Runs the jobs of devices.md as Slurm would, on this machine."""

    def __init__(self, folder):
        self._folder, self._calls = folder, folder / "calls"
        self._calls.touch()
        for name, text in PROGRAMS.items():
            (folder / name).write_text(f"#!/bin/bash\n{text}\n")
            (folder / name).chmod(0o755)

    def run(self, script, *flags, **variables):
        """Returns the CompletedProcess of a script, with the page's flags and then others."""
        words, = (words for _, _, words in Page(PROJECT / "docs" / "devices.md").commands()
                  if f"training/slurm/{script}" in words)
        words = words[words.index(f"training/slurm/{script}"):]
        path = f"{self._folder}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["bash", *words, *SMALL, *flags], cwd=ROOT, capture_output=True, text=True, timeout=120,
            env={**os.environ, "PATH": path, "CALLS": self._calls, "SLURM_NTASKS": "1",
                 "SLURM_CPUS_PER_TASK": "3",
                 "SLURM_JOB_ID": "40005", **variables}, check=False)

    @property
    def calls(self):
        """What scontrol was called with, a line each time."""
        return self._calls.read_text().splitlines()


@pytest.fixture
def slurm(tmp_path):
    (tmp_path / "slurm").mkdir()
    return Slurm(tmp_path / "slurm")


def job_with_free_ports():
    """Returns the number of a job whose two ports nothing listens on."""
    for job in range(20000, 40000, 2):
        try:
            for port in (10000 + job % 20000, 10001 + job % 20000):
                socket.create_server(("", port)).close()
        except OSError:
            continue
        return str(job)
    raise AssertionError("no free ports")


def test_several_nodes_train_together(slurm, tmp_path):
    job = job_with_free_ports()
    ended = slurm.run("several_nodes.sh", f"--summary_dir={tmp_path}/run", SLURM_NTASKS="2",
                      SLURM_JOB_ID=job, SLURM_JOB_NODELIST="node[1-2]")
    assert ended.returncode == 0, ended.stderr
    assert slurm.calls == ["show hostnames node[1-2]"]
    port = 10000 + int(job) % 20000
    assert f"Worker 0 of 2 waits for 127.0.0.2:{port + 1}," in ended.stdout
    assert f"Worker 1 of 2 waits for 127.0.0.1:{port}," in ended.stdout
    assert contents.read(tmp_path / "run" / "train", contents.FINISHED) == {"step": 2}


def test_several_gpus_share_a_training(slurm, tmp_path):
    ended = slurm.run("several_gpus.sh", f"--summary_dir={tmp_path}/run", "--device_type=cpu",
                      SLURM_GPUS_ON_NODE="2")
    assert ended.returncode == 0, ended.stderr
    assert contents.read(tmp_path / "run" / "train", contents.FLAGS)["num_gpus"] == 2


def test_a_trial_is_requeued_when_its_time_is_up_and_then_goes_on(slurm, tmp_path):
    train = tmp_path / "run" / "trial5" / "train"
    job = {"SLURM_ARRAY_TASK_ID": "5", "SLURM_JOB_ID": "1239"}
    ended = slurm.run("trials.sh", f"--summary_dir={tmp_path}/run", "--max_minutes=0.0001", **job)
    assert ended.returncode == 4, ended.stderr
    assert slurm.calls == ["requeue 1239"]
    assert checkpoint_names(str(train)) == [f"{train}/model.ckpt-1"]

    ended = slurm.run("trials.sh", f"--summary_dir={tmp_path}/run", **job)
    assert ended.returncode == 0, ended.stderr
    assert f"Resuming from {train}/model.ckpt-1." in ended.stdout
    assert slurm.calls == ["requeue 1239"]


def test_a_trial_that_fails_is_not_requeued(slurm, tmp_path):
    ended = slurm.run("trials.sh", f"--summary_dir={tmp_path}/run", SLURM_ARRAY_TASK_ID="7")
    assert ended.returncode == 2 and "--trial: expected 0 to 6" in ended.stderr
    assert slurm.calls == []
