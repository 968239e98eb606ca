"""A network with batch statistics: one update a step, kept in checkpoints; one device alone."""

import pytest

import experiment
from conftest import tensors

COMMON = ("--model=efficient", "--batch_size=4", "--hparams_override=remake=false,ema_decay=0.9")


def run(folder, *arguments):
    return experiment.main(["experiment.py", f"--summary_dir={folder}", *COMMON, *arguments])


def test_a_resumed_training_ends_at_the_same_bytes(tmp_path):
    assert run(tmp_path / "whole", "--max_steps=3") == 0
    assert run(tmp_path / "parts", "--max_steps=1") == 0
    first = tensors(tmp_path / "parts" / "train" / "model.ckpt-1")
    assert run(tmp_path / "parts", "--max_steps=3") == 0
    found = tensors(tmp_path / "parts" / "train" / "model.ckpt-3")
    assert found == tensors(tmp_path / "whole" / "train" / "model.ckpt-3")
    statistics = "network/normalization4/moving_mean/.ATTRIBUTES/VARIABLE_VALUE"
    assert found[statistics] != first[statistics]
    assert experiment.main([
        "experiment.py", "--train=false", "--eval_size=10",
        f"--checkpoint={tmp_path}/parts/train/model.ckpt-3"]) == 0


@pytest.mark.parametrize("flags", [["--micro_batch=2"], ["--num_gpus=2", "--device_type=cpu"]])
def test_batches_in_parts_are_refused(tmp_path, capsys, flags):
    assert run(tmp_path, "--max_steps=1", *flags) == 2
    assert ("The network efficient normalizes with the statistics of whole batches: expected one "
            "device and no --micro_batch.") in capsys.readouterr().err
