import dataclasses
import io
import json

import pytest

from benchmarks import contest, worker
from benchmarks.contestants import Contestant, make_step


def converse(contestant, *requests):
    """Returns the answers of a worker in this process."""
    lines = [dataclasses.asdict(contestant), *requests]
    answers = io.StringIO()
    worker.serve(iter([json.dumps(line) + "\n" for line in lines]), answers)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


@pytest.mark.parametrize("contestant", [
    Contestant("plain", batch_size=2),
    Contestant("ours", batch_size=2, precision="bfloat16", real_batches=True)])
def test_worker_trains_and_evaluates(contestant):
    trained, evaluated, again, memory = converse(
        contestant, {"work": "train", "steps": 2}, {"work": "evaluate", "steps": 1},
        {"work": "train", "steps": 1}, {"work": "memory"})
    assert [len(answer["seconds"]) for answer in (trained, evaluated, again)] == [2, 1, 1]
    assert trained["items"] == evaluated["items"] == 2
    assert min(trained["seconds"] + evaluated["seconds"]) > 0
    assert memory["resident"] > 50e6 and memory.keys() == {"resident", "device", "gpu"}


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
        "plain": ({"implementation": "plain", "batch_size": 1}, "evaluate")}, steps=2, threads=1)
    timing = timings["plain"]
    assert len(timing.seconds) == 2 and timing.items == 1
    assert timing.rate == 1 / timing.median and timing.memory > 50e6
    assert gpu is None or isinstance(gpu, str)


def test_a_worker_that_fails_is_an_error_with_its_last_line():
    with (pytest.raises(contest.WorkerError, match=r"worker of nobody .* 'implementer'"),
          contest.started({"implementer": "nobody"}) as broken):
        broken.ask(work="train", steps=1)


def test_threads_are_handed_on():
    assert contest.environment(3)["TF_NUM_INTRAOP_THREADS"] == "3"
    assert contest.environment(0).get("TF_NUM_INTRAOP_THREADS") is None
