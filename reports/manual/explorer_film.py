"""Films the explorer for docs/: a digit is drawn, routing goes on, a dimension is turned.

    python -m reports.explorer --output=explorer.html
    python -m reports.manual.explorer_film --page=explorer.html

Writes docs/pictures/explorer.gif and, from the same film, docs/pictures/explorer.png. It needs
Chromium and its driver.
"""

import io
import os
import pathlib
import sys

import numpy as np
from absl import flags
from PIL import Image

from commands import command_line
from commands.errors import UsageError, check_path
from reports.drawing import figures
from reports.explorer import browser

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docs" / "pictures"
WINDOW = (1280, 800)        # pixels
FILM_WIDTH = 800            # pixels
COLOURS = 128
# Points of a 3, in parts of the pad.
THREE = [(0.30, 0.24), (0.38, 0.15), (0.55, 0.13), (0.67, 0.24), (0.62, 0.40), (0.46, 0.47),
         (0.64, 0.52), (0.73, 0.68), (0.63, 0.84), (0.45, 0.88), (0.29, 0.78)]
POINTS = 20                 # of the drawn stroke
MOVING, LOOKING = 100, 1200         # milliseconds a frame
PRESSES, MOVES = 6, 6               # of a key on a slider between two frames; frames a way

FLAGS = command_line.new_flags()
flags.DEFINE_string("page", "explorer.html", "A page of reports.explorer.", flag_values=FLAGS)


def stroke():
    """Returns the points of a smooth 3, float [POINTS, 2]."""
    from scipy.interpolate import CubicSpline

    curve = CubicSpline(np.arange(len(THREE)), THREE)
    return curve(np.linspace(0, len(THREE) - 1, POINTS))


def film(driver):
    """Plays the scenes in a browser.

    Returns:
      The screen after the drawing, and the list of frames: images with their milliseconds.
    """
    frames = []

    def take(milliseconds):
        browser.wait(driver)
        frames.append((_screen(driver), milliseconds))

    browser.draw(driver, stroke(), lambda: take(MOVING))
    drawn = frames[-1][0]
    for button in browser.find_all(driver, "#iterations button"):
        button.click()
        take(LOOKING)
    slider = most_telling(driver)
    for key in (browser.RIGHT, browser.LEFT, browser.LEFT, browser.RIGHT):
        for _ in range(MOVES):
            slider.send_keys(key * PRESSES)
            take(MOVING)
    take(LOOKING)
    return drawn, frames


def answer_times(driver):
    """Returns the milliseconds that the answer to each test image of the page takes."""
    times = []
    for button in browser.find_all(driver, "#examples button"):
        button.click()
        browser.wait(driver)
        times.append(browser.answer_time(driver))
    return times


def most_telling(driver):
    """Returns the slider that changes the decoded image most."""
    def decoded():
        browser.wait(driver)
        with Image.open(io.BytesIO(browser.find(driver, "#turned").screenshot_as_png)) as image:
            return np.asarray(image.convert("L"), float)

    start, changes = decoded(), []
    sliders = browser.find_all(driver, "#sliders input")
    for slider in sliders:
        slider.send_keys(browser.RIGHT * PRESSES * MOVES)
        changes.append(np.abs(decoded() - start).mean())
        browser.find(driver, "#reset").click()
    return sliders[int(np.argmax(changes))]


def _screen(driver):
    with Image.open(io.BytesIO(driver.get_screenshot_as_png())) as image:
        return image.convert("RGB")


def write_film(frames, path):
    """Writes frames as a GIF, smaller and in few colours."""
    size = FILM_WIDTH, round(FILM_WIDTH * WINDOW[1] / WINDOW[0])
    small = [image.resize(size, Image.Resampling.LANCZOS) for image, _ in frames]
    palette = small[-1].quantize(COLOURS)           # the same for all, so that they compress well
    small = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in small]
    figures.write_film(path, small, [milliseconds for _, milliseconds in frames], replace=True)


def _settings(values):
    check_path("--page", values.page)
    if values.page is None or not os.path.isfile(values.page):
        raise UsageError(f"--page: there is no file {values.page}; python -m reports.explorer "
                         "writes one.")
    if browser.missing():
        raise UsageError(f"{browser.missing()}.")
    return values.page


def _main(page):
    with browser.opened(page, *WINDOW) as driver:
        drawn, frames = film(driver)
        times = answer_times(driver)
    FOLDER.mkdir(exist_ok=True)
    picture, gif = FOLDER / "explorer.png", FOLDER / "explorer.gif"
    figures.write(picture, lambda aside: drawn.quantize(COLOURS, dither=Image.Dither.NONE).save(
        aside, format="PNG", optimize=True), replace=True)
    write_film(frames, gif)
    for path in (picture, gif):
        print(f"Wrote {path}, {os.path.getsize(path) / 1e3:.0f} kB.")
    print(f"An answer takes {np.median(times):.0f} ms (median of {len(times)} test images).")


main = command_line.command(FLAGS, _settings, _main, __doc__, tensorflow=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
