import json

import pytest

from commands.errors import UsageError
from training.config import Config
from training.distribution import cluster

TWO = {"worker": ["a:1", "b:1"]}


@pytest.fixture
def parse(monkeypatch):
    """Parses a TF_CONFIG of some workers and the task of one of them."""
    def parse(workers, job="worker", index=0):
        config = {"cluster": workers, "task": {"type": job, "index": index}}
        monkeypatch.setenv("TF_CONFIG", json.dumps(config))
        return cluster.from_environment()

    return parse


def test_workers_are_numbered_from_the_chief_on(parse):
    assert parse(TWO, index=1) == cluster.ClusterSpec(("a:1", "b:1"), 1)
    both = {"chief": ["c:1"], **TWO}
    assert parse(both, "chief").addresses == ("c:1", "a:1", "b:1")
    assert [parse(both, "chief").number, parse(both, "worker", 1).number] == [0, 2]


@pytest.mark.parametrize("text", ["", "{}", '{"cluster": {"worker": ["a:1"]}}'])
def test_one_process_is_no_cluster(text, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    assert cluster.from_environment() is None
    monkeypatch.delenv("TF_CONFIG")
    assert cluster.from_environment() is None


@pytest.mark.parametrize("text", [
    "workers", "[]", '{"cluster": {"worker": 3}}', json.dumps({"cluster": TWO}),
    *(json.dumps({"cluster": TWO, "task": {"type": job, "index": index}})
      for job, index in (("worker", 2), ("worker", -1), ("worker", "0"), ("chief", 0))),
    json.dumps({"cluster": {"workers": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}),
    json.dumps({"cluster": {**TWO, "ps": ["c:1"]}, "task": {"type": "ps", "index": 0}})])
def test_what_is_no_cluster_gets_its_error(text, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UsageError, match="TF_CONFIG: expected workers, and one of") as raised:
        cluster.from_environment()
    assert str(raised.value).endswith(f"found {text!r}.")


@pytest.mark.parametrize("options, message", [
    ({"train": False, "checkpoint": "x"}, "evaluate in one process"),
    ({"num_gpus": 2, "device_type": "cpu"}, "is one device")])
def test_what_a_cluster_cannot_do_is_refused(options, message, parse):
    settings = Config(summary_dir="-", **options)
    assert cluster.checked(settings) is settings
    parse(TWO)
    with pytest.raises(UsageError, match=message):
        cluster.checked(settings)
