import numpy as np
import pytest
from PIL import Image

from reports.comparison import outcome
from reports.comparison.outcome import Result
from reports.drawing import figures

ABOUT = {"dataset": "digits", "trained on": 2100, "held out": 200}


def result(name, *wrong_by_seed):
    epochs = len(wrong_by_seed[0])
    return Result(name, 8_215_568, {"batch_size": 1000, "shift": None, "hparams": "a=1,b=2"},
                  list(range(2, 2 * epochs + 2, 2)), list(wrong_by_seed), 200,
                  [100.0] * len(wrong_by_seed))


@pytest.mark.parametrize("results, sentence", [
    ([result("mlp", [9, 8]), result("capsule", [9, 2])],
     "After 2 epochs the capsule network is on top, by 3.00 points: 99.00 % of the held-out images "
     "right, mlp 96.00 %."),
    ([result("mlp", [9]), result("cnn", [3]), result("capsule", [4])],
     "After 1 epoch the capsule network is not on top; it is 0.50 points below cnn: 98.00 % of "
     "the held-out images right, cnn 98.50 %."),
    ([result("mlp", [9]), result("capsule", [9])],
     "After 1 epoch the capsule network and mlp are level: 95.50 % of the held-out images right, "
     "mlp 95.50 %."),
    ([result("mlp", [4], [8]), result("cnn", [8], [8])],
     "After 1 epoch mlp is on top, by 1.00 points: 97.00 % of the held-out images right, cnn "
     "96.00 %."),
    ([result("mlp", [4])], "mlp classifies 98.00 % of 200 held-out images correctly."),
])
def test_the_verdict_says_who_is_on_top_and_by_how_much(results, sentence):
    assert outcome.verdict(results) == sentence


@pytest.mark.parametrize("names", [["mlp"], ["mlp", "cnn", "capsule", "baseline"]])
def test_every_network_has_its_colour(tmp_path, names):
    results = [result(name, [90 - 9 * number, 30], [80, 20]) for number, name in enumerate(names)]
    outcome.write(results, ABOUT, str(tmp_path))
    with Image.open(tmp_path / "comparison.png") as picture:
        pixels = set(map(tuple, np.asarray(picture.convert("RGB")).reshape(-1, 3).tolist()))
    colours = [tuple(bytes.fromhex(colour[1:])) for colour, _, _ in figures.LINES]
    assert [colour in pixels for colour in colours] == [
        number < len(names) for number in range(len(colours))]


def test_the_table_has_spread_and_choices(tmp_path):
    outcome.write([result("cnn", [9, 6], [9, 2])], ABOUT, str(tmp_path))
    text = (tmp_path / "comparison.md").read_text()
    assert ("| cnn | 8,215,568 | 1000 | the dataset's | a=1, b=2 | 2 min | 98.00 (97.00 to 99.00) |"
            in text)
    assert "Trained on 2,100 images for 2 epochs" in text and "2 seeds" in text
    assert (tmp_path / "comparison.csv").read_text().splitlines()[1:] == [
        "cnn,0,1,2,200,9,95.5000", "cnn,0,2,4,200,6,97.0000",
        "cnn,1,1,2,200,9,95.5000", "cnn,1,2,4,200,2,99.0000"]
