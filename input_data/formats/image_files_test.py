import io
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from input_data.dataset import DataError
from input_data.formats import image_files

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 9), np.uint8)
COLOURS = RNG.integers(0, 256, (6, 9, 3), np.uint8)


@pytest.fixture
def saved(tmp_path):
    def save(image, name="image.png", **options):
        path = tmp_path / name
        (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
        return str(path)
    return save


@pytest.mark.parametrize("name, options", [
    ("a.png", {}), ("a.bmp", {}), ("a.webp", {"lossless": True}), ("a.tiff", {}), ("a.ppm", {}),
    ("A.PNG", {})])
def test_lossless_formats_come_back(saved, name, options):
    path = saved(COLOURS, name, **options)
    assert image_files.is_image(path)
    np.testing.assert_array_equal(image_files.read(path), COLOURS)
    assert image_files.shape(path) == (6, 9, 3)


def test_jpeg_comes_back_nearly(saved):
    smooth = np.linspace(0, 255, 8 * 8 * 3).reshape(8, 8, 3).astype(np.uint8)
    path = saved(smooth, "a.jpg", quality=95)
    assert np.abs(image_files.read(path).astype(int) - smooth).max() < 16


def test_of_several_frames_the_first_is_read(saved):
    frames = [Image.fromarray(np.full((4, 4), value, np.uint8)) for value in (50, 200)]
    for name in ("a.gif", "a.tiff"):
        path = saved(frames[0], name, save_all=True, append_images=frames[1:])
        assert (image_files.read(path)[..., 0] == 50).all()


@pytest.mark.parametrize("mode, channels", [
    ("1", 1), ("L", 1), ("LA", 4), ("P", 3), ("RGB", 3), ("RGBA", 4), ("CMYK", 3)])
def test_every_mode_has_its_channels(saved, mode, channels):
    path = saved(Image.fromarray(COLOURS).convert(mode), "a.tiff")
    found = image_files.read(path)
    assert found.shape == (6, 9, channels) == image_files.shape(path)
    assert found.dtype == np.uint8


def test_greys_of_16_bits_are_rounded(saved):
    greys = np.array([[0, 128, 129, 257, 65535]], np.uint16)
    for name in ("a.png", "a.tiff"):
        assert image_files.read(saved(greys, name))[..., 0].tolist() == [[0, 0, 1, 1, 255]]


def test_a_size_scales_and_converts(saved):
    path = saved(np.full((6, 9), 77, np.uint8))
    assert image_files.read(path, (3, 5)).shape == (3, 5, 1)
    in_colour = image_files.read(path, (12, 4, 3))
    assert in_colour.shape == (12, 4, 3) and (in_colour == 77).all()
    opaque = image_files.read(path, (6, 9, 4))
    assert (opaque[..., :3] == 77).all() and (opaque[..., 3] == 255).all()


def test_transparent_parts_are_black_where_no_channel_holds_them(saved):
    pixels = np.full((2, 1, 4), 200, np.uint8)
    pixels[:, 0, 3] = 0, 255
    path = saved(pixels)
    np.testing.assert_array_equal(image_files.read(path), pixels)
    assert image_files.read(path, (2, 1, 3))[:, 0].tolist() == [[0, 0, 0], [200, 200, 200]]
    assert image_files.read(path, (2, 1, 1))[:, 0].tolist() == [[0], [200]]


def test_a_size_may_say_the_channels_alone(saved):
    path = saved(np.full((6, 9, 3), (100, 200, 50), np.uint8))
    grey = image_files.read(path, (None, None, 1))
    assert grey.shape == (6, 9, 1) and np.ptp(grey - np.uint8(153)) == 0    # .299 .587 .114


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA"])
def test_greys_stay_as_they_are_in_every_mode(saved, mode):
    path = saved(Image.fromarray(GREY).convert(mode))
    np.testing.assert_array_equal(image_files.read(path, (None, None, 1))[..., 0], GREY)


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("name", ["a.png", "a.tiff"])
def test_photographs_stand_as_the_camera_was_held(saved, name, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(COLOURS, name, exif=exif)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert image_files.shape(path) == expected.shape
    np.testing.assert_array_equal(image_files.read(path), expected)


def test_members_of_archives_are_files_too(saved):
    with open(saved(COLOURS), "rb") as file:
        data = file.read()
    np.testing.assert_array_equal(image_files.read(io.BytesIO(data)), COLOURS)
    assert image_files.shape(io.BytesIO(data)) == (6, 9, 3)
    with pytest.raises(DataError, match=r"digits\.zip/1\.png: a damaged image"):
        image_files.read(io.BytesIO(data[:-40]), where="digits.zip/1.png")


def test_a_shape_takes_the_header_alone(saved):
    path = saved(RNG.integers(0, 256, (300, 300, 3), np.uint8))
    with open(path, "rb+") as file:
        file.truncate(200)
    assert image_files.shape(path) == (300, 300, 3)


def bomb(path):
    """A PNG of a few bytes that says it has 20000x20000 pixels."""
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))

    header = struct.pack(">IIBBBBB", 20000, 20000, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
                     + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))


def cut(path):
    Image.fromarray(RNG.integers(0, 256, (40, 40, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:-800])


@pytest.mark.parametrize("make, message", [
    (lambda path: path.write_text("no image"), "not an image that can be read"),
    (lambda path: path.write_bytes(b""), "not an image that can be read"),
    (cut, "a damaged image"),
    (bomb, "at most 89478485 pixels, found more"),
    (lambda path: None, r"cannot be read \(No such file"),
    (lambda path: path.mkdir(), r"cannot be read \(Is a directory"),
    (lambda path: Image.fromarray(np.zeros((2, 2), np.float32)).save(path, "TIFF"),
     "found floating point"),
    (lambda path: Image.fromarray(np.full((2, 2), 70000, np.int32)).save(path, "TIFF"),
     "greys of 8 or 16 bits"),
])
def test_what_cannot_be_read_is_named_in_one_line(tmp_path, make, message):
    path = tmp_path / "image.png"
    make(path)
    with pytest.raises(DataError, match=f"{re.escape(str(path))}: .*{message}") as caught:
        image_files.read(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.bmp", "a.tiff", "a.webp", "a.ppm"])
def test_damaged_bytes_make_an_image_or_a_data_error(saved, name):
    path = saved(RNG.integers(0, 256, (16, 16, 3), np.uint8), name)
    with open(path, "rb") as file:
        whole = file.read()
    for _ in range(150):
        damaged = bytearray(whole[:RNG.integers(1, len(whole) + 1)])
        damaged[RNG.integers(len(damaged))] = RNG.integers(256)
        with open(path, "wb") as file:
            file.write(damaged)
        try:
            assert image_files.read(path).dtype == np.uint8
        except DataError as error:
            assert path in str(error)
