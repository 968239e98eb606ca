"""Two processes on this machine that train together, as two machines would."""

import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

import experiment
from conftest import ROOT, free_ports, tensors, write_mnist
from training.checkpoints.read import newest_whole_checkpoint
from training.run_folder import contents

SMALL = ("--hparams_override=num_prime_capsules=1,routing=2", "--batch_size=7", "--seed=3")
LONGEST = 60        # seconds that a worker may take to see that the other has gone
KILLS = int(os.environ.get("CAPSULES_KILLS", "2"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits):
    folder = tmp_path_factory.mktemp("cluster")
    write_mnist(folder, *digits)
    return folder


class Workers:
    """Two workers; a context manager that leaves none behind."""

    def __init__(self, folder, name, *arguments, others=()):
        cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
        self._logs = [folder / f"{name}{number}.log" for number in range(2)]
        self.processes = []
        for number, summaries_of in enumerate((name, f"{name}-not-made")):
            config = {"cluster": cluster, "task": {"type": "worker", "index": number}}
            with open(self._logs[number], "w") as log:
                self.processes.append(subprocess.Popen(
                    [sys.executable, "experiment.py", f"--summary_dir={folder}/{summaries_of}",
                     f"--data_dir={folder}", *arguments, *(others if number else ())],
                    cwd=ROOT, env={**os.environ, "TF_CONFIG": json.dumps(config)},
                    stdout=log, stderr=log))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()

    def wait(self):
        """Returns the exit statuses."""
        return [process.wait(120) for process in self.processes]

    def said(self, number):
        """What a worker has printed so far."""
        said = self._logs[number].read_text()
        assert "Traceback" not in said, said
        return said

def steps(train):
    """The steps that a training's history.csv has."""
    try:
        return [int(row.split(",")[0]) for row in
                (train / contents.HISTORY).read_text().splitlines()[1:]]
    except (FileNotFoundError, ValueError):
        return []


def wait_for(happened, what):
    deadline = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def wait_for_step(train, step):
    wait_for(lambda: steps(train)[-1:] >= [step], f"no step {step}")


@pytest.fixture(scope="module")
def whole(folder):
    """Two workers' training of 5 steps, checkpoints after the first and the last of them."""
    common = (*SMALL, "--save_step=1")
    with Workers(folder, "whole", *common, "--max_steps=5") as workers:
        assert workers.wait() == [0, 0], workers.said(0) + workers.said(1)
        said = [workers.said(number) for number in (0, 1)]
    return folder / "whole" / "train", said


def arrays(checkpoint, part):
    return {key: np.frombuffer(value, np.float32) for key, value in tensors(checkpoint).items()
            if key.startswith(part)}


@pytest.mark.parametrize("step, part, tolerance", [
    (1, "momentum/", 1e-5),     # a tenth of the first gradient
    (5, "network/", 1e-4)])
def test_two_workers_make_the_steps_of_two_devices(whole, folder, step, part, tolerance):
    assert experiment.main(["experiment.py", f"--summary_dir={folder}/alone{step}",
                            f"--data_dir={folder}", *SMALL, f"--max_steps={step}",
                            "--num_gpus=2", "--device_type=cpu"]) == 0
    expected = arrays(folder / f"alone{step}" / "train" / f"model.ckpt-{step}", part)
    found = arrays(whole[0] / f"model.ckpt-{step}", part)
    assert expected.keys() == found.keys() and len(found) > 8
    for key, value in expected.items():
        assert np.linalg.norm(found[key] - value) <= tolerance * np.linalg.norm(value), key


def test_the_chief_alone_writes(whole, folder):
    train, said = whole
    assert steps(train) == [1, 5] and newest_whole_checkpoint(str(train)).step == 5
    assert not (folder / "whole-not-made").exists()
    for number in range(2):
        assert re.search(rf"Worker {number} of 2 waits for 127.0.0.1:\d+, up to an hour. Ctrl-C "
                         "and SIGTERM have no effect meanwhile.\n", said[number])
    assert "total_params" in said[0] and "total_params" not in said[1]


def test_a_port_that_is_taken_gets_one_line(folder):
    port, other = free_ports(2)
    config = {"cluster": {"worker": [f"127.0.0.1:{port}", f"127.0.0.1:{other}"]},
              "task": {"type": "worker", "index": 0}}
    with socket.create_server(("", port)):
        ended = subprocess.run(
            [sys.executable, "experiment.py", f"--summary_dir={folder}/taken"], cwd=ROOT,
            env={**os.environ, "TF_CONFIG": json.dumps(config)}, capture_output=True, text=True,
            timeout=60, check=False)
    assert ended.returncode == 2
    assert ended.stderr == (f"experiment.py: error: TF_CONFIG: worker 0 (127.0.0.1:{port}) cannot "
                            "connect: Could not start gRPC server.\n")


def test_other_flags_are_refused_and_end_both(folder):
    with Workers(folder, "other", *SMALL, "--max_steps=5", others=["--batch_size=8"]) as workers:
        assert workers.wait() == [2, 2]
        assert ("Worker 0 was started with --batch_size=7, found --batch_size=8; give all workers "
                "the same.") in workers.said(1)
        assert "Worker 0: another worker has gone" in workers.said(0)
        assert "Start all workers again" in workers.said(0)


def test_none_says_that_it_finished_when_the_chief_cannot_save(folder):
    with Workers(folder, "full", *SMALL, "--max_steps=3") as workers:
        resource.prlimit(workers.processes[0].pid, resource.RLIMIT_FSIZE, (2**20, 2**20))
        assert workers.wait() == [2, 2]
        assert "the checkpoint of step 3 cannot be written" in workers.said(0)
        assert "Worker 1: another worker has gone" in workers.said(1)
        assert "Finished" not in workers.said(0) + workers.said(1)


def test_damaged_data_of_one_end_both(folder):
    data = folder / "cut"
    data.mkdir()
    for file in folder.glob("train-*"):
        shutil.copy(file, data)
    with open(data / "train-images-idx3-ubyte", "r+b") as file:
        file.truncate(2000)
    with Workers(folder, "damaged", *SMALL, "--max_steps=3",
                 others=[f"--data_dir={data}"]) as workers:
        assert workers.wait() == [2, 2]
        assert "Worker 0: another worker has gone" in workers.said(0)
        assert "train-images-idx3-ubyte" in workers.said(1)
        assert "Stopped" not in workers.said(1)


@pytest.mark.parametrize("stopped", [0, 1])
def test_a_signal_to_one_saves_and_ends_both(folder, stopped):
    name = f"stopped{stopped}"
    train = folder / name / "train"
    with Workers(folder, name, *SMALL, "--max_steps=100000") as workers:
        wait_for(lambda: steps(train), "no step")
        workers.processes[stopped].send_signal(signal.SIGTERM)
        assert workers.wait() == [143, 143], workers.said(0) + workers.said(1)
        assert "Stopped at step" in workers.said(0) and "Stopped at step" in workers.said(1)
    assert newest_whole_checkpoint(str(train)).step >= steps(train)[-1] > 0


def test_killed_workers_end_the_other_and_both_go_on(folder):
    """The bytes in the end are those of workers that nobody killed."""
    last = 20 * (KILLS + 1)
    common = (*SMALL, "--save_step=4", f"--max_steps={last}", "--keep_checkpoints=3")
    with Workers(folder, "unkilled", *common) as workers:
        assert workers.wait() == [0, 0]
    train = folder / "killed" / "train"
    rng = random.Random(0)
    for kill in range(KILLS):
        victim = kill % 2
        with Workers(folder, "killed", *common) as workers:
            wait_for_step(train, 20 * kill + rng.randint(1, 20))
            time.sleep(rng.uniform(0, 0.3))
            workers.processes[victim].kill()
            begun = time.monotonic()
            status = workers.processes[1 - victim].wait(LONGEST)
            said = workers.said(1 - victim)
            # For their screen, with CAPSULES_KILLS=10 and pytest -s.
            print(f"Worker {victim} killed; after {time.monotonic() - begun:.1f} s the other "
                  f"ended: {said.splitlines()[-1]}")
            assert status == 2 and "another worker has gone" in said
    with Workers(folder, "killed", *common) as workers:
        assert workers.wait() == [0, 0], workers.said(0) + workers.said(1)
    assert tensors(train / f"model.ckpt-{last}") == tensors(
        folder / "unkilled" / "train" / f"model.ckpt-{last}")
