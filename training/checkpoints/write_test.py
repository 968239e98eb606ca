import os
import resource

import pytest
import tensorflow as tf

import models
from commands.errors import RunError
from input_data.dataset import DatasetInfo
from models.hparams import HParams
from training.checkpoints.integrity import DATA, INDEX
from training.checkpoints.read import StoredCheckpoint, checkpoint_names, newest_whole_checkpoint
from training.checkpoints.write import CheckpointWriter, remove_unfinished_checkpoints
from training.optimizer import make_optimizer


@pytest.fixture(scope="module")
def trained():
    """A small network and its optimizer."""
    info = DatasetInfo("small", 20, 20, 1, 2, ())
    hparams = HParams().override("num_prime_capsules=1,remake=false")
    network = models.build("capsule", hparams, info)
    return network, make_optimizer(network)


@pytest.fixture
def save(trained, tmp_path):
    """A function that saves at a step with one writer into tmp_path."""
    writers = {}

    def save(step, keep=1000):
        writer = writers.setdefault(keep, CheckpointWriter(str(tmp_path), *trained, keep))
        trained[1].iterations.assign(step)
        return writer.save()

    return save


def steps(folder):
    return [StoredCheckpoint(name).step for name in checkpoint_names(str(folder))]


def names(folder):
    return sorted(os.listdir(folder))


def test_a_checkpoint_is_two_files_and_a_state_file(save, tmp_path):
    name = save(7)
    assert name == f"{tmp_path}/model.ckpt-7" == tf.train.latest_checkpoint(str(tmp_path))
    assert names(tmp_path) == ["checkpoint", "model.ckpt-7" + DATA, "model.ckpt-7" + INDEX]
    save(9)
    state = tf.train.get_checkpoint_state(str(tmp_path))
    assert state.model_checkpoint_path == f"{tmp_path}/model.ckpt-9"
    assert [os.path.basename(path) for path in state.all_model_checkpoint_paths] == [
        "model.ckpt-7", "model.ckpt-9"]


def test_a_step_is_written_once(save):
    first = save(3)
    written = os.stat(first + INDEX).st_mtime_ns
    assert save(3) == first and os.stat(first + INDEX).st_mtime_ns == written


def test_a_damaged_checkpoint_of_the_step_is_written_again(save, tmp_path):
    (tmp_path / f"model.ckpt-3{INDEX}").write_bytes(b"damaged")
    (tmp_path / f"model.ckpt-3{DATA}").write_bytes(b"damaged")
    assert StoredCheckpoint(save(3)).step == 3


def test_the_newest_are_kept(save, tmp_path):
    (tmp_path / "model.ckpt-99.index").write_bytes(b"damaged, and later than all of these")
    (tmp_path / "model.ckpt-1.meta").write_bytes(b"TensorFlow 1's")
    (tmp_path / "model.ckpt-best.index").write_bytes(b"the user's")
    for step in range(1, 6):
        save(step, keep=2)
    assert names(tmp_path) == [
        "checkpoint", "model.ckpt-4" + DATA, "model.ckpt-4" + INDEX, "model.ckpt-5" + DATA,
        "model.ckpt-5" + INDEX, "model.ckpt-99.index", "model.ckpt-best.index"]


def test_bytes_are_on_the_disk_before_a_name_says_so(save, tmp_path, monkeypatch):
    order = []
    sync, replace = os.fsync, os.replace

    def noted_sync(descriptor):
        order.append("sync " + os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
        sync(descriptor)

    def noted_replace(source, target):
        order.append("name " + os.path.basename(target))
        replace(source, target)

    monkeypatch.setattr("os.fsync", noted_sync)
    monkeypatch.setattr("os.replace", noted_replace)
    save(7)
    assert order == [
        "sync model.ckpt-7" + DATA, "sync model.ckpt-7" + INDEX,
        "name model.ckpt-7" + DATA, "name model.ckpt-7" + INDEX, f"sync {tmp_path.name}",
        f"sync checkpoint.part-{os.getpid()}", "name checkpoint", f"sync {tmp_path.name}"]


@pytest.mark.parametrize("limit", [0, 1000, 100_000])
def test_a_full_disk_leaves_the_checkpoint_before(save, tmp_path, limit):
    save(1)
    before = names(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(RunError, match=r"checkpoint of step 2 cannot be written \(.*\); "
                                           r"the newest is .*model\.ckpt-1\.$"):
            save(2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == before and steps(tmp_path) == [1]
    save(2)
    assert steps(tmp_path) == [1, 2]


@pytest.mark.parametrize("function, calls", [("os.fsync", 5), ("os.replace", 3), ("os.mkdir", 1),
                                             ("os.remove", 2)])
def test_whatever_fails_the_newest_whole_one_loads(save, tmp_path, monkeypatch, function, calls):
    module, name = function.split(".")
    real = getattr(os, name)
    save(1)
    for failing in range(calls):
        count = iter(range(1000))

        def fail(*arguments, failing=failing, count=count):
            if next(count) == failing:
                raise OSError(5, "Input/output error")
            return real(*arguments)

        step = failing + 2
        with monkeypatch.context() as patch:
            patch.setattr(f"{module}.{name}", fail)
            with pytest.raises(RunError, match="Input/output error"):
                save(step, keep=1)
        assert newest_whole_checkpoint(str(tmp_path)).step in (step - 1, step)
        assert not [name for name in names(tmp_path) if ".part-" in name]
        assert StoredCheckpoint(save(step, keep=1)).step == step
        assert steps(tmp_path) == [step]


def test_what_a_killed_save_left_is_removed(save, tmp_path):
    save(1)
    save(5)
    before = names(tmp_path)
    # Killed while it wrote, and between its two renames.
    (tmp_path / "model.ckpt-6.part-123").mkdir()
    (tmp_path / "model.ckpt-6.part-123" / f"model.ckpt-6{DATA}").write_bytes(b"half")
    (tmp_path / "model.ckpt-7.part-123").mkdir()
    (tmp_path / "model.ckpt-7.part-123" / f"model.ckpt-7{INDEX}").write_bytes(b"whole")
    (tmp_path / f"model.ckpt-7{DATA}").write_bytes(b"whole")
    # Killed after them.
    (tmp_path / "model.ckpt-5.part-123").mkdir()
    mine = ["model.ckpt-8" + DATA, "model.ckpt-9.part-x", "notes.part-12"]
    for name in mine:
        (tmp_path / name).write_bytes(b"not left by a save")
    remove_unfinished_checkpoints(str(tmp_path))
    assert names(tmp_path) == sorted(before + mine)


def test_a_folder_that_could_not_be_removed_does_not_stop_the_next_save(save, tmp_path,
                                                                        monkeypatch):
    def fail(*arguments):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", fail)
        patch.setattr("os.fsync", fail)
        with pytest.raises(RunError, match="Input/output error"):
            save(1)
    assert names(tmp_path) == [f"model.ckpt-1.part-{os.getpid()}"]
    assert StoredCheckpoint(save(1)).step == 1
    assert not [name for name in names(tmp_path) if ".part-" in name]
