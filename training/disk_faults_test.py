"""Disks that fill, folders that cannot be written to any more, data that vanish: while training."""

import os
import resource
import shutil
import subprocess

import pytest

import experiment
from conftest import TESTDATA, tensors, write_mnist
from input_data.mnist import mnist_shift
from training.checkpoints.read import newest_whole_checkpoint
from training.run_folder import contents

SMALL = "--hparams_override=num_prime_capsules=1,routing=1,remake=false"
CIFAR10 = os.path.join(TESTDATA, "cifar10")
PAIRS = os.path.join(TESTDATA, "multimnist")


def run(*arguments, hook=None):
    return experiment.main(["experiment.py", *map(str, arguments)], hook)


@pytest.fixture
def command(tmp_path, mnist_dir):
    return (f"--summary_dir={tmp_path}/run", f"--data_dir={mnist_dir}", SMALL, "--batch_size=4",
            "--save_step=2", "--max_steps=6")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, digits):
    """The last checkpoint's bytes of the same training without any fault."""
    folder = tmp_path_factory.mktemp("whole")
    write_mnist(folder, *digits)
    assert run(f"--summary_dir={folder}/run", f"--data_dir={folder}", SMALL, "--batch_size=4",
               "--max_steps=6") == 0
    return tensors(f"{folder}/run/train/model.ckpt-6")


def last_bytes(tmp_path):
    return tensors(f"{tmp_path}/run/train/model.ckpt-6")


def screen(capsys):
    """The lines of standard error but the progress bar's, after a look for tracebacks."""
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return [line for line in captured.err.replace("\r", "\n").splitlines()
            if line.strip() and "Training:" not in line and "images/s" not in line]


@pytest.fixture
def limited():
    """A function that limits the size of files, as a disk of so much room does; 0 lifts it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size or soft, hard))

    yield limit
    limit(0)


def test_a_disk_that_is_full_for_a_while(command, steps, limited, whole, tmp_path, capsys):
    steps.then = {3: lambda: limited(100_000), 5: lambda: limited(0)}
    assert run(*command, hook=steps) == 0
    line, = screen(capsys)
    assert line.startswith(f"Warning: {tmp_path}/run/train: the checkpoint of step 4 cannot be "
                           "written (")
    assert line.endswith("Training goes on and tries again within a minute.")
    assert last_bytes(tmp_path) == whole


def test_a_disk_that_stays_full(command, steps, limited, whole, tmp_path, capsys):
    steps.then = {3: lambda: limited(100_000)}
    assert run(*command, hook=steps) == 2
    warning, error = screen(capsys)
    assert "step 4 cannot be written" in warning
    assert error.startswith("experiment.py: error: ") and "step 6 cannot be written" in error
    assert error.endswith(f"the newest is {tmp_path}/run/train/model.ckpt-2.")
    assert newest_whole_checkpoint(f"{tmp_path}/run/train").step == 2
    assert contents.read(f"{tmp_path}/run/train", contents.FINISHED) is None
    limited(0)
    assert run(*command, hook=steps) == 0 and last_bytes(tmp_path) == whole


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 5 MB at tmp_path/run: two checkpoints; and a function to make it larger."""
    folder = tmp_path / "run"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=5m", "none", folder], check=False,
                      capture_output=True).returncode:
        pytest.skip("mounting is for root")

    def enlarge():
        subprocess.run(["mount", "-o", "remount,size=100m", folder], check=True)

    yield enlarge
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_small_disk(command, small_disk, whole, tmp_path, capsys):
    assert run(*command) == 2
    *_, error = lines = screen(capsys)
    assert all(line.startswith("Warning: ") for line in lines[:-1])
    assert "No space left on device" in error and error.startswith("experiment.py: error: ")
    assert newest_whole_checkpoint(f"{tmp_path}/run/train").step >= 2
    small_disk()
    assert run(*command) == 0 and last_bytes(tmp_path) == whole


