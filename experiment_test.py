"""The command line, on small real data."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import experiment
from conftest import start_following, write_idx
from input_data.formats.tf_examples import serialize
from input_data.formats.tfrecords import write
from training import loop
from training.checkpoints.read import StoredCheckpoint
from training.run_folder import commit, lock

ROOT = os.path.dirname(os.path.abspath(__file__))
SMALL = "--hparams_override=num_prime_capsules=2"


def run(*arguments):
    return experiment.main(["experiment.py", *map(str, arguments)])


def read_json(path):
    with open(path) as file:
        return json.load(file)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on the sample: 4 steps, checkpoints at 2 and 4."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    assert run(f"--summary_dir={folder}", SMALL, "--max_steps=4", "--save_step=2",
               "--batch_size=8") == 0
    return folder


def test_training_leaves_its_files(trained):
    names = set(os.listdir(trained / "train"))
    assert {"checkpoint", "flags.json", "hparams.json", "history.csv", "finished.json",
            "model.ckpt-2.index", "model.ckpt-4.index"} <= names
    assert not [name for name in names if ".part-" in name]
    flags = read_json(trained / "train" / "flags.json")
    assert (flags["seed"], flags["batch_size"], flags["max_steps"]) == (0, 8, 4)
    assert flags["commit"] == commit.checked_out()
    assert read_json(trained / "train" / "hparams.json")["num_prime_capsules"] == 2
    with open(trained / "train" / "history.csv") as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["1", "4"]


def test_training_prints_its_variables_first(tmp_path, capsys):
    run(f"--summary_dir={tmp_path}", "--model=baseline", "--max_steps=1", "--batch_size=4")
    out = capsys.readouterr().out
    assert any("sample" in line for line in out.splitlines()[:2])
    assert f"total_params: {5*5*512 + 512 + 5*5*512*256 + 256 + 4096*1024 + 1024 + 10250}" in out
    assert "fc1/kernel" in out and out.index("fc1/kernel") < out.index("total_params")


def test_evaluating_a_checkpoint_prints_and_writes_the_result(trained, tmp_path, capsys):
    out = tmp_path / "evaluation"
    assert run("--train=false", f"--checkpoint={trained}/train/model.ckpt-4", "--eval_size=150",
               f"--summary_dir={out}") == 0
    last = capsys.readouterr().out.splitlines()[-1]
    result = read_json(out / "test" / "result.json")
    assert last == (f"Total wrong predictions: {result['wrong']}, "
                    f"wrong percent: {result['wrong_percent']:.4g}%")
    assert result["examples"] == 150 and result["step"] == 4
    assert result["wrong_percent"] == 100 * result["wrong"] / 150
    assert set(result) == {"dataset", "model", "checkpoint", "step", "examples",
                           "split_examples", "wrong", "wrong_percent", "almost_wrong", "seconds",
                           "classes", "confusion"}
    assert sum(found["wrong"] for found in result["classes"]) == result["wrong"]
    assert np.trace(result["confusion"]) == 150 - result["wrong"]
    assert np.sum(result["confusion"], axis=1).tolist() == [
        found["examples"] for found in result["classes"]]
    assert len((out / "test" / "result.json").read_text().splitlines()) < 100   # a row a line
    with Image.open(out / "test" / "confusion.png") as picture:
        assert min(picture.size) > 300


def test_a_split_that_is_cut_short_is_told(trained, tmp_path, capsys):
    arguments = ("--train=false", f"--checkpoint={trained}/train/model.ckpt-4",
                 f"--summary_dir={tmp_path}")
    assert run(*arguments, "--eval_size=150") == 0
    assert "The first 150 of 2,000; --eval_size=2000 takes all.\n" in capsys.readouterr().out
    result = read_json(tmp_path / "test" / "result.json")
    assert (result["examples"], result["split_examples"]) == (150, 2000)
    assert run(*arguments, "--eval_size=2000") == 0
    assert "takes all" not in capsys.readouterr().out


def test_an_evaluation_knows_the_runs_network_and_data(tmp_path, mnist_dir, capsys, monkeypatch):
    run(f"--summary_dir={tmp_path}", f"--data_dir={mnist_dir}", "--model=mlp", "--max_steps=1",
        "--batch_size=4")
    restored, restore = [], StoredCheckpoint.restore_network
    monkeypatch.setattr(StoredCheckpoint, "restore_network",
                        lambda *arguments: (restored.append(1), restore(*arguments)))
    name = f"{tmp_path}/train/model.ckpt-1"
    assert run("--train=false", f"--summary_dir={tmp_path}", f"--checkpoint={name}") == 0
    assert len(restored) == 1
    assert f"{mnist_dir}, test split: 20 images" in capsys.readouterr().out
    assert read_json(tmp_path / "test" / "result.json")["model"] == "mlp"
    assert read_json(tmp_path / "test" / "flags.json")["data_dir"] == str(mnist_dir)
    assert run("--train=false", f"--checkpoint={name}", "--model=cnn") == 2
    assert "trained with --model=mlp, found --model=cnn" in one_line(capsys)
    assert run("--train=false", f"--checkpoint={name}", "--num_targets=2") == 2
    assert "trained with --num_targets=1, found --num_targets=2" in one_line(capsys)


def test_a_run_resumes_with_its_own_data_only(tmp_path, mnist_dir, capsys):
    common = f"--summary_dir={tmp_path}", SMALL
    assert run(*common, f"--data_dir={mnist_dir}", "--max_steps=1", "--batch_size=4") == 0
    records = tmp_path / "train_1shifted_mnist.tfrecords"
    record = dict(height=28, width=28, depth=1, label=3, image_raw=bytes(784))
    write(str(records), [serialize(**record)] * 60, 60)
    capsys.readouterr()
    assert run(*common, f"--data_dir={records}", "--max_steps=2") == 2
    assert "trained on 60 examples of IDX files, " in one_line(capsys)
    assert run(*common, "--max_steps=2") == 0
    assert read_json(tmp_path / "train" / "dataset.json")["kind"] == "IDX files"


def test_files_of_somebody_else_are_not_replaced(tmp_path, mnist_dir, trained, capsys):
    for folder, name in (("train", "checkpoint"), ("test", "result.json")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text("{}")
    assert run(f"--summary_dir={tmp_path}", f"--data_dir={mnist_dir}") == 2
    assert "train/checkpoint was not written by a run" in one_line(capsys)
    assert run("--train=false", f"--checkpoint={trained}/train/model.ckpt-4",
               f"--summary_dir={tmp_path}") == 2
    assert "test/result.json was not written by a run" in one_line(capsys)
    assert [len(os.listdir(tmp_path / folder)) for folder in ("train", "test")] == [1, 1]


def test_evaluation_without_summary_dir_writes_nothing(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("--train=false", f"--checkpoint={trained}/train/model.ckpt-2",
               "--eval_size=10") == 0
    assert not os.listdir(tmp_path)


def test_summaries_have_the_references_tags(trained, tmp_path):
    run("--train=false", f"--checkpoint={trained}/train/model.ckpt-4", "--eval_size=20",
        f"--summary_dir={tmp_path}")
    training = set(EventAccumulator(str(trained / "train")).Reload().Tags()["tensors"])
    assert {"batch_classification_cost", "total_loss", "reconstruction_error", "accuracy",
            "correct_prediction_batch", "almost_correct_batch"} <= training
    evaluation = EventAccumulator(str(tmp_path / "test")).Reload()
    assert {"correct_prediction", "wrong_prediction",
            "almost_wrong_prediction", "confusion"} <= set(evaluation.Tags()["tensors"])
    assert [event.step for event in evaluation.Tensors("wrong_prediction")] == [4]


def test_verbose_adds_histograms_and_pictures(tmp_path, mnist_dir, monkeypatch):
    monkeypatch.setattr(loop, "DETAILS_EVERY", 2)
    run(f"--summary_dir={tmp_path}", f"--data_dir={mnist_dir}", "--batch_size=4",
        "--micro_batch=2", "--max_steps=2", SMALL + ",verbose=true,routing=1")
    tags = set(EventAccumulator(str(tmp_path / "train")).Reload().Tags()["tensors"])
    assert {"conv1/kernel", "activation/logits", "reconstruction", "target",
            "routing/coupling_entropy_1", "learning_rate", "images_per_second"} <= tags


def test_a_second_start_goes_on_and_a_finished_one_says_so(tmp_path, mnist_dir, capsys):
    common = f"--summary_dir={tmp_path}", f"--data_dir={mnist_dir}", SMALL
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "notes.txt").write_text("mine")
    assert run(*common, "--max_steps=2", "--batch_size=8", "--seed=5") == 0
    assert run(common[0], "--max_steps=3") == 0
    assert f"Resuming from {tmp_path}/train/model.ckpt-2" in capsys.readouterr().out
    flags = read_json(tmp_path / "train" / "flags.json")
    assert (flags["seed"], flags["batch_size"], flags["data_dir"]) == (5, 8, str(mnist_dir))
    assert f"--hparams_override={flags['hparams_override']}" == SMALL      # the first start's
    assert read_json(tmp_path / "train" / "hparams.json")["num_prime_capsules"] == 2
    assert run(*common, "--max_steps=3") == 0
    assert "Step 3 was reached already" in capsys.readouterr().out
    assert (tmp_path / "train" / "notes.txt").read_text() == "mine"


def test_training_starts_from_another_runs_checkpoint(trained, tmp_path, mnist_dir, capsys):
    assert run(f"--summary_dir={tmp_path}", f"--data_dir={mnist_dir}", SMALL, "--max_steps=5",
               "--batch_size=4", f"--checkpoint={trained}/train/model.ckpt-4") == 0
    assert "model.ckpt-5" in capsys.readouterr().out.splitlines()[-1]
    assert run(f"--summary_dir={tmp_path}/more", f"--data_dir={mnist_dir}", SMALL, "--max_steps=4",
               "--batch_size=4", f"--checkpoint={trained}/train/model.ckpt-4") == 2
    assert "leaves nothing to train after step 4" in capsys.readouterr().err


def test_validation_holds_out_training_digits(tmp_path, mnist_dir, capsys):
    assert run(f"--summary_dir={tmp_path}", f"--data_dir={mnist_dir}", SMALL, "--validate",
               "--max_steps=1", "--batch_size=4") == 0
    assert "valid_train split: 50 images" in capsys.readouterr().out
    assert run(f"--summary_dir={tmp_path}", f"--data_dir={mnist_dir}", "--train=false",
               "--validate=true") == 0
    assert "valid_test split: 10 images" in capsys.readouterr().out
    assert read_json(tmp_path / "test" / "result.json")["examples"] == 10
    # The history of other images is set aside.
    history = (tmp_path / "test" / "history.csv").read_text()
    for _ in range(2):
        assert run(f"--summary_dir={tmp_path}", "--train=false") == 0
    assert (tmp_path / "test" / "history-1.csv").read_text() == history
    assert (tmp_path / "test" / "history.csv").read_text().count("\n") == 2
    assert not (tmp_path / "test" / "history-2.csv").exists()


def test_images_that_were_trained_on_are_told(trained, mnist_dir, capsys):
    arguments = ("--train=false", f"--checkpoint={trained}/train/model.ckpt-4",
                 f"--data_dir={mnist_dir}", "--eval_size=2")
    assert run(*arguments) == 0
    assert "trained without --validate" not in capsys.readouterr().err
    assert run(*arguments, "--validate=true") == 0
    assert capsys.readouterr().err.count("trained without --validate") == 1


def test_following_evaluates_each_checkpoint_once(tmp_path, mnist_dir, capsys):
    common = f"--summary_dir={tmp_path}", f"--data_dir={mnist_dir}"
    follower = start_following(*common)
    run(*common, SMALL, "--max_steps=3", "--save_step=1", "--batch_size=4")
    follower.join(timeout=60)
    assert not follower.is_alive()
    with open(tmp_path / "test" / "history.csv") as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["1", "2", "3"]


def test_a_checkpoint_that_is_written_again_is_evaluated_again(tmp_path, mnist_dir, capsys,
                                                               monkeypatch):
    common = f"--summary_dir={tmp_path}", f"--data_dir={mnist_dir}", "--model=mlp"
    train = (*common, "--max_steps=2", "--save_step=1", "--batch_size=4")
    assert run(*train) == 0

    def start_again(seconds):
        """In the follower's first pause, the run is deleted and started again."""
        monkeypatch.undo()
        shutil.rmtree(tmp_path / "train")
        assert run(*train, "--seed=5") == 0

    monkeypatch.setattr("training.evaluation.follow.time.sleep", start_again)
    (tmp_path / "train" / "finished.json").unlink()
    capsys.readouterr()
    assert run(common[0], "--train=false", "--eval_size=2", "--poll_seconds=0.1") == 0
    assert capsys.readouterr().out.count("Evaluating ") == 4


