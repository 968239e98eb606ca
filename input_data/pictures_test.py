import io

import numpy as np
import pytest
from hypothesis import given, settings, strategies
from PIL import Image

from input_data.dataset import DataError
from input_data.pictures import grey

SHADES = np.arange(12 * 10, dtype=np.uint8).reshape(12, 10) * 2


def encoded(image, kind="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def palette():
    image = Image.fromarray(SHADES)
    colours = Image.new("P", image.size)
    colours.putpalette([value for shade in range(256) for value in [shade] * 3])
    colours.putdata(list(SHADES.ravel()))
    return colours


@pytest.mark.parametrize("image", [
    Image.fromarray(SHADES),
    Image.fromarray(SHADES).convert("RGB"),
    Image.fromarray(SHADES).convert("RGBA"),
    Image.fromarray(SHADES).convert("LA"),
    palette(),
    Image.fromarray(SHADES.astype(np.uint16) * 256 + 255),
], ids=["grey", "rgb", "rgba", "grey with alpha", "palette", "16 bits"])
def test_every_mode_is_the_same_grey(image):
    np.testing.assert_array_equal(grey(encoded(image), "x.png"), SHADES)


def test_one_bit_is_black_and_white():
    image = Image.fromarray(SHADES > 100)
    np.testing.assert_array_equal(grey(encoded(image), "x.png"), np.where(SHADES > 100, 255, 0))


def test_colours_become_their_luminance():
    image = Image.new("RGB", (3, 2), (100, 200, 50))
    assert np.ptp(grey(encoded(image), "x.png") - np.uint8(153)) == 0     # .299 .587 .114


def test_transparent_pixels_are_background():
    ink = np.zeros((12, 10, 4), np.uint8)
    ink[..., :3], ink[..., 3] = 255, SHADES
    np.testing.assert_allclose(grey(encoded(Image.fromarray(ink)), "x.png"), SHADES, atol=1)
    indexed = palette()
    found = grey(encoded(indexed, transparency=200), "x.png")
    np.testing.assert_array_equal(found, np.where(SHADES == 200, 0, SHADES))


def test_another_size_is_an_error_that_names_the_file():
    data = encoded(Image.fromarray(SHADES))
    assert grey(data, "a/x.png", (12, 10)).shape == (12, 10)
    with pytest.raises(DataError, match=r"a/x\.png: expected an image of 10x12.*found 12x10"):
        grey(data, "a/x.png", (10, 12))


def test_an_image_that_claims_to_be_huge_is_not_decoded():
    data = bytearray(encoded(Image.fromarray(SHADES)))
    data[16:24] = (50000).to_bytes(4, "big") * 2
    with pytest.raises(DataError, match=r"x\.png: not an image"):
        grey(bytes(data), "x.png")


@settings(max_examples=150, deadline=None)
@given(data=strategies.data())
def test_damage_is_an_error_or_an_image(data):
    whole = bytearray(encoded(Image.fromarray(SHADES).convert("RGBA")))
    for place in data.draw(strategies.lists(strategies.integers(0, len(whole) - 1), max_size=4)):
        whole[place] ^= data.draw(strategies.integers(1, 255))
    cut = bytes(whole[:data.draw(strategies.integers(0, len(whole)))])
    try:
        assert grey(cut, "x.png").dtype == np.uint8
    except DataError as error:
        assert str(error).startswith("x.png: ")
