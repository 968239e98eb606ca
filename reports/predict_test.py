import json

import numpy as np
import pytest
from PIL import Image

import input_data
from reports import predict
from reports.conftest import PAIRS


def run(*arguments):
    return predict.main(["reports.predict", *map(str, arguments)])


def save_photo(digit, number, path):
    """Saves a digit as people would bring it: enlarged, dark on light, off centre."""
    rng = np.random.default_rng(number)
    size = int(28 * rng.uniform(2, 8))
    large = np.asarray(Image.fromarray(digit).resize([size, size], Image.Resampling.BICUBIC))
    page = np.full([int(1.6 * size), int(1.8 * size)], 245, np.uint8)
    top, left = (rng.integers(0, room - size) for room in page.shape)
    page[top:top + size, left:left + size] = 245 - large * (235 / 255)
    Image.fromarray(page).save(path)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder with the first 100 test digits as photos, and their labels."""
    folder = tmp_path_factory.mktemp("photos")
    stored = input_data.load("mnist", None, "test").read(np.arange(100))
    for number, digit in enumerate(stored["images"][..., 0]):
        save_photo(digit, number, folder / f"{number}.{('png', 'jpg')[number % 2]}")
    return folder, stored["targets"][:, 0]


def test_95_of_100_photos_of_digits_are_read_right(reader, photos, capsys):
    folder, labels = photos
    paths = [str(folder / f"{number}.{('png', 'jpg')[number % 2]}") for number in range(100)]
    assert run(f"--checkpoint={reader}", *paths, "--json") == 0
    answers = json.loads(capsys.readouterr().out)
    assert [answer["image"] for answer in answers] == paths
    right = sum(answer["classes"] == [str(label)] for answer, label in zip(answers, labels))
    assert right >= 95


def test_the_class_is_printed_with_the_lengths(reader, photos, capsys):
    path = f"{photos[0]}/0.png"
    assert run(path, f"--checkpoint={reader}", "--json") == 0
    answer, = json.loads(capsys.readouterr().out)
    assert set(answer) == {"image", "classes", "lengths"}
    assert list(answer["lengths"]) == list("0123456789")
    assert all(0 <= length < 1 for length in answer["lengths"].values())
    assert max(answer["lengths"], key=answer["lengths"].get) == answer["classes"][0]
    assert run(f"--checkpoint={reader}", path) == 0
    line, = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{path}: {answer['classes'][0]}   (0: 0.")
    assert line.count(":") == 11


def test_pairs_have_two_classes(untrained, photos, capsys):
    name = untrained(data_dir=PAIRS, num_targets=2)
    assert run(f"--checkpoint={name}", f"--data_dir={PAIRS}", "--num_targets=2",
               f"{photos[0]}/0.png", "--json") == 0
    answer, = json.loads(capsys.readouterr().out)
    lengths = answer["lengths"]
    assert answer["classes"] == sorted(lengths, key=lengths.get, reverse=True)[:2]


def test_networks_without_capsules_answer_with_logits(untrained, photos, capsys):
    name = untrained(model="baseline", dataset="cifar10", data_dir="testdata/cifar10")
    arguments = (f"--checkpoint={name}", "--model=baseline", "--dataset=cifar10",
                 "--data_dir=testdata/cifar10", f"{photos[0]}/1.jpg")
    assert run(*arguments, "--json") == 0
    answer, = json.loads(capsys.readouterr().out)
    assert set(answer) == {"image", "classes", "logits"} and "airplane" in answer["logits"]
    assert run(*arguments) == 0
    assert "airplane: " in capsys.readouterr().out


@pytest.mark.parametrize("arguments, message", [
    ([], "expected the names of image files"),
    (["--checkpoint=", "{good}"], "--checkpoint is empty"),
    (["{good}", "/nowhere/five.png"], "/nowhere/five.png: cannot be read (No such file"),
    (["{good}", "{text}"], "not an image that can be read"),
    (["{good}", "--model=baseline"], "of another network"),
    (["{good}", "--checkpoint=/nowhere/model.ckpt-1"], "no folder /nowhere"),
    (["{good}", "--data_dir=/nowhere"], "/nowhere"),
])
def test_what_cannot_be_read_gets_one_line(untrained, photos, tmp_path, one_line, capsys,
                                           arguments, message):
    (tmp_path / "text.png").write_text("no image")
    names = dict(good=f"{photos[0]}/0.png", text=tmp_path / "text.png")
    arguments = [argument.format(**names) for argument in arguments]
    assert run(f"--checkpoint={untrained()}", *arguments) == 2
    assert message in one_line()
