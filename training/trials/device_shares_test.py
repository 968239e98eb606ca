import pytest

from commands.errors import UsageError
from training.trials import device_shares
from training.trials.device_shares import shares, visible_gpus


@pytest.mark.parametrize("chosen, gpus", [
    ("0", ["0"]), ("2,0", ["2", "0"]), (" 1 , GPU-8932f937 ", ["1", "GPU-8932f937"]),
    ("", []), ("-1", []), ("3,-1,0", ["3"]), ("1,,0", ["1"]),
])
def test_what_was_chosen_is_visible(chosen, gpus):
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": chosen}) == gpus


def test_without_a_choice_all_cards_are_visible(monkeypatch):
    monkeypatch.setattr(device_shares.glob, "glob", {
        "/dev/nvidia[0-9]*": ["/dev/nvidia3", "/dev/nvidia1"]}.__getitem__)
    assert visible_gpus({}) == ["0", "1"]


def environment(gpus):
    return {"CUDA_VISIBLE_DEVICES": gpus}


def test_each_gets_gpus_of_its_own():
    assert shares(2, environment("5,3,1")) == [environment("5"), environment("3")]
    assert shares(2, environment("4,3,2,1,0"), gpus_each=2) == [
        environment("4,3"), environment("2,1")]


def test_one_alone_has_the_machine():
    assert shares(1, environment("0,1")) == shares(1, environment("")) == [{}]


@pytest.mark.parametrize("at_once, gpus_each, message", [
    (4, 1, "at most 3, found 4; GPUs here: 3"), (2, 2, "at most 1, found 2; GPUs here: 3"),
])
def test_more_than_there_are_gpus_is_an_error(at_once, gpus_each, message):
    with pytest.raises(UsageError, match=message):
        shares(at_once, environment("0,1,2"), gpus_each=gpus_each)


@pytest.mark.parametrize("at_once, cpus, threads", [(2, 8, "4"), (3, 8, "2"), (4, 2, "1"),
                                                    (2, None, "1")])
def test_without_gpus_they_share_the_processor(at_once, cpus, threads, monkeypatch):
    monkeypatch.setattr(device_shares.os, "cpu_count", lambda: cpus)
    assert shares(at_once, environment("")) == [{"TF_NUM_INTRAOP_THREADS": threads}] * at_once
    assert shares(at_once, environment("0"), "cpu") == shares(at_once, environment(""))
    chosen = {"TF_NUM_INTRAOP_THREADS": "7"}
    assert shares(at_once, {**environment(""), **chosen}) == [chosen] * at_once
