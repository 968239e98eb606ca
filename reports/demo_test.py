import os

from reports import demo
from training.config import Config


def test_the_demonstration_ends_with_its_result_and_goes_on_when_repeated(
        tmp_path, monkeypatch, capsys):
    asked = {"max_steps": 2, "hparams_override": "num_prime_capsules=2"}
    monkeypatch.setattr(demo.recipes, "read", lambda name, **others: Config(**asked, **others))
    arguments = ["reports.demo", f"--summary_dir={tmp_path}"]
    assert demo.main(arguments) == 0
    out = capsys.readouterr().out
    assert "of 2000 test digits: an error of" in out
    for name in ("train/model.ckpt-2.index", "reconstructions.png", "learning_curves.png",
                 "test/result.json"):
        assert os.path.exists(tmp_path / name)
    for name in ("train/model.ckpt-2", "reconstructions.png", "learning_curves.png"):
        assert f" {tmp_path}/{name}\n" in out
    assert "tensorboard" in out
    # More steps, as the closing screen proposes, do not stand in its way.
    asked["max_steps"] = 1
    assert demo.main(arguments) == 0
    assert f"{tmp_path}/train/model.ckpt-2" in capsys.readouterr().out
