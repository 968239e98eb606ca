"""The files of an evaluation's result: result.json and confusion.png."""

import os

from PIL import Image

from commands.errors import RunError
from commands.whole_files import whole_file
from training.monitoring import confusion_picture
from training.run_folder import contents


def write(folder, values, confusion):
    """Writes result.json and, where Matplotlib is installed, confusion.png.

    Args:
      folder: str, must exist.
      values: dict, the contents of result.json.
      confusion: Confusion of the same evaluation.

    Returns:
      The picture, uint8 [height, width, 3], or None.

    Raises:
      RunError: if they cannot be written.
    """
    contents.write(folder, contents.RESULT, values)
    names = [found["name"] for found in values["classes"]]
    title = (f"{values['model']} on {values['dataset']}, step {values['step']}: "
             f"{values['wrong']} of {values['examples']} wrong ({values['wrong_percent']:.4g}%)")
    try:
        pixels = confusion_picture.draw(confusion, names, title)
    except ImportError:
        print(f"{contents.PICTURE} is not drawn: Matplotlib is not installed.")
        return None
    path = os.path.join(folder, contents.PICTURE)
    try:
        with whole_file(path, replace=True) as aside:
            Image.fromarray(pixels).save(aside, format="png")
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}).") from None
    return pixels
