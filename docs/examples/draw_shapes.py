"""Draws circles, squares and triangles into shapes/train/ and shapes/test/, a folder each."""

import os
import random

from PIL import Image, ImageDraw

IMAGES = {"train": 200, "test": 50}     # of each class
SIZE = 28                               # pixels


def triangle(draw, box, fill):
    left, top, right, bottom = box
    draw.regular_polygon(((left + right) / 2, (top + bottom) / 2, (right - left) / 2), 3, fill=fill)


DRAWINGS = {"circle": ImageDraw.ImageDraw.ellipse, "square": ImageDraw.ImageDraw.rectangle,
            "triangle": triangle}

random.seed(0)
for split, count in IMAGES.items():
    for name, drawing in DRAWINGS.items():
        folder = os.path.join("shapes", split, name)
        os.makedirs(folder)
        for number in range(count):
            image = Image.new("RGB", (SIZE, SIZE), tuple(random.choices(range(90), k=3)))
            left, top, side = random.randint(1, 12), random.randint(1, 12), random.randint(8, 14)
            drawing(ImageDraw.Draw(image), (left, top, left + side, top + side),
                    fill=tuple(random.choices(range(130, 256), k=3)))
            image.save(os.path.join(folder, f"{number:03}.png"))
