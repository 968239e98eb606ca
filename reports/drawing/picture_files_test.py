import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

import input_data
from input_data.dataset import DataError
from reports.conftest import PAIRS
from reports.drawing import picture_files

MNIST = input_data.load("mnist", None, "test")


def digit_page(scale=4, ground=255, ink=0):
    """A test digit as a drawing: uint8, larger, dark on light, off centre."""
    digit = MNIST.read(np.array([3]))["images"][0, ..., 0]
    large = Image.fromarray(digit).resize([28 * scale] * 2, Image.Resampling.BICUBIC)
    share = np.asarray(large, np.float32) / 255
    page = np.full([40 * scale, 50 * scale], ground, np.float32)
    page[5 * scale:33 * scale, 20 * scale:48 * scale] += share * (ink - ground)
    return page.clip(0, 255).astype(np.uint8)


def read(path):
    return picture_files.batch([str(path)], MNIST)["images"].numpy()[0, ..., 0]


@pytest.fixture(scope="module")
def expected():
    return MNIST.read(np.array([3]))["images"][0, ..., 0] / 255


def palette(page):
    return Image.fromarray(page).convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE)


def transparent(ink):
    def make(page):
        colour = Image.new("L", page.shape[::-1], ink)
        return Image.merge("LA", [colour, Image.fromarray(255 - page)])
    return make


def turned_in_exif(page):
    image = Image.fromarray(page).transpose(Image.Transpose.ROTATE_90)
    image.getexif()[0x0112] = 6         # to be shown turned back
    return image


@pytest.mark.parametrize("name, make", [
    ("grey.png", Image.fromarray),
    ("light.png", lambda page: Image.fromarray(255 - page)),
    ("pale.png", lambda page: Image.fromarray(120 + page // 4)),
    ("photo.jpg", lambda page: Image.fromarray(page).convert("RGB")),
    ("colours.png", lambda page: Image.fromarray(np.stack([page, page // 2, page], axis=-1))),
    ("palette.gif", palette),
    ("black.png", transparent(0)),
    ("white.png", transparent(255)),
    ("deep.png", lambda page: Image.fromarray(page.astype(np.uint16) * 257)),
    ("lines.tif", lambda page: Image.fromarray(page).convert("1", dither=Image.Dither.NONE)),
])
def test_a_drawing_becomes_the_digit_that_it_is_of(tmp_path, expected, name, make):
    make(digit_page()).save(tmp_path / name)
    found = read(tmp_path / name)
    assert found.shape == (28, 28) and found.max() == 1
    tolerance = 0.12 if name == "lines.tif" else 0.06
    assert np.abs(found - expected).mean() < tolerance


def test_a_turned_photo_is_turned_back(tmp_path, expected):
    image = turned_in_exif(digit_page())
    image.save(tmp_path / "turned.png", exif=image.getexif())
    assert np.abs(read(tmp_path / "turned.png") - expected).mean() < 0.06


@given(arrays.arrays(np.float32, st.tuples(st.integers(1, 60), st.integers(1, 60)),
                     elements=st.sampled_from([0, 0.5, 1])).filter(np.any))
@settings(max_examples=60, deadline=None)
def test_digits_lie_in_their_box_around_the_centre_of_mass(ink):
    digit = picture_files.as_digit(ink, 28, 28)
    assert digit.shape == (28, 28) and digit.min() >= 0 and digit.max() == pytest.approx(1)
    rows, columns = (np.flatnonzero(digit.any(axis=axis)) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) < picture_files.DIGIT_BOX
    for axis, used in ((0, rows), (1, columns)):
        mass = digit.sum(axis=1 - axis)
        off = np.arange(28) @ mass / mass.sum() - 14
        # Half a pixel of rounding, unless the image's edge is in the way.
        assert abs(off) < 0.51 or used[0] == 0 or used[-1] == 27


def test_images_of_other_datasets_are_scaled_and_prepared_like_theirs(tmp_path):
    data = input_data.load("cifar10", "testdata/cifar10", "test")
    pixels = data.read(np.array([0]))["images"]
    Image.fromarray(pixels[0].repeat(3, axis=0).repeat(3, axis=1)).save(tmp_path / "object.png")
    found = picture_files.batch([str(tmp_path / "object.png")], data)["images"]
    expected = data.prepare({"images": pixels, "targets": np.zeros([1, 1], np.int32)}, None)
    assert found.shape == (1, 24, 24, 3)
    assert np.abs(found - expected["images"]).mean() < 0.2      # of a standard deviation


def test_grey_images_that_are_no_digits_keep_ground_and_place(tmp_path):
    for name in "ab":
        (tmp_path / "train" / name).mkdir(parents=True)
        (tmp_path / "test" / name).mkdir(parents=True)
        Image.new("L", (28, 28), 90).save(tmp_path / "train" / name / "0.png")
        Image.new("L", (28, 28), 90).save(tmp_path / "test" / name / "0.png")
    data = input_data.load("images", str(tmp_path), "test")
    page = digit_page(scale=1)[:28, :28]
    Image.fromarray(page).save(tmp_path / "object.png")
    found = picture_files.batch([str(tmp_path / "object.png")], data)["images"]
    np.testing.assert_allclose(found[0, ..., 0], page / 255, atol=1e-6)


def test_every_camera_gets_the_image(tmp_path):
    data = input_data.load("norb", "testdata/norb", "test")
    Image.fromarray(digit_page()).save(tmp_path / "object.png")
    found = picture_files.batch([str(tmp_path / "object.png")], data)["images"].numpy()
    assert found.shape == (1, 32, 32, 2) and found.std() > 0.5
    np.testing.assert_array_equal(found[..., 0], found[..., 1])


def test_pairs_of_digits_keep_their_places(tmp_path):
    data = input_data.load("mnist", PAIRS, "test", num_targets=2)
    pixels = data.read(np.array([0]))["images"][0, ..., 0]
    Image.fromarray(255 - pixels).save(tmp_path / "pair.png")
    found = picture_files.batch([str(tmp_path / "pair.png")], data)["images"][0, ..., 0]
    np.testing.assert_allclose(found, np.where(pixels < 39, 0, pixels / 255), atol=1 / 255)


def cut_short(path):
    Image.fromarray(digit_page()).save(path)
    path.write_bytes(path.read_bytes()[:300])


@pytest.mark.parametrize("make, message", [
    (lambda path: None, "No such file"),
    (lambda path: path.mkdir(), "Is a directory"),
    (lambda path: path.write_text("no image"), "not an image that can be read"),
    (lambda path: path.write_bytes(b""), "not an image that can be read"),
    (cut_short, "a damaged image"),
    (lambda path: Image.new("L", (50, 50), 200).save(path), "pixels that are all alike"),
    (lambda path: Image.new("1", (20000, 10000)).save(path), "at most .* pixels, found more"),
])
def test_bad_files_are_named(tmp_path, make, message):
    path = tmp_path / "bad.png"
    make(path)
    with pytest.raises(DataError, match=message) as error:
        read(path)
    assert str(path) in str(error.value)