def test_following_ends_at_max_steps_or_without_patience(trained, tmp_path, capsys):
    os.symlink(trained / "train", tmp_path / "train")
    assert run(f"--summary_dir={tmp_path}", "--train=false", "--eval_size=10",
               "--max_steps=2") == 0
    assert capsys.readouterr().out.count("Total wrong") == 1
    # The mark of an earlier end is not that of a training that goes on to more steps.
    assert run(f"--summary_dir={tmp_path}", "--train=false", "--eval_size=10", "--max_steps=50",
               "--poll_seconds=0.1", "--patience_minutes=0.01") == 0
    assert "No new checkpoint" in capsys.readouterr().out
    assert run(f"--summary_dir={tmp_path / 'none'}", "--train=false", "--poll_seconds=0.1",
               "--patience_minutes=0.01") == 2
    assert "no checkpoint for 0.01 minutes" in capsys.readouterr().err


@pytest.fixture
def damaged(trained, tmp_path):
    """The trained run, its newest checkpoint damaged."""
    folder = tmp_path / "damaged"
    shutil.copytree(trained, folder)
    path = folder / "train" / "model.ckpt-4.data-00000-of-00001"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return folder


def test_training_goes_on_from_the_newest_whole_checkpoint(trained, damaged, capsys):
    assert run(f"--summary_dir={damaged}", "--max_steps=4") == 0
    captured = capsys.readouterr()
    assert f"Warning: Checkpoint {damaged}/train/model.ckpt-4: damaged" in captured.err
    assert f"Resuming from {damaged}/train/model.ckpt-2." in captured.out
    # And writes the damaged one again.
    assert run("--train=false", f"--checkpoint={damaged}/train/model.ckpt-4",
               "--eval_size=10") == 0
    expected, found = (tf.train.load_checkpoint(f"{folder}/train/model.ckpt-4")
                       for folder in (trained, damaged))
    for key in expected.get_variable_to_shape_map():
        if "OBJECT_GRAPH" not in key:       # it counts the networks of this process
            np.testing.assert_array_equal(expected.get_tensor(key), found.get_tensor(key))


