import numpy as np
import pytest
from PIL import Image

from reports import dimensions, trained_network
from reports.conftest import PAIRS
from reports.drawing import dimension_pictures
from reports.drawing.dimension_pictures import OFFSETS


def run(*arguments):
    return dimensions.main(["reports.dimensions", *map(str, arguments)])


def test_one_dimension_moves_at_a_time(untrained):
    network, data = trained_network.load(trained_network.of_checkpoint(untrained()))
    inferred = network({"images": trained_network.examples(data, [5], "")["images"]})
    capsules = inferred.capsules.numpy()[0]
    images = dimensions.turn(network, capsules, target=4)
    assert images.shape == (16, 11, 28, 28, 1)
    moved = capsules.copy()
    moved[4, 13] += 0.15
    by_hand = network.decoder(moved[None], targets=np.array([[4]]))
    np.testing.assert_allclose(images[13, 8], by_hand[0, 0], atol=1e-6)
    still = network.decoder(capsules[None], targets=np.array([[4]]))
    for dimension in range(16):
        np.testing.assert_allclose(images[dimension, 5], still[0, 0], atol=1e-6)
    assert np.abs(images[13, 8] - images[12, 8]).max() > 1e-4


def test_offsets_are_the_papers():
    np.testing.assert_allclose(OFFSETS, [-0.25, -0.2, -0.15, -0.1, -0.05, 0, 0.05, 0.1,
                                                    0.15, 0.2, 0.25], atol=1e-9)


def test_digits_are_the_first_that_are_read_right(reader):
    network, data = trained_network.load(trained_network.of_checkpoint(reader))
    numbers = dimensions.first_examples(network, data, ["7", "0"])
    batch = trained_network.examples(data, numbers, "")
    np.testing.assert_array_equal(batch["targets"], [[7], [0]])
    np.testing.assert_array_equal(np.argmax(network({"images": batch["images"]}).logits, axis=1),
                                  [7, 0])
    titles = [panel.title for panel in dimensions.turned_examples(network, data, numbers)]
    assert titles == [f"Capsule of 7: test image {numbers[0]}, a 7",
                      f"Capsule of 0: test image {numbers[1]}, a 0"]


def test_both_winners_of_a_pair_are_turned(untrained):
    name = untrained(data_dir=PAIRS, num_targets=2)
    network, data = trained_network.load(
        trained_network.of_checkpoint(name, data_dir=PAIRS, num_targets=2))
    titles = [panel.title for panel in dimensions.turned_examples(network, data, [1])]
    assert len(titles) == 2 and titles[0] != titles[1] and "+" in titles[0]


def test_dimensions_with_a_meaning_are_shown_alone_by_name(untrained):
    network, data = trained_network.load(trained_network.of_checkpoint(untrained()))
    meanings = {12: "slant", 3: "width of the bar"}
    whole, = dimensions.turned_examples(network, data, [5])
    panel, = dimensions.turned_examples(network, data, [5], meanings)
    np.testing.assert_array_equal(panel.images, whole.images[[11, 2]])
    axis, = dimension_pictures.figure([panel]).axes
    assert [label.get_text() for label in axis.get_yticklabels()] == [
        "slant (12)", "width of the bar (3)"]
    axis, = dimension_pictures.figure([whole]).axes
    assert [label.get_text() for label in axis.get_yticklabels()] == [
        str(number) for number in range(1, 17)]


def test_command_writes_a_picture_and_a_film(reader, tmp_path, capsys):
    path = tmp_path / "out.png"
    assert run(f"--checkpoint={reader}", "--digits=2,5", f"--output={path}", "--animate") == 0
    assert f"Wrote {tmp_path / 'out.gif'}" in capsys.readouterr().out
    with Image.open(path) as picture:
        assert picture.size[0] > 1000 and picture.size[1] > 700
    with Image.open(tmp_path / "out.gif") as film:
        assert film.n_frames == 20 and film.info["loop"] == 0
        first = np.asarray(film.convert("L"), int)
        film.seek(10)
        assert np.abs(np.asarray(film.convert("L"), int) - first).max() > 50
    assert run(f"--checkpoint={reader}", f"--output={path}") == 2


@pytest.mark.parametrize("arguments, message", [
    (["--digits=1", "--examples=2"], "leave one out"),
    (["--examples=two"], "expected whole numbers with commas, found 'two'"),
    (["--examples=2000"], "0 to 1999, found 2000"),
    (["--digits=1,x"], "expected some of 0,1,2,3,4,5,6,7,8,9, found 'x'"),
    (["--digits=0,1,2,3,4,5,6,7,8,9"], "test images of class"),
    (["--meanings=slant"], "--meanings: expected NUMBER=NAME with commas, found 'slant'"),
    (["--meanings=17=slant"], "--meanings: expected dimensions from 1 to 16, found 17"),
    (["--meanings=3=slant", "--digits=1,2"], "--meanings: expected one digit or example"),
    (["--output=/nowhere/x.png"], "no folder"),
    (["--output=x.gif", "--animate"], "x.gif is the name of the file beside the picture"),
])
def test_what_cannot_be_drawn_gets_one_line(untrained, arguments, message, tmp_path, monkeypatch,
                                            one_line):
    name = untrained()
    monkeypatch.chdir(tmp_path)
    assert run(f"--checkpoint={name}", *arguments) == 2
    assert message in one_line()
    assert not list(tmp_path.iterdir())


def test_a_film_that_is_there_already_stays(untrained, tmp_path, one_line):
    (tmp_path / "out.gif").write_text("mine")
    assert run(f"--checkpoint={untrained()}", f"--output={tmp_path}/out.png", "--animate") == 2
    assert "out.gif is there already" in one_line()
    assert (tmp_path / "out.gif").read_text() == "mine" and not (tmp_path / "out.png").exists()
