import numpy as np
import pytest
from PIL import Image

from reports import routing
from reports.conftest import PAIRS
from training.monitoring.routing_maps import RoutingMaps


def run(*arguments):
    return routing.main(["reports.routing", *map(str, arguments)])


def size(path):
    with Image.open(path) as picture:
        return picture.size


@pytest.mark.parametrize("overrides", ["routing=1", "routing=5,leaky=true"])
def test_command_draws_a_test_image(untrained, overrides, tmp_path, capsys):
    path = tmp_path / "out.png"
    assert run(f"--checkpoint={untrained(overrides)}", "--example=7", f"--output={path}") == 0
    assert capsys.readouterr().out == f"Wrote {path}.\n"
    assert size(path)[0] == 990
    assert run(f"--checkpoint={untrained(overrides)}", f"--output={path}") == 2


def test_command_draws_an_image_file_and_a_pair(untrained, tmp_path):
    drawing = np.full([90, 70], 255, np.uint8)
    drawing[20:60, 30:36] = 10
    Image.fromarray(drawing).save(tmp_path / "one.png")
    assert run(f"--checkpoint={untrained()}", f"--image={tmp_path}/one.png",
               f"--output={tmp_path}/one_routed.png") == 0
    assert run(f"--checkpoint={untrained(data_dir=PAIRS, num_targets=2)}", f"--data_dir={PAIRS}",
               "--num_targets=2", f"--output={tmp_path}/pair.png") == 0
    assert size(tmp_path / "one_routed.png") == size(tmp_path / "pair.png")


def test_the_figure_shows_every_map_and_marks_the_winner():
    rng = np.random.default_rng(0)
    lengths = np.full([2, 1, 3], 0.2)
    lengths[1, 0, 2] = 0.9
    maps = RoutingMaps(rng.dirichlet(np.ones(3), [2, 1, 4, 5, 6]).transpose(0, 1, 5, 2, 3, 4),
                       lengths, np.ones([1, 4, 5, 6]))
    figure = routing.figure(np.zeros([9, 9, 1]), maps, ("ant", "bee", "cat"), "An insect")
    images = [axis.images[0].get_array() for axis in figure.axes if axis.images]
    np.testing.assert_array_equal(images[3], maps.shares()[0, 0, 2])
    np.testing.assert_array_equal(images[7], maps.couplings[1, 0, 2, 0])
    assert len(images) == 1 + 2 * 3 + 4
    bold = {text.get_text() for axis in figure.axes
            for text in (*axis.get_xticklabels(), axis.xaxis.label)
            if text.get_fontweight() == "bold"}
    assert bold == {"cat"}


@pytest.mark.parametrize("model, arguments, message", [
    ("baseline", ["--model=baseline"], "which has no capsules"),
    ("capsule", ["--example=2000"], "--example: expected numbers of test images, 0 to 1999"),
    ("capsule", ["--example=0", "--image=x.png"], "leave one out"),
    ("capsule", ["--image=/nowhere/x.png"], "No such file"),
    ("capsule", ["--output=/nowhere/x.png"], "no folder"),
])
def test_what_cannot_be_drawn_gets_one_line(untrained, model, arguments, message, tmp_path,
                                            monkeypatch, one_line):
    name = untrained(model=model)
    monkeypatch.chdir(tmp_path)
    assert run(f"--checkpoint={name}", *arguments) == 2
    assert message in one_line()
    assert not list(tmp_path.iterdir())