def test_damaged_checkpoints_are_not_evaluated(damaged, capsys):
    assert run("--train=false", f"--checkpoint={damaged}/train/model.ckpt-4") == 2
    assert "model.ckpt-4: damaged" in one_line(capsys)
    assert run("--train=false", f"--summary_dir={damaged}", "--eval_size=10") == 2
    captured = capsys.readouterr()
    assert "Evaluating " + f"{damaged}/train/model.ckpt-2" in captured.out
    assert "The last checkpoint was not evaluated: " in captured.err
    assert read_json(damaged / "test" / "result.json")["step"] == 2


def test_without_a_whole_checkpoint_nothing_is_begun(damaged, capsys):
    (damaged / "train" / "model.ckpt-2.index").unlink()
    before = sorted(os.listdir(damaged / "train"))
    assert run(f"--summary_dir={damaged}", "--max_steps=9") == 2
    assert "none of its 2 checkpoints is whole" in capsys.readouterr().err
    assert sorted(os.listdir(damaged / "train")) == before


def test_one_training_at_a_time(trained, capsys):
    with lock.only_writer(str(trained / "train")):
        assert run(f"--summary_dir={trained}", "--max_steps=9") == 2
        assert f"process {os.getpid()} on " in one_line(capsys)
        assert run("--train=false", f"--summary_dir={trained}", "--eval_size=10") == 0


