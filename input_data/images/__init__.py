"""Your own images: a folder for each class."""
