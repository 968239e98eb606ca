"""How the pictures are drawn: figures, images as arrays, files of images."""
