import numpy as np
import pytest
from PIL import Image

from reports.manual import votes


def test_votes_that_agree_pull_the_capsule():
    shares, capsules = votes.route(votes.VOTES, 3)
    np.testing.assert_allclose(shares[0], 0.5)
    assert (np.diff(shares[:, :3, 0], axis=0) > 0).all()        # parts 1 to 3 turn to A
    assert (np.diff(shares[:, 3:, 1], axis=0) > 0).all()        # parts 4 and 5 to B
    assert (np.diff(np.linalg.norm(capsules, axis=-1), axis=0) > 0.05).all()


def test_votes_are_as_thick_as_their_shares():
    shares, capsules = votes.route(votes.VOTES, 2)
    axis = votes.figure(votes.VOTES, shares, capsules).axes[1]       # A, second iteration
    arrows = [text.arrow_patch for text in axis.texts if hasattr(text, "arrow_patch")]
    np.testing.assert_allclose([arrow.get_linewidth() for arrow in arrows[:-1]],
                               votes.THICKEST * shares[1, :, 0])
    assert axis.texts[-2].get_text() == f"capsule's length {np.linalg.norm(capsules[1, 0]):.2f}"


def test_command_writes_a_picture_and_a_film(tmp_path, one_line):
    arguments = ["reports.manual.votes", f"--output={tmp_path}/two.png", "--iterations=2"]
    assert votes.main(arguments) == 0
    with Image.open(tmp_path / "two.png") as picture, Image.open(tmp_path / "two.gif") as film:
        assert picture.size == (600, 840) and film.n_frames == votes.FRAMES + 1
        assert film.info["loop"] == 0
    assert votes.main(arguments) == 2 and "two.png is there already" in one_line()


@pytest.mark.parametrize("arguments, message", [
    (["--output=x.gif"], "name a .png"), (["--output=/nowhere/x.png"], "no folder"),
    (["--iterations=0"], "--iterations")])
def test_what_cannot_be_drawn_gets_one_line(arguments, message, one_line):
    assert votes.main(["reports.manual.votes", *arguments]) == 2
    assert message in one_line()