def test_flags_after_a_flagfile_replace_its_flags_or_add_to_its_hyperparameters(
        tmp_path, mnist_dir, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.flags").write_text(
        "# A network.\n\n--model=mlp\n--seed=2\n--max_steps=2\n--batch_size=5\n"
        "--hparams_override=learning_rate=0.002,ema_decay=0.9\n"
        "--hparams_override=warmup_steps=3\n")
    command = ("--max_steps=7", "--flagfile=two.flags", f"--data_dir={mnist_dir}", "--seed=3",
               "--summary_dir=run", "--hparams_override=ema_decay=0.5")
    assert run(*command) == 0
    flags = read_json("run/train/flags.json")
    assert [flags[name] for name in ("model", "seed", "max_steps", "batch_size")] == [
        "mlp", 3, 2, 5]
    hparams = read_json("run/train/hparams.json")
    assert [hparams[name] for name in ("learning_rate", "warmup_steps", "ema_decay")] == [
        0.002, 3, 0.5]
    capsys.readouterr()
    assert run(*command) == 0
    assert "Step 2 was reached already" in capsys.readouterr().out
    assert run(*command, "--max_steps=3") == 0
    assert "Resuming from run/train/model.ckpt-2" in capsys.readouterr().out
    assert run(*command, "--hparams_override=warmup_steps=4") == 2
    assert "was started with warmup_steps=3" in one_line(capsys)


