"""Image files, from bytes to arrays."""

import io
import struct
import warnings
import zlib

import numpy as np
from PIL import Image

from input_data.dataset import DataError

# What Pillow raises for files that are damaged, cut short, or larger than any real picture.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError,
          struct.error, zlib.error, Image.DecompressionBombError, Image.DecompressionBombWarning)


def grey(data, where, size=None):
    """Returns an image file as one channel.

    Colours become their luminance (ITU-R 601), transparent pixels black, 16 bits 8.

    Args:
      data: bytes of a PNG, or of another format that Pillow reads.
      where: str, the file, for errors.
      size: (height, width) that the image must have, or None.

    Returns:
      uint8 [height, width].

    Raises:
      DataError: if the bytes are not an image, or it has another size.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
        found = image.height, image.width
        if size is not None and found != size:      # before anything is decoded
            raise DataError(f"{where}: expected an image of {size[0]}x{size[1]} like the first, "
                            f"found {found[0]}x{found[1]}.")
        return _grey(image)
    except DataError:
        raise
    except DAMAGE as error:
        raise DataError(f"{where}: not an image, or damaged ({error}).") from None


def _grey(image):
    if image.mode.startswith("I"):      # 16 bits, which Pillow would cut off at 255
        return (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return np.asarray(image.convert("L"))
