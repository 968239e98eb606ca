import json

import pytest

from commands.errors import UsageError
from training.config import Config
from training.distribution import cluster


def parse(workers, job="worker", index=0):
    config = {"cluster": workers, "task": {"type": job, "index": index}}
    return cluster.from_environment({"TF_CONFIG": json.dumps(config)})


def test_workers_are_numbered_from_the_chief_on():
    assert parse({"worker": ["a:1", "b:1"]}, index=1) == cluster.ClusterSpec(
        ("a:1", "b:1"), 1)
    both = {"chief": ["c:1"], "worker": ["a:1", "b:1"]}
    assert parse(both, "chief").addresses == ("c:1", "a:1", "b:1")
    assert [parse(both, "chief").number, parse(both, "worker", 1).number] == [0, 2]
    assert parse(both, "chief").is_chief and not parse(both).is_chief


@pytest.mark.parametrize("environment", [
    {}, {"TF_CONFIG": ""}, {"TF_CONFIG": "{}"},
    {"TF_CONFIG": json.dumps({"cluster": {"worker": ["a:1"]}})}])
def test_one_process_is_no_cluster(environment):
    assert cluster.from_environment(environment) is None


@pytest.mark.parametrize("text, found", [
    ("workers", "found 'workers'"),
    ("[]", "found '[]'"),
    ('{"cluster": {"worker": 3}}', "found"),
    ('{"cluster": {"worker": ["a:1", "b:1"], "ps": ["c:1"]}}', "found ps in its cluster"),
    ('{"cluster": {"chief": ["a:1", "b:1"]}}', "found several chiefs"),
    ('{"cluster": {"worker": ["a:1", "b"]}}', "found 'b' as a worker's address"),
    ('{"cluster": {"worker": ["a:1", "b:65536"]}}', "found 'b:65536' as a worker's address"),
    ('{"cluster": {"worker": ["a:0", "b:1"]}}', "found 'a:0' as a worker's address"),
    ('{"cluster": {"worker": ["a:1", 7]}}', "found 7 as a worker's address"),
    ('{"cluster": {"worker": ["a:1", "a:1"]}}', "found an address twice"),
    ('{"cluster": {"worker": ["a:1", "b:1"]}}', "found the task {}"),
    ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}', "none of"),
    ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "chief", "index": 0}}', "none of"),
    ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": "0"}}',
     "none of"),
])
def test_what_is_no_cluster_gets_its_error(text, found):
    with pytest.raises(UsageError, match="TF_CONFIG: expected workers and one of them") as raised:
        cluster.from_environment({"TF_CONFIG": text})
    assert found in str(raised.value)


@pytest.mark.parametrize("options, message", [
    ({"train": False, "checkpoint": "x"}, "evaluation takes one process"),
    ({"num_gpus": 2, "device_type": "cpu"}, "is one device")])
def test_what_a_cluster_cannot_do_is_refused(options, message):
    settings = Config(summary_dir="-", **options)
    cluster.check(settings, None)
    with pytest.raises(UsageError, match=message):
        cluster.check(settings, parse({"worker": ["a:1", "b:1"]}))