def test_max_minutes_ends_a_run_that_goes_on_later(tmp_path, mnist_dir, capsys):
    common = f"--summary_dir={tmp_path}", f"--data_dir={mnist_dir}", SMALL, "--batch_size=4"
    assert run(*common, "--max_minutes=0.0001", "--keep_checkpoints=1") == 4
    assert "Time is up at step 1 of 1000, saved: " in capsys.readouterr().out
    assert not (tmp_path / "train" / "finished.json").exists()
    # A follower goes on waiting: for more than the checkpoint that there is.
    assert run("--train=false", f"--summary_dir={tmp_path}", "--eval_size=2", "--poll_seconds=0.1",
               "--patience_minutes=0.01") == 0
    assert "No new checkpoint for 0.01 minutes" in capsys.readouterr().out
    assert run(*common, "--max_steps=2", "--keep_checkpoints=1") == 0
    assert "Resuming from" in capsys.readouterr().out
    assert [name for name in os.listdir(tmp_path / "train") if name.endswith(".index")] == [
        "model.ckpt-2.index"]


def one_line(capsys):
    """The error's line, after a check that it is the only one."""
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if "Evaluating:" not in line
             and "Training:" not in line and line.strip()]
    assert len(lines) == 1 and lines[0].startswith("experiment.py: error: "), captured.err
    assert "Traceback" not in captured.out + captured.err
    return lines[0]


