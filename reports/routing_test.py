import numpy as np
import pytest
from PIL import Image

from reports import routing
from reports.conftest import PAIRS
from reports.drawing.receptive_fields import ReceptiveFields
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
    assert size(path)[0] == 1020
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


def test_the_figure_shows_every_map_where_it_lies_and_marks_the_winner():
    rng = np.random.default_rng(0)
    lengths = np.full([2, 1, 3], 0.2)
    lengths[1, 0, 2] = 0.9
    maps = RoutingMaps(rng.dirichlet(np.ones(3), [2, 1, 4, 5, 6]).transpose(0, 1, 5, 2, 3, 4),
                       lengths, np.ones([1, 4, 5, 6]))
    fields = ReceptiveFields(np.array([8.0, 6.0]), 3, 11)
    figure = routing.figure(np.zeros([29, 29, 1]), maps, fields, ("ant", "bee", "cat"), "Insects")
    drawn = [axis.images[0] for axis in figure.axes if len(axis.images) == 2]
    np.testing.assert_array_equal(drawn[2].get_array(), maps.shares()[0, 0, 2])
    np.testing.assert_array_equal(drawn[6].get_array(), maps.couplings[1, 0, 2, 0])
    assert len(drawn) == 2 * 3 + 4
    assert {tuple(image.get_extent()) for image in drawn} == {(4.5, 22.5, 21.5, 6.5)}
    bold = {text.get_text() for axis in figure.axes
            for text in (*axis.get_xticklabels(), axis.xaxis.label)
            if text.get_fontweight() == "bold"}
    assert bold == {"cat", "class cat"}


def test_the_colour_bar_says_that_a_share_is_beyond_its_scale():
    couplings = np.full([2, 1, 10, 1, 6, 6], 0.1)
    couplings[1, 0, 3, 0, :5] = np.linspace(0.1, 0.11, 30).reshape(5, 6)
    couplings[1, 0, 3, 0, 5, 2] = 0.9
    lengths = np.full([2, 1, 10], 0.2)
    lengths[:, :, 3] = 0.8
    maps = RoutingMaps(couplings, lengths, np.ones([1, 1, 6, 6]))
    fields = ReceptiveFields(np.array([8, 8]), 2, 17)
    figure = routing.figure(np.zeros([28, 28, 1]), maps, fields, "0123456789", "")
    bars = [axis._colorbar for axis in figure.axes if "largest: 90 %" in axis.get_ylabel()]
    assert [bar.extend for bar in bars] == ["max", "max"]
    assert 0.1 < bars[0].norm.vmax < 0.11


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
