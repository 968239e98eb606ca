"""Draws a confusion matrix, with nothing but Pillow: every evaluation can have its picture."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Blue and vermillion of Okabe and Ito, which colour-blind readers tell apart: what was found, and
# what was mistaken for something else.
FOUND, MISTAKEN = np.array([0, 114, 178]), np.array([213, 94, 0])
GROUND, INK, LINE = (255, 255, 255), (30, 30, 30), (200, 200, 200)
FONT, TITLE_FONT, LEAST_FONT = 13, 16, 9    # pixels
LEAST_TINT = 0.12       # of a cell that counts one example
MARGIN = 16
MOST_NAME = 150         # pixels of a class name; longer ones are cut
COUNTED = 30            # classes at most whose cells show their counts
LARGEST = 1200          # pixels of a matrix of many classes, about


def draw(confusion, class_names, title):
    """Returns a picture of a confusion matrix: a row for each class, a column for each reading.

    Cells are tinted by their share of the row's examples: on the diagonal up to all of them, beside
    it up to the largest such share, which the words below the title give. A last column has the
    percentage of wrong examples.

    Args:
      confusion: Confusion.
      class_names: tuple of str.
      title: str.

    Returns:
      uint8 [height, width, 3].
    """
    return np.asarray(_Drawing(confusion, class_names).picture(title))


class _Drawing:
    """Measures and paints; lengths are in pixels."""

    def __init__(self, confusion, class_names):
        self._matrix, count = confusion.matrix, len(class_names)
        self._examples, self._percent = confusion.examples, confusion.wrong_percent
        self._counted = count <= COUNTED
        self._title_font, self._note_font = map(ImageFont.load_default, (TITLE_FONT, FONT))
        self._cell = max(1, LARGEST // count)
        if self._counted:
            self._cell = int(max(24, 12 + self._note_font.getlength(str(self._matrix.max()))))
        self._font_size = FONT if self._counted else max(LEAST_FONT, min(FONT, self._cell - 3))
        self._font = ImageFont.load_default(self._font_size)
        # Where rows are lower than letters, not every class is named.
        every = -(-(self._font_size + 3) // self._cell)
        self._names = {number: self._cut(class_names[number]) for number in range(0, count, every)}
        self._longest = int(max(map(self._width, self._names.values())))
        self._left = MARGIN + TITLE_FONT + 10 + self._longest
        self._side = self._cell * count

    def picture(self, title):
        """Returns the PIL.Image."""
        shares = self._matrix / np.maximum(self._examples, 1)[:, None]
        beside = np.where(np.eye(len(shares), dtype=bool), 0, shares)
        note = "Rows: classes; columns: what they were read as. Blue: right."
        if beside.any():
            note += f" Orange: wrong, darkest for {100 * beside.max():.3g}% of a class."
        upright = self._longest < self._cell - 4
        names_height = self._font_size if upright else self._longest
        self._top = 2 * MARGIN + TITLE_FONT + 2 * FONT + 22 + names_height
        right = self._left + self._side + 10 + self._width("wrong")
        width = max(right, MARGIN + self._note_font.getlength(note),
                    MARGIN + self._title_font.getlength(title)) + MARGIN
        image = Image.new("RGB", (int(width), int(self._top + self._side + MARGIN)), GROUND)
        self._paint = ImageDraw.Draw(image)
        self._paint.text((MARGIN, MARGIN), title, INK, self._title_font)
        self._paint.text((MARGIN, MARGIN + TITLE_FONT + 8), note, INK, self._note_font)
        self._cells(shares, beside / max(beside.max(), 1e-9))
        for number in self._names:
            self._name(image, number, upright)
        self._paint.text((self._left + self._side + 8, self._top - 6), "wrong", INK, self._font,
                         anchor="ls")
        self._paint.rectangle([self._left - 1, self._top - 1, self._left + self._side,
                               self._top + self._side], outline=LINE)
        return image

    def _cells(self, shares, mistaken):
        for row, column in np.argwhere(self._matrix):
            colour, strength = ((FOUND, shares[row, row]) if row == column
                                else (MISTAKEN, mistaken[row, column]))
            strength = LEAST_TINT + (1 - LEAST_TINT) * strength
            tint = np.round(255 + (colour - 255) * strength).astype(int)
            x, y = self._left + column * self._cell, self._top + row * self._cell
            self._paint.rectangle([x, y, x + self._cell - 1, y + self._cell - 1], tuple(tint))
            if self._counted:
                dark = tint @ (0.299, 0.587, 0.114) < 150
                self._paint.text((x + self._cell / 2, y + self._cell / 2),
                                 str(self._matrix[row, column]), GROUND if dark else INK,
                                 self._font, anchor="mm")

    def _name(self, image, number, upright):
        """Writes a class's name beside its row and above its column, and its error."""
        middle = (number + 0.5) * self._cell
        name, percent = self._names[number], self._percent[number]
        self._paint.text((self._left - 6, self._top + middle), name, INK, self._font, anchor="rm")
        if upright:
            self._paint.text((self._left + middle, self._top - 6), name, INK, self._font,
                             anchor="ms")
        else:
            label = Image.new("L", (int(self._width(name)) + 2, self._font_size + 4))
            ImageDraw.Draw(label).text((1, label.height / 2), name, 255, self._font, anchor="lm")
            label = label.rotate(90, expand=True)
            place = (int(self._left + middle - label.width / 2), self._top - 5 - label.height)
            image.paste(INK, place, label)
        self._paint.text((self._left + self._side + 8, self._top + middle),
                         "none" if np.isnan(percent) else f"{percent:.3g}%", INK, self._font,
                         anchor="lm")

    def _width(self, text):
        return self._font.getlength(text)

    def _cut(self, name):
        """Returns a class name that is not wider than MOST_NAME."""
        if self._width(name) <= MOST_NAME:
            return name
        while self._width(name + "…") > MOST_NAME:
            name = name[:-1]
        return name + "…"
