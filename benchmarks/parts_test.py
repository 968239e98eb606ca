import json

import pytest

from benchmarks import contestants, floors, networks, parts
from benchmarks.networks import HPARAMS, INFOS
from models.hparams import HParams


@pytest.mark.parametrize("network", ["mnist", "cifar10"])
def test_every_part_and_the_step_are_measured(network, tmp_path, monkeypatch):
    tiny = HParams(num_prime_capsules=1, routing=2, remake=network == "mnist")
    monkeypatch.setitem(networks.HPARAMS, network, tiny)
    monkeypatch.setattr(contestants, "PRODUCT_SIZE", 64)
    assert parts.main(["parts", f"--network={network}", "--batch_size=2", "--steps=1",
                       f"--output={tmp_path}"]) == 0
    found = json.loads((tmp_path / "report.json").read_text())["parts"]
    assert list(found) == ["first convolution", "second convolution", "routing", "decoder",
                           "optimizer", "whole step"]
    assert all(part["seconds"][0] > 0 for part in found.values())
    assert found["routing"]["floor"] > 0 and found["optimizer"]["floor"] is None
    assert bool(found["decoder"]["floor"]) == tiny.remake
    assert "| whole step |" in (tmp_path / "report.md").read_text()


def test_floors_count_the_paper_networks_operations():
    needed = floors.operations(HPARAMS["mnist"], INFOS["mnist"], 128)
    assert needed["first convolution"] == 2 * 2 * 128 * 400 * 81 * 256
    assert 29e9 < 3 * 2 * 148 * 128 * 1024 * 256 < needed["second convolution"] < 43e9
    assert needed["routing"] == 17 * 2 * 128 * 1152 * 8 * 160
    assert needed["decoder"] == 6 * 128 * (160 * 512 + 512 * 1024 + 1024 * 784)
    assert floors.operations(HPARAMS["cifar10"], INFOS["cifar10"], 128)["decoder"] == 0
