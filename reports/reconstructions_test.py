import numpy as np
import pytest
from PIL import Image

import input_data
from reports import reconstructions, trained_network
from reports.conftest import PAIRS
from reports.reconstructions import Section, draw, find_cases, reconstruct, sections


def run(*arguments):
    return reconstructions.main(["reports.reconstructions", *map(str, arguments)])


@pytest.fixture
def pairs(untrained):
    """A network for pairs, and pairs that it reads: some right, by their labels."""
    name = untrained(data_dir=PAIRS, num_targets=2)
    network, data = trained_network.load(
        trained_network.of_checkpoint(name, data_dir=PAIRS, num_targets=2))
    found = np.concatenate(
        [predictions for _, predictions, _ in trained_network.answers(network, data)])

    def read(numbers):
        stored = data.read(numbers)
        right = np.asarray(numbers) < 2
        targets = np.where(right[:, None], found[numbers][:, ::-1], stored["targets"])
        return {**stored, "targets": targets.astype(np.int32)}

    return network, input_data.dataset.Dataset(data.info, data.source, read, data.prepare)


def test_right_and_wrong_ones_are_chosen_separately(reader):
    network, data = trained_network.load(trained_network.of_checkpoint(reader))
    right, wrong = find_cases(network, data, right=15, wrong=5)
    assert (len(right.images), len(wrong.images)) == (15, 5)
    np.testing.assert_array_equal(right.labels, right.predictions)
    assert (wrong.labels != wrong.predictions).all()
    for found in (right, wrong):
        logits = network({"images": found.images}).logits.numpy()
        np.testing.assert_array_equal(found.predictions[:, 0], logits.argmax(axis=1))
        for row, label, prediction, other in zip(logits, found.labels, found.predictions,
                                                 found.others):
            left = np.setdiff1d(np.arange(10), [*label, *prediction])
            assert other == left[row[left].argmax()]


def test_fewer_cases_than_wanted_are_all_shown(reader):
    network, data = trained_network.load(trained_network.of_checkpoint(reader))
    right, wrong = find_cases(network, data, right=500, wrong=500, most=60)
    assert len(right.images) + len(wrong.images) == 60 and len(right.images) > 40


def test_a_right_digit_keeps_its_place_beside_a_wrong_one():
    labels = np.array([[3, 5], [3, 5], [3, 5], [3, 5]])
    predictions = np.array([[5, 3], [5, 8], [8, 3], [7, 1]])
    np.testing.assert_array_equal(reconstructions._in_place(labels, predictions),
                                  [[3, 5], [8, 5], [3, 8], [7, 1]])


def test_wrong_ones_are_reconstructed_from_label_and_prediction(reader):
    network, data = trained_network.load(trained_network.of_checkpoint(reader))
    right, wrong = find_cases(network, data, 3, 2)
    first, second = sections(network, data, right, wrong)
    assert set(first.rows) == {"input", "reconstruction"}
    names = data.info.class_names
    assert first.captions == [names[label] for label in right.labels[:, 0]]
    assert second.captions == [f"{names[label]} as {names[found]}" for label, found in
                               zip(wrong.labels[:, 0], wrong.predictions[:, 0])]
    by_hand = network({"images": wrong.images, "targets": wrong.predictions}).reconstructions
    np.testing.assert_allclose(second.rows["from the\nprediction"][1][..., 0],
                               by_hand[1, 0, ..., 0], atol=1e-6)
    assert np.abs(second.rows["from the label"][1] - second.rows["from the\nprediction"][1]).max() \
        > 0.1


def test_without_wrong_ones_the_right_ones_are_drawn(tmp_path):
    path = str(tmp_path / "picture.png")
    assert run("--right=3", "--wrong=0", "--eval_size=100", f"--output={path}") == 0
    with Image.open(path) as picture:
        assert picture.size == (1030, 2 * reconstructions.CELL + 50)


def test_pairs_are_shown_in_two_colours_and_from_a_digit_that_is_not_there(pairs):
    network, data = pairs
    right, wrong = find_cases(network, data, 10, 10)
    assert len(right.labels) >= 2
    assert len(right.labels) + len(wrong.labels) == data.info.num_examples
    np.testing.assert_array_equal(right.labels, right.predictions)
    parts = sections(network, data, right, wrong)
    assert set(parts[0].rows) == {"input", "target", "reconstruction"}
    assert np.ptp(parts[0].rows["target"][0], axis=-1).max() > 0.5      # coloured
    assert np.ptp(parts[0].rows["input"][0], axis=-1).max() == 0
    absent = parts[-1]
    assert "not there" in absent.title and len(absent.captions) == len(right.labels)
    names = data.info.class_names
    label, other = right.labels[0], right.others[0]
    assert absent.captions[0] == (f"{names[label[0]]}+{names[label[1]]}\nfrom "
                                  f"{names[label[0]]}+{names[other]}")
    by_hand = reconstruct(network, right, np.stack([right.labels[:, 0], right.others], axis=1))
    np.testing.assert_allclose(
        absent.rows["reconstruction"][0],
        reconstructions.figures.two_colours(*by_hand[0]), atol=1e-6)


@pytest.mark.parametrize("counts", [(3,), (10, 3), (25, 12)])
def test_the_picture_grows_with_its_cases(tmp_path, counts):
    parts = [Section(f"part {number}", ["0"] * count, {"input": [np.zeros([8, 8, 3])] * count},
                     reconstructions.figures.VERMILLION if number else "black")
             for number, count in enumerate(counts)]
    draw(parts, str(tmp_path / "picture.png"))
    with Image.open(tmp_path / "picture.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    strips = sum(-(-count // reconstructions.COLUMNS) for count in counts)
    assert pixels.shape[1] == 1030
    assert strips * 115 <= pixels.shape[0] <= strips * 115 + 25 * len(counts)
    marked = (pixels == [0xD5, 0x5E, 0x00]).all(axis=-1).any()
    assert marked == (len(counts) > 1)


def test_command_draws_a_checkpoint(untrained, tmp_path, mnist_dir, capsys):
    path = tmp_path / "out.png"
    assert run(f"--checkpoint={untrained()}", f"--data_dir={mnist_dir}", "--right=2", "--wrong=4",
               f"--output={path}") == 0
    assert str(path) in capsys.readouterr().out
    with Image.open(path) as picture:
        assert picture.size[0] == 1030


@pytest.mark.parametrize("overrides, arguments, message", [
    ("", ["--checkpoint="], "--checkpoint is empty"),
    ("", ["--output=/nowhere/x.png"], "no folder"),
    ("", ["--right=0", "--wrong=0"], "nothing is left to draw"),
    ("", ["--checkpoint={}9"], "there is no"),
    ("remake=false", [], "has no decoder"),
    ("", ["--num_targets=2"], "is of another network"),
])
def test_what_cannot_be_drawn_gets_one_line(untrained, overrides, arguments, message, tmp_path,
                                            monkeypatch, one_line):
    name = untrained(overrides)
    monkeypatch.chdir(tmp_path)
    assert run(f"--checkpoint={name}", *(argument.format(name) for argument in arguments)) == 2
    assert message in one_line()
    assert not list(tmp_path.iterdir())
