"""SIGTERM and Ctrl-C in every phase of a run: saved within ten seconds, and nothing lost."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import experiment
import input_data
from commands import signals
from conftest import ROOT
from training import step, train
from training.checkpoints.read import checkpoint_names, newest_whole_checkpoint
from training.checkpoints.write import CheckpointWriter
from training.evaluation import evaluate, inference
from training.monitoring import history, screen, tensorboard
from training.run_folder import contents

SMALL = "--hparams_override=num_prime_capsules=1,routing=1,remake=false"
LEAVING_SECONDS = 10
SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


def run(*arguments, hook=None):
    return experiment.main(["experiment.py", *map(str, arguments)], hook)


@pytest.fixture
def common(tmp_path, mnist_dir):
    return (f"--summary_dir={tmp_path}/run", f"--data_dir={mnist_dir}", SMALL, "--batch_size=4",
            "--save_step=3")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of 2 steps on the sample."""
    folder = tmp_path_factory.mktemp("signals") / "run"
    assert run(f"--summary_dir={folder}", SMALL, "--max_steps=2", "--batch_size=4") == 0
    return folder


class Sender:
    """Sends a signal to this process, once, when a function is called for the nth time."""

    def __init__(self, monkeypatch, number):
        self._monkeypatch, self._number = monkeypatch, number
        self.at = None

    def when(self, owner, name, nth=1):
        real, calls = getattr(owner, name), []

        def sending(*arguments, **options):
            calls.append(1)
            if len(calls) == nth:
                self.send()
            return real(*arguments, **options)

        self._monkeypatch.setattr(owner, name, sending)

    def send(self):
        self.at = time.monotonic()
        os.kill(os.getpid(), self._number)


@pytest.fixture
def sender(monkeypatch, number):
    return Sender(monkeypatch, number)


def left(sender, number, status, capsys):
    """Checks how a run was left, and returns the screen's two streams."""
    assert sender.at is not None and time.monotonic() - sender.at < LEAVING_SECONDS
    assert status == 128 + number
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return captured


@SIGNALS
@pytest.mark.parametrize("owner, name", [
    (input_data, "load"), (train, "make_optimizer"), (screen, "show_network"),
    (history, "_read"),
    (step, "loss_and_metrics"),  # called when the step is traced
], ids=["data", "network", "table", "summaries", "tracing"])
def test_before_the_first_step_there_is_nothing_to_save(common, number, sender, owner, name,
                                                        tmp_path, capsys):
    sender.when(owner, name)
    status = run(*common, "--max_steps=100")
    captured = left(sender, number, status, capsys)
    word = "terminated" if number == signal.SIGTERM else "interrupted"
    assert captured.err.strip().splitlines()[-1].startswith(f"experiment.py: {word}")
    assert not checkpoint_names(f"{tmp_path}/run/train")
    assert not [entry for entry in os.listdir(tmp_path / "run" / "train") if ".part-" in entry]


@SIGNALS
@pytest.mark.parametrize("owner, name, nth", [
    (tensorboard.Summaries, "scalars", 2), (CheckpointWriter, "_write", 1), (os, "fsync", 12),
    (os, "replace", 7), (CheckpointWriter, "_write_state", 1), (CheckpointWriter, "_remove_old", 2),
], ids=["summary", "save", "fsync", "rename", "state", "removal"])
def test_what_was_trained_is_saved(common, number, sender, owner, name, nth, steps, tmp_path,
                                   capsys):
    sender.when(owner, name, nth)
    status = run(*common, "--max_steps=1000", "--keep_checkpoints=1", hook=steps)
    captured = left(sender, number, status, capsys)
    assert_saved(tmp_path, steps[-1], captured)


@SIGNALS
def test_in_the_middle_of_a_step(common, number, sender, steps, tmp_path, capsys):
    def send_later():
        while len(steps) < 5:
            time.sleep(0.001)
        time.sleep(0.003)
        sender.send()

    threading.Thread(target=send_later, daemon=True).start()
    status = run(*common, "--max_steps=1000", hook=steps)
    captured = left(sender, number, status, capsys)
    assert_saved(tmp_path, steps[-1], captured)


