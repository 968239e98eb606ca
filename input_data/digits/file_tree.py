"""The files below a folder, packed or not: zip files are read in place, as folders."""

import os
import zipfile
import zlib

from input_data.dataset import DataError

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
        self._archives, self._packed = [], {}       # names to (ZipFile, ZipInfo)
        self.names = set()
        if os.path.isdir(root):
            for name in _files_below(root):
                if name.lower().endswith(".zip"):
                    self._open(name + "/", self.where(name))
                else:
                    self.names.add(name)
        elif os.path.isfile(root) and zipfile.is_zipfile(root):
            self._open("", root)
        else:
            raise DataError(f"{root}: expected a folder or a .zip file.")
        self.names.update(self._packed)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for archive in self._archives:
            archive.close()

    def is_packed(self, name):
        """Says whether a file is in a zip file."""
        return name in self._packed

    def where(self, name):
        """Returns a file's place in words, for errors."""
        return os.path.join(self.root, name)

    def read(self, name):
        """Returns a file's bytes."""
        try:
            if not self.is_packed(name):
                with open(self.where(name), "rb") as file:
                    return file.read()
            archive, member = self._packed[name]
            if member.file_size > LARGEST:
                raise OSError(f"expected at most {LARGEST} bytes, found {member.file_size}")
            return archive.read(member)
        except DAMAGE as error:
            raise DataError(f"{self.where(name)}: cannot be read ({error}).") from None

    def _open(self, start, path):
        try:
            archive = zipfile.ZipFile(path)
        except DAMAGE as error:
            raise DataError(f"{path}: not a zip file, or damaged ({error}); fetch it again."
                            ) from None
        self._archives.append(archive)
        self._packed.update((start + member.filename, (archive, member))
                            for member in archive.infolist()
                            if member.filename and not member.is_dir())


def _files_below(root):
    """Yields the names of a folder's files; links that lead back and pipes are passed over."""
    seen = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        for path in (os.path.join(folder, file) for file in files):
            if os.path.isfile(path):
                yield os.path.relpath(path, root)