@pytest.mark.parametrize("arguments, message", [
    (["--model=transformer"], "capsule|baseline"),
    (["--dataset=imagenet"], "mnist"),
    (["--image_size=32"], "expected HxW or HxWxC"),
    (["--image_size=0x32"], "found '0x32'"),
    (["--image_size=32x32x2"], "1, 3 or 4 channels"),
    (["--image_size=32x32"], "--image_size is not for --dataset=mnist"),
    (["--skip_broken"], "--skip_broken is not for --dataset=mnist"),
    (["--validation_fraction=1"], "between 0 and 1"),
    (["--train=perhaps"], "train"),
    (["--max_steps=many"], "max_steps"),
    (["--max_steps=0"], "max_steps"),
    (["--max_minutes=nan"], "max_minutes"),
    (["--poll_seconds=inf"], "poll_seconds"),
    (["--keep_checkpoints=0"], "keep_checkpoints"),
    (["--sumary_dir=x"], "summary_dir"),
    (["train"], "unexpected argument 'train'"),
    (["--flagfile=none.flags"], "--flagfile: none.flags cannot be read (No such file or"),
    (["--flagfile=/tmp"], "--flagfile: /tmp cannot be read (Is a directory)."),
    ([f"--flagfile={ROOT}/docs/pictures/parts.png"], "--flagfile: expected text in UTF-8"),
    ([f"--flagfile={ROOT}/setup.cfg"], "unexpected argument '[metadata]'"),
    (["--hparams_override=routes=1"], "expected one of decay_rate"),
    (["--hparams_override=routing=one"], "whole number"),
    (["--data_dir=/nowhere"], "no folder or file /nowhere"),
    (["--summary_dir="], "--summary_dir"),
    (["--train=false"], "--summary_dir is missing"),
    (["--data_dir="], "--data_dir is empty"),
    (["--checkpoint="], "--checkpoint is empty"),
    (["--summary_dir=gs://bucket/x"], "--summary_dir: expected a path on this machine"),
    (["--hparams_override=num_prime_capsules=1000000"], "would have 211,9"),
    (["--hparams_override=num_prime_capsules=1000000000000000"], "from 1 to 1000000, found"),
    (["--batch_size=100000"], "expected at most 10699 examples of 28x28 at once"),
    (["--poll_seconds=1e300"], "poll_seconds"),
    (["--hparams_override=routing=3000"], "whole number from 1 to 100"),
    (["--shift=100000"], "shift"), (["--batch_size=100000000000000000000"], "batch_size"),
    (["--num_trials=1000000000"], "num_trials"),
    (["--summary_dir=/tmp/run[1]"], "without [ ] * ?"),
    ([f"--summary_dir={__file__}", "--train=false"], "found the file"),
    (["--train=false", "--checkpoint=/nowhere/model.ckpt-1"], "no folder /nowhere"),
    (["--summary_dir=/proc/run"], "cannot be made"),
])
def test_bad_flags_get_one_line(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if not any(argument.startswith(("--summary_dir", "--train")) for argument in arguments):
        arguments = [*arguments, f"--summary_dir={tmp_path}/run"]
    assert run(*arguments) == 2
    assert message in one_line(capsys)


def empty(folder):
    for name in os.listdir(folder):
        os.remove(folder / name)


def cut_idx(folder):
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-100])


def fewer_labels(folder):
    write_idx(folder / "train-labels-idx1-ubyte", np.zeros(59, np.uint8))


def label_11(folder):
    write_idx(folder / "train-labels-idx1-ubyte", np.full(60, 11, np.uint8))


def records(folder, name="train_2shifted_mnist.tfrecords", **changes):
    record = dict(height=28, width=28, depth=1, label=3, image_raw=bytes(784))
    write(f"{folder}/{name}", [serialize(**{**record, **changes})] * 4, 4)
    return folder / name


def cut_records(folder):
    path = records(folder)
    path.write_bytes(path.read_bytes()[:-100])


def flipped_byte(folder):
    path = records(folder)
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)


def two_sets_of_records(folder):
    records(folder)
    records(folder, "train_2shifted_mnist.tfrecords-00000-of-00001")


@pytest.mark.parametrize("damage, message", [
    (empty, "found nothing"),
    (cut_idx, "cut short"),
    (fewer_labels, "60 images"),
    (label_11, "found 11"),
    (cut_records, "cut short"),
    (flipped_byte, "damaged record 3"),
    (lambda folder: records(folder, image_raw=bytes(5)), "expected 784 bytes"),
    (lambda folder: records(folder, label=11), "found 11"),
    (two_sets_of_records, "found several"),
])
def test_bad_data_get_one_line(damage, message, mnist_dir, tmp_path, capsys):
    damage(mnist_dir)
    capsys.readouterr()     # of making the damaged files
    assert run(f"--summary_dir={tmp_path}/run", f"--data_dir={mnist_dir}", SMALL,
               "--max_steps=2", "--batch_size=8") == 2
    assert message in one_line(capsys)


