import pytest

import experiment
from conftest import tensors
from training.distribution import devices
from training.loop import Hook
from training.run_folder import contents

SMALL = "--hparams_override=num_prime_capsules=1,routing=1,remake=false"


def run(*arguments, hook=None):
    return experiment.main(["experiment.py", *map(str, arguments)], hook)


class Batches(Hook, list):
    """What is trained on, batch by batch: lists of images as bytes, in order."""

    def before_step(self, step, batch):
        self.append([image.tobytes() for image in batch["images"].numpy()])


def test_batches_are_the_same_over_restarts_with_other_devices(tmp_path, mnist_dir):
    common = (f"--data_dir={mnist_dir}", SMALL, "--batch_size=7", "--device_type=cpu")
    batches = Batches()
    assert run(f"--summary_dir={tmp_path}/whole", *common, "--max_steps=10", hook=batches) == 0
    expected, batches[:] = list(batches), []
    for step, count in ((2, 1), (5, 4), (7, 2), (10, 1)):
        assert run(f"--summary_dir={tmp_path}/parts", *common, f"--max_steps={step}",
                   f"--num_gpus={count}", hook=batches) == 0
    assert batches == expected
    assert contents.read(tmp_path / "parts" / "train", contents.FINISHED) == {"step": 10}


@pytest.mark.parametrize("count", [2, 4])
def test_a_run_on_several_devices_goes_on_with_the_same_bytes(tmp_path, mnist_dir, count):
    common = (f"--data_dir={mnist_dir}", SMALL, "--batch_size=7", "--device_type=cpu",
              f"--num_gpus={count}")
    assert run(f"--summary_dir={tmp_path}/whole", *common, "--max_steps=6") == 0
    for step in (3, 6):
        assert run(f"--summary_dir={tmp_path}/parts", *common, f"--max_steps={step}") == 0
    whole, parts = (tensors(tmp_path / name / "train" / "model.ckpt-6")
                    for name in ("whole", "parts"))
    assert whole == parts and len(whole) > 10


def test_an_ensemble_and_predictions_on_several_devices_are_those_on_one(tmp_path, digits_zip):
    common = ("--dataset=digits", f"--data_dir={digits_zip}", "--model=mlp")
    for number in (0, 1):
        assert run(f"--summary_dir={tmp_path}/{number}", *common, f"--seed={number}",
                   "--max_steps=2", "--batch_size=8") == 0
    checkpoint = f"--checkpoint={tmp_path}/{{}}/train/model.ckpt-2"
    results, predictions = [], []
    for count in (1, 3):
        several = ("--num_trials=2", f"--num_gpus={count}", "--device_type=cpu", "--batch_size=5")
        assert run("--train=false", *common, checkpoint, f"--summary_dir={tmp_path}/on{count}",
                   *several) == 0
        results.append(contents.read(tmp_path / f"on{count}" / "test", contents.RESULT))
        assert run("--train=false", *common, checkpoint, *several,
                   f"--predictions={tmp_path}/on{count}.csv") == 0
        predictions.append((tmp_path / f"on{count}.csv").read_text())
    for key in ("examples", "wrong", "almost_wrong", "classes", "confusion"):
        assert results[0][key] == results[1][key]
    assert results[0]["examples"] == 12
    assert predictions[0] == predictions[1] and predictions[0].count("\n") == 21


@pytest.mark.parametrize("arguments, expected", [
    (("--num_gpus=2",), "--num_gpus=2: there are 0; --device_type=cpu splits the CPU into 2"),
    (("--num_gpus=9", "--device_type=cpu"), "this process has chosen other devices before"),
    (("--num_gpus=0",), "num_gpus"),
    (("--num_gpus=4", "--device_type=cpu", "--batch_size=3"),
     "--batch_size=3: expected at least one example for each of 4 devices"),
])
def test_devices_that_are_not_there_get_one_line(tmp_path, monkeypatch, capsys, arguments,
                                                 expected):
    monkeypatch.setattr(devices.tf.config, "list_physical_devices",
                        lambda kind, real=devices.tf.config.list_physical_devices:
                        real(kind) if kind == "CPU" else [])
    assert run(f"--summary_dir={tmp_path}", SMALL, *arguments) == 2
    error = capsys.readouterr().err.strip()
    assert expected in error and len(error.splitlines()) == 1


def test_one_gpu_falls_back_to_the_cpu_and_says_so(monkeypatch, capsys):
    monkeypatch.setattr(devices.tf.config, "list_physical_devices", lambda kind: [])
    devices._choose(1, "gpu")
    assert capsys.readouterr().out == "There is no GPU; the CPU computes.\n"


@pytest.mark.parametrize("number, device_type, expected", [
    (1, "gpu", ["a"]), (2, "gpu", ["a", "b"]), (1, "cpu", []), (3, "cpu", [])])
def test_so_many_gpus_are_seen_as_are_asked_for(monkeypatch, capsys, number, device_type,
                                                expected):
    seen = []
    monkeypatch.setattr(devices.tf.config, "list_physical_devices",
                        lambda kind: {"GPU": ["a", "b"], "CPU": ["c"]}[kind])
    monkeypatch.setattr(devices.tf.config, "set_visible_devices",
                        lambda chosen, kind: seen.append((chosen, kind)))
    split = []
    monkeypatch.setattr(devices.tf.config, "set_logical_device_configuration",
                        lambda cpu, parts: split.append((cpu, len(parts))))
    devices._choose(number, device_type)
    assert seen == [(expected, "GPU")]
    assert split == ([("c", number)] if device_type == "cpu" and number > 1 else [])
    assert not capsys.readouterr().out
