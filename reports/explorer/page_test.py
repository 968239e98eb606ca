import base64
import re

import numpy as np
import pytest

import input_data
from commands.errors import RunError
from reports import trained_network
from reports.conftest import PAIRS
from reports.explorer import __main__ as command
from reports.explorer.page import halved, page, spread


def run(*arguments):
    return command.main(["reports.explorer", *map(str, arguments)])


def inside(text, name):
    """The bytes of a part of a page."""
    return base64.b64decode(re.search(f'id="{name}">([^<]*)<', text)[1], validate=True)


def test_the_command_writes_one_file_with_the_network_and_test_images(untrained, tmp_path, capsys):
    path = tmp_path / "page.html"
    checkpoint = untrained()
    assert run(f"--checkpoint={checkpoint}", f"--output={path}", "--examples=7") == 0
    text = path.read_text(encoding="utf-8")
    assert f"Wrote {path}, {path.stat().st_size / 1e6:.1f} MB" in capsys.readouterr().out
    assert not re.search(r"\{\{\w+\}\}|https?:|\bsrc=|@import", text)
    network, data = trained_network.load(trained_network.of_checkpoint(checkpoint))
    expected = np.concatenate([variable.numpy().astype(np.float16).ravel()
                               for variable in network.variable_paths().values()])
    np.testing.assert_array_equal(np.frombuffer(inside(text, "weights"), "<f2"), expected)
    images = np.frombuffer(inside(text, "images"), "<f4").reshape(-1, 28, 28)
    np.testing.assert_array_equal(
        images, trained_network.examples(data, spread(data, 7), "")["images"][..., 0])
    assert run(f"--checkpoint={checkpoint}", f"--output={path}") == 2
    assert path.read_text(encoding="utf-8") == text


def test_the_network_that_ships_takes_10_megabytes_at_most(tmp_path):
    assert run(f"--output={tmp_path}/page.html") == 0
    assert (tmp_path / "page.html").stat().st_size <= 10e6


def test_test_images_show_all_classes_equally_often():
    data = input_data.load("mnist", None, "test")
    numbers = spread(data, 20)
    np.testing.assert_array_equal(data.read(numbers)["targets"][:, 0], [*range(10), *range(10)])
    assert len(set(numbers)) == 20


def test_a_page_says_what_the_interface_needs(untrained):
    settings = trained_network.of_checkpoint(
        untrained("leaky=true,routing=2,remake=false", data_dir=PAIRS, num_targets=2),
        num_targets=2, data_dir=PAIRS)
    made = page(*trained_network.load(settings), 2).settings
    assert {key: made[key] for key in ("height", "numTargets", "leaky", "iterations", "hasDecoder",
                                       "digitBox")} == dict(
        height=36, numTargets=2, leaky=True, iterations=2, hasDecoder=False, digitBox=None)
    assert "2 iterations of leaky routing" in made["description"]


def test_numbers_that_float16_does_not_hold_are_refused():
    np.testing.assert_array_equal(halved("x", np.array([0.1, 65504])), np.float16([0.1, 65504]))
    with pytest.raises(RunError, match="conv1/kernel has numbers too large"):
        halved("conv1/kernel", np.array([1e5]))


@pytest.mark.parametrize("of, arguments, message", [
    (dict(model="baseline"), [], "the network capsule alone, found baseline"),
    (dict(overrides="routing_type=max_min"), [], "found routing_type=max_min"),
    (dict(dataset="cifar10", data_dir="testdata/cifar10"), ["--data_dir=testdata/cifar10"],
     "images of one channel, found 3 in cifar10"),
    ({}, ["--output=/nowhere/page.html"], "no folder"),
    ({}, ["--examples=0"], "--examples"),
])
def test_what_has_no_page_gets_one_line(untrained, of, arguments, message, tmp_path, one_line):
    given = [f"--checkpoint={untrained(**of)}", f"--output={tmp_path}/page.html",
             *(f"--{name}={of[name]}" for name in ("model", "dataset") if name in of)]
    assert run(*given, *arguments) == 2
    assert message in one_line()
    assert not list(tmp_path.iterdir())
