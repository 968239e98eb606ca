"""The CSV tables that name images, and where the images are."""

import csv
import io
import posixpath
import re
from typing import NamedTuple

from input_data.dataset import DataError
from input_data.mnist import NUM_CLASSES

OTHER = {"train": "test", "test": "train"}


class Table(NamedTuple):
    """A table whose images were found.

    Attributes:
      name: str, the table's own name in its FileTree.
      filenames: list of str, as the table has them.
      paths: list of str, the images' names in the FileTree.
      labels: list of int, or None for a table without them.
    """

    name: str
    filenames: list
    paths: list
    labels: list | None


def find(tree, stem):
    """Finds a table and its images, wherever they are below the tree's root.

    The table is train.csv or Train_ANYTHING.csv. Its images are in a folder that holds the first
    of them, preferably one called train. Unpacked files are preferred to packed ones.

    Args:
      tree: FileTree.
      stem: "train" for the labelled images, "test" for the others.

    Raises:
      DataError: if table or images are missing, damaged, or ambiguous.
    """
    name = _find_table(tree, stem)
    filenames, labels = parse(tree.read(name), tree.where(name), labelled=stem == "train")
    folder = _find_folder(tree, name, filenames[0], stem)
    paths = [folder + filename for filename in filenames]
    for row, path in enumerate(paths, start=1):
        if path not in tree.names:
            raise DataError(f"{tree.where(name)}, row {row}: there is no image "
                            f"{tree.where(path)}.")
    return Table(name, filenames, paths, labels)


def parse(data, where, labelled):
    """Returns the columns filename and, if labelled, label (else None) of a CSV's bytes.

    Raises:
      DataError: if the table is damaged, empty, or lacks a column; names the file, `where`.
    """
    try:
        header, *rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise DataError(f"{where}: not a CSV table ({error}).") from None
    columns = [column.strip().lower() for column in header]
    wanted = ["filename", "label"] if labelled else ["filename"]
    if not set(wanted) <= set(columns):
        raise DataError(f"{where}: expected a table with the columns {','.join(wanted)}, found "
                        f"{','.join(header)[:100]!r}.")
    filenames, labels = [], []
    for number, row in enumerate(rows, start=1):
        if not any(row):
            continue
        if len(row) != len(columns):
            raise DataError(f"{where}, row {number}: expected {len(columns)} columns, found "
                            f"{len(row)}.")
        values = dict(zip(columns, map(str.strip, row)))
        filenames.append(values["filename"])
        if labelled and values["label"] not in map(str, range(NUM_CLASSES)):
            raise DataError(f"{where}, row {number}: expected a label from 0 to "
                            f"{NUM_CLASSES - 1}, found {values['label'][:20]!r}.")
        labels.append(int(values["label"]) if labelled else None)
    if not filenames:
        raise DataError(f"{where}: expected at least one row, found none.")
    return filenames, labels if labelled else None


def _find_table(tree, stem):
    pattern = re.compile(rf"{stem}(_[^/]*)?\.csv", re.IGNORECASE)
    found = [name for name in tree.names if pattern.fullmatch(posixpath.basename(name))]
    if not found:
        raise DataError(f"{tree.root}: expected {stem}.csv in it, in a folder of it or in a .zip "
                        f"of it, found none in {len(tree.names)} files.")
    return _first(found, lambda name: (tree.is_packed(name), name.count("/")), tree, f"{stem}.csv")


def _find_folder(tree, table, filename, stem):
    found = [name.removesuffix(filename) for name in tree.names
             if name == filename or name.endswith("/" + filename)]
    last = {folder: posixpath.basename(folder.rstrip("/")).lower() for folder in found}
    found = [folder for folder in found if last[folder] != OTHER[stem]]
    if not filename or not found:
        raise DataError(f"{tree.where(table)}, row 1: there is no image {filename!r} below "
                        f"{tree.root}; expected it in a folder {stem}.")
    return _first(found, lambda folder: (tree.is_packed(folder + filename), last[folder] != stem),
                  tree, f"folder with {filename}")


def _first(found, order, tree, what):
    """Returns the first of some names, if no other one is as good."""
    best = min(map(order, found))
    names = sorted(name for name in found if order(name) == best)
    if len(names) > 1:
        raise DataError(f"{tree.root}: expected one {what}, found several: "
                        f"{', '.join(names[:5])}; name the folder to use with --data_dir.")
    return names[0]
