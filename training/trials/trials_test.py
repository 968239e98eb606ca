"""The command that trains trials: what it starts, and once with real trainings."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
import types

import pytest

import experiment
from conftest import ROOT
from training import config
from training.checkpoints.read import StoredCheckpoint, checkpoint_names, newest_whole_checkpoint
from training.run_folder import contents, resume
from training.trials import __main__ as trials

SMALL = ("--hparams_override=num_prime_capsules=1,routing=1,remake=false", "--batch_size=4")


def run(*arguments):
    return trials.main(["trials.py", *map(str, arguments)])


def planned(*arguments):
    trials.FLAGS.unparse_flags()
    trials.FLAGS(["trials.py", *map(str, arguments)])
    return trials._plan(trials.FLAGS)


def settings_of_experiment(*arguments):
    flags = config.new_flags()
    flags(["experiment.py", *map(str, arguments)])
    return config.from_flags(flags)


def leave(folder, step, checkpoint=True, **flags):
    """Leaves in a folder what a training that has ended leaves there, as far as trials look."""
    train = folder / "train"
    train.mkdir(parents=True)
    settings = dataclasses.replace(settings_of_experiment(f"--summary_dir={folder}"), **flags)
    contents.write_config(str(train), *resume.for_training(settings, None))
    contents.write(str(train), contents.FINISHED, {"step": step})
    if checkpoint:
        (train / f"model.ckpt-{step}.index").touch()


class Processes:
    """Takes the place of subprocess.Popen: processes that have ended when they start."""

    def __init__(self, monkeypatch, **statuses):
        self.started, self._statuses = [], statuses
        monkeypatch.setattr(trials.subprocess, "Popen", self._start)

    def _start(self, command, env, stdin, stdout, stderr):
        number = re.fullmatch(r"--trial=(\d+)", command[3])[1]
        assert command[:3] == [sys.executable, "-m", "training.trials"]
        self.started.append((int(number), command[4:], env, stdout and stdout.name))
        assert stdout is stderr
        status = self._statuses.get(f"trial{number}", 0)
        return types.SimpleNamespace(wait=lambda: status)


@pytest.fixture
def evaluated(monkeypatch):
    """The Settings of what runs in this process, in place of running it."""
    found = []
    for what in ("train.train", "evaluation.evaluate.evaluate", "evaluation.ensemble.evaluate"):
        monkeypatch.setattr(f"training.{what}", found.append)
    return found


def test_each_trial_is_a_training_with_a_seed_of_its_own(tmp_path):
    common = (*SMALL, "--max_steps=7", "--validate", "--micro_batch=2")
    plan = planned(*common, f"--summary_dir={tmp_path}", "--seed=40", "--num_trials=3")
    for number in range(3):
        assert plan.training(number) == settings_of_experiment(
            *common, f"--summary_dir={tmp_path}/trial{number}", f"--seed={40 + number}")
    assert planned(*common, f"--summary_dir={tmp_path}", "--num_trials=3").training(2).seed == 2


def test_the_evaluation_is_that_of_the_experiment(tmp_path):
    common = (SMALL[0], "--max_steps=7", "--eval_size=50", f"--summary_dir={tmp_path}",
              "--num_trials=3")
    assert planned(*common, "--batch_size=4").evaluation == settings_of_experiment(
        *common, "--train=false", f"--checkpoint={tmp_path}/trial{{}}/train/model.ckpt-7")
    assert planned(f"--summary_dir={tmp_path}").evaluation.checkpoint.endswith("model.ckpt-1000")


def test_the_evaluation_reads_the_data_of_the_trials(tmp_path):
    leave(tmp_path / "run" / "trial0", 2, data_dir=str(tmp_path))
    trial = resume.read(str(tmp_path / "run" / "trial0" / "train"))
    (tmp_path / "other").mkdir()
    other = tmp_path / "other"
    for data, expected in (((), tmp_path), ((f"--data_dir={other}",), other)):
        plan = planned(f"--summary_dir={tmp_path}/run", "--num_trials=2", *data)
        assert resume.for_evaluation(plan.evaluation, [trial]).data_dir == str(expected)


def test_trials_that_held_images_out_are_evaluated_on_those(tmp_path):
    leave(tmp_path / "trial0", 2, validate=True)
    common = f"--summary_dir={tmp_path}", "--num_trials=2"
    assert planned(*common).evaluating().validate is True
    assert planned(*common, "--validate=false").evaluating().validate is False


def test_records_are_of_one_split_and_refused_before_anything_is_trained(tmp_path, capsys):
    (tmp_path / "train.tfrecords").touch()
    assert run(f"--summary_dir={tmp_path}", f"--data_dir={tmp_path}/train.tfrecords") == 2
    assert "--data_dir: expected a folder" in capsys.readouterr().err


def test_trials_that_were_started_tell_the_seeds(tmp_path):
    leave(tmp_path / "trial1", 2, seed=11)
    leave(tmp_path / "trial3", 2, seed=70)
    arguments = f"--summary_dir={tmp_path}", "--num_trials=5"
    seeds = [planned(*arguments).training(number).seed for number in range(5)]
    assert seeds == [10, 11, 12, 70, 14]
    assert planned(*arguments, "--seed=5").training(1).seed == 6
    (tmp_path / "trial1" / "train" / "flags.json").write_text('{"seed": -1}')
    (tmp_path / "trial3" / "train" / "flags.json").write_text("{")
    assert planned(*arguments).training(3).seed == 3


def test_what_is_done_is_not_started(tmp_path, monkeypatch, evaluated, capsys):
    leave(tmp_path / "trial0", 5, seed=0)
    leave(tmp_path / "trial1", 4, seed=1)                       # was to end earlier
    leave(tmp_path / "trial2", 5, seed=2, checkpoint=False)     # the checkpoint was moved away
    leave(tmp_path / "trial3", 5, seed=3, model="baseline")     # another network: refused
    leave(tmp_path / "trial4", 6, seed=4)
    (tmp_path / "trial4" / "train" / "model.ckpt-5.index").touch()
    leave(tmp_path / "trial5", 5, seed=5)
    (tmp_path / "trial5" / "train" / "finished.json").write_text("{")
    found = Processes(monkeypatch)
    arguments = [f"--summary_dir={tmp_path}", "--max_steps=5", "--num_trials=7",
                 "--model=capsule"]
    assert run(*arguments) == 0
    assert [start[0] for start in found.started] == [1, 2, 3, 5, 6]
    assert all(start[1] == arguments for start in found.started)
    assert [settings.checkpoint for settings in evaluated] == [
        f"{tmp_path}/trial{{}}/train/model.ckpt-5"]
    out = capsys.readouterr().out.splitlines()
    assert out[:3] == [f"Trial 0 is done already: {tmp_path}/trial0/train/model.ckpt-5",
                       f"Trial 4 is done already: {tmp_path}/trial4/train/model.ckpt-5",
                       "Trial 1 starts."]
    assert "Trial 6 is done." in out[-2:]      # before what the evaluation says


@pytest.mark.parametrize("others", [["--hparams_override=leaky=true"], ["--seed=3"],
                                    ["--batch_size=64"]])
def test_done_with_other_flags_is_not_done(others, tmp_path, monkeypatch, evaluated):
    leave(tmp_path / "trial0", 5, seed=0, batch_size=128)
    found = Processes(monkeypatch)
    arguments = f"--summary_dir={tmp_path}", "--max_steps=5"
    run(*arguments)
    assert not found.started
    run(*arguments, *others)
    assert len(found.started) == 1


def test_those_that_failed_are_named_and_nothing_is_evaluated(tmp_path, monkeypatch, evaluated,
                                                              capsys):
    found = Processes(monkeypatch, trial1=3, trial2=-9)
    assert run(f"--summary_dir={tmp_path}", "--num_trials=4") == 3
    assert [start[0] for start in found.started] == [0, 1, 2, 3] and not evaluated
    captured = capsys.readouterr()
    assert "Trial 1 failed (exit status 3).\n" in captured.out
    assert captured.err == ("trials.py: not all trials are done: 1 (exit status 3), "
                            "2 (exit status 137); the same command tries again.\n")


def test_a_trial_whose_time_is_up_ends_the_command_with_4(tmp_path, monkeypatch, evaluated,
                                                          capsys):
    found = Processes(monkeypatch, trial1=4)
    assert run(f"--summary_dir={tmp_path}", "--num_trials=3", "--max_minutes=5") == 4
    left = [float(start[1][-1].removeprefix("--max_minutes=")) for start in found.started]
    assert len(left) == 2 and 4 < left[1] <= left[0] <= 5       # together no more than 5 minutes
    assert not evaluated and "Trial 1 ran out of time (exit status 4)." in capsys.readouterr().out


def test_several_at_a_time_have_logs_and_devices_of_their_own(tmp_path, monkeypatch, evaluated,
                                                              capsys):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1")
    found = Processes(monkeypatch, trial1=2)
    arguments = f"--summary_dir={tmp_path}", "--num_trials=2", "--at_once=9"
    assert run(*arguments) == 2
    assert [(start[2]["CUDA_VISIBLE_DEVICES"], start[3]) for start in found.started] == [
        ("3", f"{tmp_path}/trial0/log.txt"), ("1", f"{tmp_path}/trial1/log.txt")]
    assert sorted(capsys.readouterr().out.splitlines()) == [
        "Trial 0 is done.", f"Trial 0 starts: {tmp_path}/trial0/log.txt",
        f"Trial 1 failed (exit status 2): {tmp_path}/trial1/log.txt",
        f"Trial 1 starts: {tmp_path}/trial1/log.txt"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "6")
    run(*arguments)
    assert capsys.readouterr().out.startswith(
        "There is no GPU: 2 trainings at a time share the processor; threads for each: 6.\n")
    assert {start[2]["TF_NUM_INTRAOP_THREADS"] for start in found.started[2:]} == {"6"}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1")
    run(*arguments, "--device_type=cpu")
    assert capsys.readouterr().out.startswith("2 trainings at a time share the processor;")


def test_one_trial_alone_is_trained_here(tmp_path, monkeypatch, evaluated):
    found = Processes(monkeypatch)
    arguments = f"--summary_dir={tmp_path}", "--num_trials=3"
    assert run(*arguments, "--trial=2", "--at_once=2") == 0
    assert evaluated == [planned(*arguments).training(2)] and not found.started


@pytest.mark.parametrize("arguments, message", [
    ([], "--summary_dir is missing"),
    (["--summary_dir={}", "--train=false"], "--train: this command trains"),
    (["--summary_dir={}", "--checkpoint=x/model.ckpt-1"], "--checkpoint: this command trains"),
    (["--summary_dir={}", "--predictions=x.csv"], "--predictions: this command trains"),
    (["--summary_dir={}", "--num_trials=0"], "num_trials"),
    (["--summary_dir={}", "--at_once=0"], "at_once"),
    (["--summary_dir={}", "--num_trials=3", "--trial=3"], "--trial: expected 0 to 2"),
    (["--summary_dir={}", "--num_trials=3", f"--seed={2**32 - 2}"], "--seed: expected at most"),
    (["--summary_dir={}/{{}}"], "without {}"),
    (["--summary_dir={}", "--hparams_override=routing=x"], "routing"),
    (["--summary_dir={}", "--num_trials=3", "--at_once=3"], "at most 2, found 3; GPUs here: 2"),
    (["--summary_dir={}/file", "--num_trials=2"], "found the file"),
])
def test_wrong_flags_get_one_line(arguments, message, tmp_path, monkeypatch, evaluated, capsys):
    (tmp_path / "file").mkdir()
    (tmp_path / "file" / "trial1").touch()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    found = Processes(monkeypatch)
    assert run(*(argument.format(tmp_path) for argument in arguments)) == 2
    error = capsys.readouterr().err.strip()
    assert message in error and len(error.splitlines()) == 1
    assert not found.started and not evaluated and os.listdir(tmp_path) == ["file"]


def test_a_log_that_cannot_be_written_is_one_line(tmp_path, monkeypatch, evaluated, capsys):
    (tmp_path / "trial0" / "log.txt").mkdir(parents=True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert run(f"--summary_dir={tmp_path}", "--num_trials=2", "--at_once=2") == 2
    assert "log.txt cannot be written (Is a directory)" in capsys.readouterr().err


def test_tensorflow_waits_for_the_evaluation():
    code = "import sys, training.trials; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """Trials whose command got SIGTERM in trial 0: (folder, status, output, trial 0's process)."""
    folder = tmp_path_factory.mktemp("trials")
    command = subprocess.Popen(
        [sys.executable, "-m", "training.trials", f"--summary_dir={folder}", *SMALL,
         "--num_trials=2", "--max_steps=100000", "--save_step=1"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + 300
        while not checkpoint_names(str(folder / "trial0" / "train")):
            assert command.poll() is None and time.monotonic() < end
            time.sleep(0.05)
        child = contents.read(str(folder / "trial0" / "train"), "lock.json")["pid"]
    finally:
        command.send_signal(signal.SIGTERM)
        out, err = command.communicate(timeout=60)
    return folder, command.returncode, out, err, child


def test_sigterm_saves_and_leaves_nothing_running(stopped):
    folder, status, out, err, child = stopped
    assert status == 143
    step = StoredCheckpoint(newest_whole_checkpoint(f"{folder}/trial0/train").name).step
    assert f"Stopped at step {step}: {folder}/trial0/train/model.ckpt-{step}" in out
    assert out.splitlines()[-1] == "Trial 0 was stopped (exit status 143)."
    assert err.splitlines()[-1] == ("trials.py: terminated on the way; the same command goes on "
                                    "from here.")
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert os.listdir(folder) == ["trial0"]


def result(folder):
    """Returns the result.json of an evaluation, without what differs between two."""
    with open(folder / "test" / "result.json") as file:
        values = json.load(file)
    for each in (values, *values["members"]):
        assert each.pop("seconds") > 0
    return values


def test_the_same_command_resumes_tries_again_and_evaluates(stopped, tmp_path, capfd,
                                                            monkeypatch):
    folder = stopped[0]
    last = newest_whole_checkpoint(f"{folder}/trial0/train").step + 2
    command = (f"--summary_dir={folder}", *SMALL, f"--max_steps={last}", "--num_trials=2",
               "--at_once=2", "--eval_size=50")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    (folder / "trial1").mkdir()
    (folder / "trial1" / "train").touch()       # where a folder is to be
    assert run(*command) == 2
    captured = capfd.readouterr()
    assert "Trial 0 is done." in captured.out
    assert f"Trial 1 failed (exit status 2): {folder}/trial1/log.txt" in captured.out
    assert captured.err.endswith("not all trials are done: 1 (exit status 2); the same command "
                                 "tries again.\n")
    assert f"Resuming from {folder}/trial0/train/model.ckpt-{last - 2}." in (
        folder / "trial0" / "log.txt").read_text()
    assert "--summary_dir" in (folder / "trial1" / "log.txt").read_text()
    assert not (folder / "test").exists()

    (folder / "trial1" / "train").unlink()
    before = os.stat(folder / "trial0" / "log.txt")
    assert run(*command) == 0
    captured = capfd.readouterr()
    assert f"Trial 0 is done already: {folder}/trial0/train/model.ckpt-{last}" in captured.out
    assert os.stat(folder / "trial0" / "log.txt").st_mtime_ns == before.st_mtime_ns
    log = (folder / "trial1" / "log.txt").read_text()
    assert log.index("--summary_dir") < log.index(f"Finished at step {last}")   # appended
    assert [contents.read(f"{folder}/trial{number}/train", contents.FLAGS)["seed"]
            for number in range(2)] == [0, 1]

    checkpoint = f"--checkpoint={folder}/trial{{}}/train/model.ckpt-{last}"
    assert experiment.main(["experiment.py", "--train=false", f"--summary_dir={tmp_path}",
                            "--eval_size=50", "--num_trials=2", checkpoint]) == 0
    found = result(folder)
    assert found == result(tmp_path) and len(found["members"]) == 2
    assert found["members"][0]["step"] == found["members"][1]["step"] == last
    lines = [line for line in captured.out.splitlines() if line.startswith("Total wrong")]
    assert len(lines) == 3 and lines[-1].startswith(f"Total wrong predictions: {found['wrong']},")