def assert_saved(folder, step, captured):
    train = f"{folder}/run/train"
    assert newest_whole_checkpoint(train).step == step > 0
    assert f"Stopped at step {step}: {train}/model.ckpt-{step}" in captured.out
    assert contents.read(train, contents.FINISHED) is None
    assert not [entry for entry in os.listdir(train) if ".part-" in entry]


@SIGNALS
def test_the_data_may_be_waited_for(common, number, sender, steps, tmp_path, capsys, monkeypatch):
    load = input_data.load

    def slow(*arguments, **options):
        data = load(*arguments, **options)

        def read(numbers):
            if len(steps) >= 3 and sender.at is None:
                threading.Timer(0.1, sender.send).start()
                time.sleep(1)
            return data.read(numbers)

        return type(data)(data.info, data.source, read, data.prepare)

    monkeypatch.setattr(input_data, "load", slow)
    status = run(*common, "--max_steps=1000", hook=steps)
    captured = left(sender, number, status, capsys)
    assert_saved(tmp_path, steps[-1], captured)


@SIGNALS
@pytest.mark.parametrize("owner, name, nth", [
    (inference, "loss_and_metrics", 1), (inference, "evaluation_batches", 1),
    (tensorboard.Summaries, "scalars", 1),
], ids=["tracing", "batches", "summary"])
def test_an_evaluation_leaves_no_half_a_result(trained, number, sender, owner, name, nth, tmp_path,
                                               capsys):
    sender.when(owner, name, nth)
    status = run("--train=false", f"--checkpoint={trained}/train/model.ckpt-2",
                 f"--summary_dir={tmp_path}", "--eval_size=50")
    left(sender, number, status, capsys)
    assert "result.json" not in os.listdir(tmp_path / "test")
    assert not [entry for entry in os.listdir(tmp_path / "test") if ".part-" in entry]


@SIGNALS
def test_a_follower_may_be_waiting_for_a_checkpoint(number, sender, mnist_dir, tmp_path, capsys):
    sender.when(evaluate.time, "sleep")
    status = run("--train=false", f"--summary_dir={tmp_path}", f"--data_dir={mnist_dir}",
                 "--poll_seconds=60")
    left(sender, number, status, capsys)


@pytest.mark.parametrize("number", [signal.SIGINT])
def test_a_second_ctrl_c_does_not_wait_for_the_save(common, number, sender, tmp_path, monkeypatch,
                                                    capsys):
    monkeypatch.setattr(signals, "ONE_PRESS_SECONDS", 0.01)
    write = CheckpointWriter._write

    def slow(writer, name):
        for _ in range(2):
            sender.send()
            time.sleep(0.05)
        time.sleep(60)
        write(writer, name)

    monkeypatch.setattr(CheckpointWriter, "_write", slow)
    status = run(*common, "--max_steps=1000")
    assert "what the last checkpoint does not hold is lost" in left(sender, number, status,
                                                                    capsys).err
    assert not checkpoint_names(f"{tmp_path}/run/train")


def handles_signals(process):
    """Whether a process handles SIGTERM, as experiment.py does before its other imports."""
    with open(f"/proc/{process.pid}/status") as file:
        caught = next(line.split()[1] for line in file if line.startswith("SigCgt:"))
    return int(caught, 16) >> (signal.SIGTERM - 1) & 1


def imports_tensorflow(process):
    """Whether a process has begun to import TensorFlow."""
    with open(f"/proc/{process.pid}/maps") as file:
        return "libtensorflow" in file.read()


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="needs /proc")
@pytest.mark.parametrize("number, moment", [
    (signal.SIGTERM, handles_signals), (signal.SIGINT, handles_signals),
    (signal.SIGTERM, imports_tensorflow), (signal.SIGINT, imports_tensorflow)])
def test_while_modules_are_imported_it_leaves_at_once(number, moment, tmp_path):
    with subprocess.Popen(
            [sys.executable, "experiment.py", f"--summary_dir={tmp_path}/run"], cwd=ROOT,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not moment(process):
            time.sleep(0.01)
        process.send_signal(number)
        out, err = process.communicate(timeout=LEAVING_SECONDS)
    assert process.returncode == 128 + number, err
    assert not out and len(err.splitlines()) == 1, err
    assert err.startswith("experiment.py: "), err
    assert not os.path.exists(tmp_path / "run")
