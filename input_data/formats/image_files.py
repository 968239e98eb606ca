"""Image files to arrays: PNG, JPEG, BMP, GIF, WebP, TIFF, PBM, PGM and PPM."""

import contextlib
import os
import warnings
from itertools import zip_longest

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from input_data.dataset import DataError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pbm", ".pgm",
            ".ppm")
MODES = {1: "L", 3: "RGB", 4: "RGBA"}       # by number of channels
ORIENTATION = 0x0112        # a tag of EXIF
SIDEWAYS = (5, 6, 7, 8)     # its values for images whose height and width are exchanged


def is_image(path):
    """Whether a file's name has an image's suffix."""
    return os.path.splitext(path)[1].lower() in SUFFIXES


def shape(file, where=None):
    """Returns an image's height, width and channels (1, 3 or 4), from its header alone."""
    with _opened(file, where) as image:
        height, width = image.height, image.width
        # Pillow turns a TIFF itself. A PNG's own getexif would decode the pixels.
        if image.format != "TIFF" and Image.Image.getexif(image).get(ORIENTATION) in SIDEWAYS:
            height, width = width, height
        return height, width, _channels(image)


def read(file, size=None, where=None):
    """Reads an image file; of several frames or pages, the first.

    16-bit greys are rounded to 8 bits, and photographs are turned upright.

    Args:
      file: str, the file's name, or a binary file, such as a member of an archive.
      size: (height, width) to scale the image to, or (height, width, channels) for 1, 3 or 4
        channels too; None, for all or one of them, keeps the image's own. Transparent parts are
        black in images of 1 or 3 channels.
      where: str, what errors call the file; its name by default.

    Returns:
      uint8 [height, width, channels].

    Raises:
      DataError: if it is not an image, damaged, or larger than Pillow's 89 million pixels.
    """
    with _opened(file, where) as image:
        image = _eight_bits(ImageOps.exif_transpose(image))
        return fitted(image.convert(MODES[_channels(image)]), size)


def fitted(image, size):
    """Returns a PIL.Image of a mode in MODES as an array; size and result are those of `read`."""
    own = image.height, image.width, len(image.getbands())
    height, width, channels = (there if wanted is None else wanted
                               for wanted, there in zip_longest(size or (), own))
    if (image.height, image.width) != (height, width):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    if image.mode == "RGBA" and channels < 4:
        ground = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(ground, image)
    return np.asarray(image.convert(MODES[channels])).reshape(height, width, channels)


def check_size(found, expected, image_size, where, like):
    """Raises DataError if an image has not the expected size, apart from what is converted.

    Args:
      found, expected: height, width and channels.
      image_size: (height, width), or with channels, to convert to; or None.
      where, like: str, what errors call the image and the one that decides.
    """
    made = len(image_size or ())
    if found[made:] != expected[made:]:
        wanted = "x".join(map(str, expected))
        raise DataError(f"{where}: expected an image of {wanted} like {like}, found "
                        f"{'x'.join(map(str, found))}; --image_size={wanted} scales them.")


@contextlib.contextmanager
def _opened(file, where):
    """Yields an opened image file; what Pillow raises becomes a DataError."""
    where = where or file
    if isinstance(file, str) and os.path.exists(file) and not (
            os.path.isfile(file) or os.path.isdir(file)):
        raise DataError(f"{where}: expected a file, found a pipe or device.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=FORMATS) as image:
                yield image
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise DataError(f"{where}: expected an image of at most {Image.MAX_IMAGE_PIXELS} pixels, "
                        "found more.") from None
    except UnidentifiedImageError:
        raise DataError(f"{where}: not an image that can be read; expected one of "
                        f"{', '.join(FORMATS)}.") from None
    except Exception as error:      # Pillow raises many kinds of errors for damaged files
        if isinstance(error, OSError) and error.strerror:
            raise DataError(f"{where}: cannot be read ({error.strerror}).") from None
        raise DataError(f"{where}: a damaged image ({error}).") from None


def _channels(image):
    if image.mode in ("1", "L") or image.mode.startswith("I"):
        return 1
    return 4 if image.has_transparency_data else 3


def _eight_bits(image):
    """Returns an image whose greys are of 8 bits."""
    if image.mode == "F":
        raise ValueError("expected pixels of 8 or 16 bits, found floating point")
    if not image.mode.startswith("I"):
        return image
    greys = np.asarray(image).astype(np.int64)
    if greys.min() < 0 or greys.max() > 65535:
        raise ValueError("expected greys of 8 or 16 bits, found more")
    return Image.fromarray(((greys + 128) // 257).astype(np.uint8))