@pytest.fixture
def read_only(tmp_path):
    """A function that makes tmp_path/run unwritable, and one that makes it writable again."""
    folder = tmp_path / "run"
    if os.geteuid():
        yield (lambda: os.chmod(folder / "train", 0o555)), (
            lambda: os.chmod(folder / "train", 0o755))
        return
    mounted = []

    def lock():
        subprocess.run(["mount", "--bind", folder, folder], check=True)
        mounted.append(folder)
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)

    def unlock():
        while mounted:
            subprocess.run(["umount", "--lazy", mounted.pop()], check=True)

    try:
        folder.mkdir()
        lock()
        unlock()
    except subprocess.CalledProcessError:
        pytest.skip("mounting is not allowed here")
    yield lock, unlock
    unlock()


def test_a_folder_that_becomes_read_only(command, steps, read_only, whole, tmp_path, capsys):
    lock, unlock = read_only
    steps.then = {3: lock}
    assert run(*command, hook=steps) == 2
    *_, error = lines = screen(capsys)
    assert any("step 4 cannot be written (" in line for line in lines[:-1])
    assert error.startswith("experiment.py: error: ") and error.endswith("model.ckpt-2.")
    assert newest_whole_checkpoint(f"{tmp_path}/run/train").step == 2
    assert run(*command, hook=steps) == 2       # still
    assert "run/train" in screen(capsys)[-1]
    unlock()
    assert run(*command, hook=steps) == 0 and last_bytes(tmp_path) == whole


def test_a_folder_that_is_removed(command, steps, tmp_path, capsys):
    steps.then = {3: lambda: shutil.rmtree(tmp_path / "run")}
    assert run(*command, hook=steps) == 2
    error = screen(capsys)[-1]
    assert error.startswith("experiment.py: error: ") and "No such file or directory" in error


def test_a_folder_that_becomes_a_file(command, steps, tmp_path, capsys):
    def replace():
        shutil.rmtree(tmp_path / "run" / "train")
        (tmp_path / "run" / "train").write_text("a file")

    steps.then = {3: replace}
    assert run(*command, hook=steps) == 2
    error = screen(capsys)[-1]
    assert error.startswith("experiment.py: error: ") and "Not a directory" in error


def records(folder, digits):
    """Makes data to train on; returns the file that a fault will hit, and flags."""
    write_mnist(folder, *digits)
    assert mnist_shift.main(["mnist_shift.py", f"--data_dir={folder}", "--shift=1"]) == 0
    path = folder / "train_1shifted_mnist.tfrecords"
    return path, (f"--data_dir={path}",)


def cifar10(folder, digits):
    shutil.copytree(CIFAR10, folder, dirs_exist_ok=True)
    return folder / "cifar-10-batches-bin" / "data_batch_1.bin", (
        "--dataset=cifar10", f"--data_dir={folder}")


def pairs(folder, digits):
    shutil.copytree(PAIRS, folder, dirs_exist_ok=True)
    name = folder / "multitrain_4shifted_mnist.tfrecords"
    return folder / f"{name.name}-00001-of-00003", ("--num_targets=2", f"--data_dir={name}@3")


@pytest.mark.parametrize("make", [records, cifar10, pairs])
@pytest.mark.parametrize("fault, message", [
    (os.remove, "cannot be read (No such file or directory)"),
    (lambda path: os.truncate(path, 10), "more bytes"),
])
def test_data_that_vanish(make, fault, message, steps, digits, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    path, flags = make(tmp_path / "data", digits)
    sound = path.read_bytes()
    command = (f"--summary_dir={tmp_path}/run", SMALL, *flags,
               "--batch_size=4", "--max_steps=12")
    steps.then = {3: lambda: fault(path)}
    capsys.readouterr()
    assert run(*command, hook=steps) == 2
    error, = screen(capsys)
    assert error.startswith(f"experiment.py: error: {path}")
    assert message in error or (make is cifar10 and "cut short" in error)
    # What was trained before is saved, and the same command goes on when the data are back.
    assert newest_whole_checkpoint(f"{tmp_path}/run/train").step == steps[-1] >= 3
    path.write_bytes(sound)
    before = len(steps)
    assert run(*command, hook=steps) == 0
    assert steps[before:] == list(range(steps[before - 1] + 1, 13))


def test_digits_in_memory_need_their_files_no_more(command, steps, mnist_dir, whole, tmp_path):
    steps.then = {3: lambda: shutil.rmtree(mnist_dir)}
    assert run(*command, hook=steps) == 0 and last_bytes(tmp_path) == whole
