"""The command line on one's own images: sizes, classes and what is held out go with the network."""

import json
import os

import numpy as np
import pytest

import experiment
from conftest import CLASS_FOLDERS, start_following, write_class_folders

SMALL = "--hparams_override=num_prime_capsules=1,routing=1"


def run(*arguments):
    return experiment.main(["experiment.py", "--dataset=images", *map(str, arguments)])


def result(folder):
    with open(folder / "test" / "result.json") as file:
        return json.load(file)


def error(capsys):
    """The last line of the errors, after a check that it is the only one of its kind."""
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    lines = [line for line in captured.err.splitlines() if "error" in line]
    assert len(lines) == 1, captured.err
    return lines[0]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders of 10 images of each of 3 classes, in one level."""
    folder = tmp_path_factory.mktemp("images")
    write_class_folders(folder, 10, (21, 18, 3))
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory, folders):
    """A run of 2 steps on those images in another size, 3 images of each class held out."""
    folder = tmp_path_factory.mktemp("run")
    assert run(f"--data_dir={folders}", "--image_size=19x17x1", "--validation_fraction=0.3", SMALL,
               "--max_steps=2", "--batch_size=8", f"--summary_dir={folder}") == 0
    return folder


def test_evaluation_has_the_trainings_size_and_held_out_images(trained, folders, tmp_path, capsys):
    assert run(f"--data_dir={folders}", "--train=false", f"--summary_dir={tmp_path}",
               f"--checkpoint={trained}/train/model.ckpt-2") == 0
    assert "test split: 9 images of 19x17x1" in capsys.readouterr().out
    found = result(tmp_path)
    assert [of_class["name"] for of_class in found["classes"]] == list(CLASS_FOLDERS)
    assert [of_class["examples"] for of_class in found["classes"]] == [3, 3, 3]
    assert np.sum(found["confusion"]) == 9
    assert os.path.exists(tmp_path / "test" / "confusion.png")
    with open(trained / "train" / "dataset.json") as file:
        assert json.load(file)["class_names"] == list(CLASS_FOLDERS)


@pytest.mark.parametrize("arguments, message", [
    (["--image_size=20x20x1"], "trained on images of 19x17x1, found 20x20x1; expected the same, "
     "by --image_size=19x17x1"),
    (["--image_size=19x17"], "trained on images of 19x17x1, found 19x17x3"),
    (["--validation_fraction=0.5"],
     "trained with --validation_fraction=0.3, found --validation_fraction=0.5"),
    (["--validation_seed=1"], "trained with no --validation_seed, found --validation_seed=1"),
])
def test_an_evaluation_that_does_not_fit_gets_one_line(trained, folders, arguments, message,
                                                       capsys):
    assert run(f"--data_dir={folders}", "--train=false", *arguments,
               f"--checkpoint={trained}/train/model.ckpt-2") == 2
    assert message in error(capsys)


@pytest.mark.parametrize("classes, message", [
    (("ant", "bee", "dog"), "number 2 was cat, found dog"),
    (("ant", "bee"), "trained on 3 classes, found 2; number 2 was cat, found none"),
    (("ant", "bee", "cat", "dog"), "trained on 3 classes, found 4; number 3 was none, found dog"),
])
def test_other_classes_get_one_line(trained, tmp_path, classes, message, capsys):
    write_class_folders(tmp_path, 5, (21, 18, 3), classes)
    for arguments in (["--train=false", f"--checkpoint={trained}/train/model.ckpt-2"],
                      [f"--summary_dir={trained}", "--max_steps=3"]):
        assert run(f"--data_dir={tmp_path}", *arguments) == 2
        assert message in error(capsys)


def test_a_training_goes_on_with_its_own_options(trained, folders, capsys):
    assert run(f"--data_dir={folders}", f"--summary_dir={trained}", "--max_steps=2") == 0
    assert "train split: 21 images of 19x17x1" in capsys.readouterr().out
    assert run(f"--data_dir={folders}", f"--summary_dir={trained}", "--max_steps=3",
               "--image_size=20x20x1") == 2
    assert "started with --image_size=19x17x1" in error(capsys)


def test_who_follows_from_the_start_takes_over_the_trainings_options(folders, tmp_path, capsys):
    common = f"--summary_dir={tmp_path}", f"--data_dir={folders}", "--validate"
    follower = start_following("--dataset=images", *common)
    assert run(*common, SMALL, "--max_steps=1", "--batch_size=4", "--validation_fraction=0.5") == 0
    follower.join(timeout=60)
    assert not follower.is_alive()
    assert result(tmp_path)["examples"] == 3 * 2        # a half of each class's other half


def test_a_broken_image_ends_a_training_or_is_skipped(tmp_path, capsys):
    write_class_folders(tmp_path / "images" / "train", 4, (17, 17, 1))
    path = tmp_path / "images" / "train" / "bee" / "002.png"
    path.write_bytes(path.read_bytes()[:-60])
    arguments = (f"--data_dir={tmp_path}/images", SMALL, "--batch_size=12", "--max_steps=1",
                 f"--summary_dir={tmp_path}/run")
    assert run(*arguments) == 2
    assert f"{path}: a damaged image" in error(capsys)
    assert run(*arguments, "--skip_broken") == 0
    assert f"Left out images that cannot be read: 1, such as {path}." in capsys.readouterr().out


@pytest.mark.parametrize("size, overrides, message", [
    ("16x40x3", "num_prime_capsules=1", "Images of 16x40 are too small for this network with "
     "padding=VALID: expected 17x17 or more, or padding=SAME"),
    ("9x40x3", "num_prime_capsules=1,padding=SAME,routing=1", None),
    ("17x23x4", "num_prime_capsules=1,routing=1", None),
])
def test_odd_sizes(folders, tmp_path, size, overrides, message, capsys):
    status = run(f"--data_dir={folders}", f"--image_size={size}", "--max_steps=1",
                 "--batch_size=4", f"--hparams_override={overrides}", f"--summary_dir={tmp_path}")
    assert status == (2 if message else 0)
    if message:
        assert message in error(capsys)
