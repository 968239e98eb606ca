import numpy as np
import pytest
from PIL import Image

from commands.errors import RunError, UsageError
from reports.drawing import figures


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_images_of_any_depth_and_range_become_colours(depth):
    image = np.random.default_rng(0).normal(size=[6, 5, depth])      # a standardized one
    shown = figures.in_colours(image)
    assert shown.shape == (6, 5, 3) and shown.min() >= 0 and shown.max() <= 1
    assert shown[..., 0].argmax() == image[..., 0].argmax()


def test_images_in_range_keep_their_greys():
    image = np.full([2, 2, 1], 0.25)
    np.testing.assert_array_equal(figures.in_colours(image), np.full([2, 2, 3], 0.25))


def test_two_colours_are_told_apart_and_mix_to_white():
    on, off = np.ones([1, 1, 1]), np.zeros([1, 1, 1])
    first, second, both, none = (figures.two_colours(*pair)[0, 0] for pair in (
        (on, off), (off, on), (on, on), (off, off)))
    assert first[0] > 0.8 > first[2] and second[2] > 0.8 > second[0]
    assert both.min() > 0.9 and none.max() == 0


def test_a_picture_that_is_too_large_is_refused():
    with pytest.raises(RunError, match="200x100000 pixels is too large"):
        figures.new_figure(200, 100_000)


def test_a_picture_is_whole_and_replaces_only_when_asked(tmp_path):
    path = str(tmp_path / "picture.png")
    figures.save(figures.new_figure(200, 100), path)
    with Image.open(path) as picture:
        assert picture.size == (200, 100)
    with pytest.raises(RunError, match="is there already"):
        figures.save(figures.new_figure(300, 100), path)
    figures.save(figures.new_figure(300, 100), path, replace=True)
    with Image.open(path) as picture:
        assert picture.size == (300, 100)
    with pytest.raises(RunError, match="cannot be written"):
        figures.save(figures.new_figure(300, 100), str(tmp_path / "no" / "picture.png"))


def test_outputs_are_checked_early(tmp_path):
    (tmp_path / "there.png").write_text("mine")
    assert figures.check_output(str(tmp_path / "new.png")) == str(tmp_path / "new.png")
    for path, message in (("there.png", "is there already"), ("no/new.png", "no folder")):
        with pytest.raises(UsageError, match=message):
            figures.check_output(str(tmp_path / path))
    for path, message in (("", "--output is empty"), ("gs://bucket/x.png", "on this machine")):
        with pytest.raises(UsageError, match=message):
            figures.check_output(path)
