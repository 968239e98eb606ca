import concurrent.futures
import multiprocessing
import os
import types

import pytest

from benchmarks import contest, report, worker
from benchmarks.contestants import Contestant, make_step


@pytest.mark.parametrize("contestant", [
    {"implementation": "plain"},
    {"implementation": "ours", "precision": "bfloat16", "real_batches": True}])
def test_worker_trains_and_evaluates(contestant, monkeypatch):
    monkeypatch.setattr(worker, "_steps", {})
    answers = [worker.work({**contestant, "batch_size": 2}, name, count)
               for name, count in (("train", 2), ("evaluate", 1), ("train", 1))]
    assert [(len(seconds), items) for seconds, items in answers] == [(2, 2), (1, 2), (1, 2)]
    assert all(min(seconds) > 0 for seconds, _ in answers)
    memory, gpu = worker.peak_memory()
    assert memory > 50e6 and (gpu is None or isinstance(gpu, str))


@pytest.mark.parametrize("implementation", ["ours", "plain"])
def test_worker_writes_records(implementation, monkeypatch, capfd):
    monkeypatch.setattr("benchmarks.contestants.PLAIN_PAIRS", 30)
    monkeypatch.setattr("benchmarks.contestants.PAIRS_EACH", 1)
    step, items = make_step(Contestant(implementation), "records")
    step()
    step()
    assert items == {"ours": 2000, "plain": 30}[implementation]


def test_contestants_take_turns_in_processes(monkeypatch):
    monkeypatch.setattr(contest, "WARM_UP", 1)
    timings, gpu = contest.hold({
        "plain": ({"implementation": "plain", "batch_size": 1}, "evaluate")}, steps=2)
    timing = timings["plain"]
    assert len(timing.seconds) == 2 and timing.items == 1
    assert timing.rate == 1 / timing.median and timing.memory > 50e6
    assert gpu is None or isinstance(gpu, str)


def test_a_worker_that_fails_is_an_error_with_its_message():
    with pytest.raises(contest.WorkerError, match=r"worker of nobody failed: .* 'implementer'"):
        contest.hold({"nobody": ({"implementer": "nobody"}, "train")}, steps=1)


def test_a_worker_that_is_killed_is_an_error():
    with pytest.raises(contest.WorkerError, match="worker of nobody was killed"):
        contest._answer("nobody", concurrent.futures.ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn")), os._exit, 1)


def test_threads_are_handed_on(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")
    monkeypatch.setenv("TF_NUM_INTEROP_THREADS", "1")
    values = types.SimpleNamespace(output=str(tmp_path), threads=0)
    assert report.prepare(values) is values and os.environ["TF_NUM_INTRAOP_THREADS"] == "1"
    values.threads = 3
    report.prepare(values)
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == os.environ["TF_NUM_INTEROP_THREADS"] == "3"