@pytest.mark.parametrize("arguments, message", [
    (["--train=false", "--checkpoint={}/train/model.ckpt-9"], "found model.ckpt-2, model.ckpt-4"),
    (["--train=false", "--checkpoint={}/train/model.ckpt-4",
      "--hparams_override=num_prime_capsules=4"],
     "expected [9, 9, 256, 32], found [9, 9, 256, 16]; most likely the hyperparameter "
     "num_prime_capsules"),
    (["--train=false", "--checkpoint={}/train/model.ckpt-4", "--model=baseline"], "--model"),
    (["--summary_dir={}", "--max_steps=3"], "leaves nothing to train after step 4"),
    (["--summary_dir={}/new", "--checkpoint={}/train/model.ckpt-4", "--max_steps=3"],
     "leaves nothing to train after step 4"),
    (["--summary_dir={}", "--precision=bfloat16"], "started with --precision=float32"),
    (["--summary_dir={}", "--seed=8"], "started with --seed=0"),
    (["--summary_dir={}", "--batch_size=9"], "started with --batch_size=8"),
    (["--summary_dir={}", "--model=baseline"], "started with --model=capsule"),
    (["--summary_dir={}", "--hparams_override=routing=1"], "started with routing=3"),
])
def test_what_does_not_fit_a_run_gets_one_line(trained, arguments, message, capsys):
    before = sorted(os.listdir(trained / "train"))
    assert run(*(argument.format(trained) for argument in arguments)) == 2
    assert message in one_line(capsys)
    assert sorted(os.listdir(trained / "train")) == before


def process(*arguments, **options):
    return subprocess.run([sys.executable, "experiment.py", *arguments], cwd=ROOT, text=True,
                          capture_output=True, check=False, **options)


def test_the_screen_shows_the_programs_own_words(trained, tmp_path):
    done = process("--train=false", f"--checkpoint={trained}/train/model.ckpt-4",
                   "--eval_size=10")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("Total wrong predictions: ")
    assert set(re.sub(r"Evaluating:.*", "", done.stderr)) <= set("\r\n")
    verbose = process("--train=false", f"--checkpoint={trained}/train/model.ckpt-9",
                      "--verbosity=0")
    assert verbose.returncode == 2 and len(verbose.stderr.splitlines()) > 1


def test_flags_are_checked_before_tensorflow_is_imported():
    code = ("import sys, experiment; status = experiment.main(['experiment.py', '--model=x']); "
            "sys.exit(10 + status if 'tensorflow' in sys.modules else status)")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False,
                          capture_output=True)
    assert done.returncode == 2


def test_help_lists_the_flags(capsys):
    assert run("--help") == 0
    assert "--hparams_override" in capsys.readouterr().out


def test_the_references_checkpoint_makes_its_errors(golden_dir, whole_mnist_dir, capsys):
    assert run(f"--data_dir={whole_mnist_dir}", "--train=false",
               "--hparams_override=num_prime_capsules=4",
               f"--checkpoint={golden_dir}/mnist_capsule_small/model.ckpt-200") == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "Total wrong predictions: 634, wrong percent: 6.34%")


def test_a_train_folder_in_the_references_format_resumes(golden_dir, tmp_path, capsys):
    folder = tmp_path / "train"
    folder.mkdir()
    for ending in ("index", "data-00000-of-00001"):
        os.symlink(f"{golden_dir}/mnist_capsule_small/model.ckpt-200.{ending}",
                   folder / f"model.ckpt-200.{ending}")
    tf.compat.v1.train.update_checkpoint_state(str(folder), "model.ckpt-200")
    assert run(f"--summary_dir={tmp_path}", "--max_steps=201", "--batch_size=8",
               "--hparams_override=num_prime_capsules=4") == 0
    assert "model.ckpt-201" in capsys.readouterr().out.splitlines()[-1]
    assert os.path.exists(folder / "model.ckpt-200.index")
