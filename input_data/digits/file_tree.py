"""The files below a folder, packed or not: zip files are read in place, as folders."""

import os
import zipfile
import zlib

from input_data.dataset import DataError

DEPTH = 6                   # folders below the root that are looked into
LARGEST = 1 << 28           # bytes; a packed file that claims more is not read
DAMAGE = (OSError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, RuntimeError,
          NotImplementedError, ValueError)


class FileTree:
    """Files by their names, "folder/file" or "packed.zip/folder/file", relative to the root.

    A context manager, which closes the zip files. Nothing is unpacked or written.

    Args:
      root: str, a folder, which may hold zip files, or a zip file.

    Attributes:
      names: set of str.

    Raises:
      DataError: if the root or a zip file cannot be read; so does `read`.
    """

    def __init__(self, root):
        self.root = root
        self._archives, self._unpacked = {}, frozenset()
        if os.path.isdir(root):
            self._walk()
        elif os.path.isfile(root) and zipfile.is_zipfile(root):
            self._open("", root)
        else:
            raise DataError(f"{root}: expected a folder or a .zip file.")
        self.names = set(self._unpacked)
        for start, archive in self._archives.items():
            self.names.update(start + member.filename for member in archive.infolist()
                              if member.filename and not member.is_dir())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for archive in self._archives.values():
            archive.close()

    def is_packed(self, name):
        """Says whether a file is in a zip file."""
        return name not in self._unpacked

    def where(self, name):
        """Returns a file's place in words, for errors."""
        return os.path.join(self.root, name)

    def read(self, name):
        """Returns a file's bytes."""
        try:
            if name in self._unpacked:
                with open(self.where(name), "rb") as file:
                    return file.read()
            start, archive = next((start, archive) for start, archive in self._archives.items()
                                  if name.startswith(start))
            member = archive.getinfo(name.removeprefix(start))
            if member.file_size > LARGEST:
                raise DataError(f"{self.where(name)}: expected at most {LARGEST} bytes, found "
                                f"{member.file_size}.")
            return archive.read(member)
        except DataError:
            raise
        except DAMAGE as error:
            raise DataError(f"{self.where(name)}: cannot be read ({error}).") from None

    def _walk(self):
        found = []
        seen = set()
        for folder, folders, files in os.walk(self.root, followlinks=True):
            real = os.path.realpath(folder)
            if real in seen:        # a link that leads back
                folders.clear()
                continue
            seen.add(real)
            inside = os.path.relpath(folder, self.root)
            parts = [] if inside == "." else inside.split(os.sep)
            if len(parts) >= DEPTH:
                folders.clear()
            start = "".join(part + "/" for part in parts)
            found += [start + file for file in files
                      if os.path.isfile(os.path.join(folder, file))]      # no pipe
        self._unpacked = frozenset(name for name in found if not name.lower().endswith(".zip"))
        for name in sorted(set(found) - self._unpacked):
            self._open(name + "/", self.where(name))

    def _open(self, start, path):
        try:
            self._archives[start] = zipfile.ZipFile(path)
        except DAMAGE as error:
            raise DataError(f"{path}: not a zip file, or damaged ({error}); fetch it again."
                            ) from None
