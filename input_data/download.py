"""Gets a dataset's published files, whole and checked.

    python -m input_data.download --dataset=mnist --data_dir=DIR

Mirrors are tried in order. A download that breaks off goes on where it stopped, also when the
command is given again. Files that are there already are left alone.
"""

import dataclasses
import gzip
import hashlib
import http.client
import os
import re
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib

from absl import flags
from tqdm import tqdm

from commands import command_line
from commands.errors import UsageError, check_path
from input_data.dataset import DataError

EXTRAS = 1 << 20        # bytes of an archive for what nobody asks for: a readme, class names
TIMEOUT = 60            # seconds without a byte
CHUNK = 1 << 18
NUMBER = "[0-9]{1,18}"


class HTTPFailure(Exception):
    """Why a server did not give a file, or not all of it, in words."""


@dataclasses.dataclass(frozen=True)
class Published:
    """A file as its publisher gives it out.

    Attributes:
      name: str.
      size: bytes.
      md5: str, hexadecimal.
      unpacked: dict of the paths in an archive that are wanted, to their sizes; all in one
        folder. Empty for a file that is used as it is.
    """

    name: str
    size: int
    md5: str
    unpacked: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Source:
    """The files of a dataset, and the addresses they are appended to."""

    mirrors: tuple
    files: tuple


SOURCES = {
    "mnist": Source(
        ("https://ossci-datasets.s3.amazonaws.com/mnist/",
         "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        (Published("train-images-idx3-ubyte.gz", 9912422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
         Published("train-labels-idx1-ubyte.gz", 28881, "d53e105ee54ea40749a09fcbcd1e9432"),
         Published("t10k-images-idx3-ubyte.gz", 1648877, "9fb629c4189551a2d022fa330f9573f3"),
         Published("t10k-labels-idx1-ubyte.gz", 4542, "ec29112dd5afa0611ce80d1b7f02629c"))),
    "cifar10": Source(
        ("https://www.cs.toronto.edu/~kriz/",),
        (Published("cifar-10-binary.tar.gz", 170052171, "c32a1d4ab5d03f1284b67883e8d87530",
                   {f"cifar-10-batches-bin/{name}.bin": 30730000
                    for name in (*(f"data_batch_{number}" for number in range(1, 6)),
                                 "test_batch")}),)),
}

FLAGS = command_line.new_flags()
flags.DEFINE_enum("dataset", None, list(SOURCES), "The dataset.", flag_values=FLAGS)
flags.DEFINE_string("data_dir", None, "Folder for the files; made if it is not there.",
                    flag_values=FLAGS)
flags.DEFINE_string("mirror", None, "Address of a folder with the files, tried before the known "
                    "ones.", flag_values=FLAGS)


def download(source, data_dir, mirror=None, say=print):
    """Gets the files of a dataset.

    Args:
      source: Source.
      data_dir: str, folder for the files.
      mirror: str, an address to try first, or None.
      say: function that shows a line.

    Raises:
      DataError: if a file cannot be had, or another of its name is there already.
    """
    mirrors = ([mirror] if mirror else []) + list(source.mirrors)
    try:
        os.makedirs(data_dir, exist_ok=True)
        for published in source.files:
            if not published.unpacked:
                _get(published, data_dir, mirrors, say)
            elif not _is_unpacked(published, data_dir, say):
                _get(published, data_dir, mirrors, say)
                unpack(published, data_dir)
                say(f"{_folder(published, data_dir)}: unpacked.")
    except OSError as error:
        raise DataError(f"{error.filename or data_dir}: cannot be written or read "
                        f"({error.strerror}).") from None


def _get(published, data_dir, mirrors, say):
    """Downloads a file that is not there yet."""
    path = os.path.join(data_dir, published.name)
    if os.path.lexists(path):
        found = md5(path)
        if found != published.md5:
            raise DataError(f"{path} is there already and is not the published file: expected "
                            f"md5 {published.md5}, found {found}; move it away to get it.")
        say(f"{path}: there already, and right.")
        return
    part, failures = f"{path}.part", []
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{published.name}"
        failure = _from_mirror(url, part, published)
        if failure is None:
            os.replace(part, path)
            say(f"{path}: downloaded from {url}.")
            return
        failures.append(f"{url}: {failure}")
    kept = f"; {part} is kept, the same command goes on with it" if os.path.exists(part) else ""
    raise DataError(f"{path}: no mirror gave the file of {published.size} bytes with md5 "
                    f"{published.md5}: {'; '.join(failures)}{kept}.")


def _from_mirror(url, part, published):
    """Completes a part from one address; returns None, or why it could not, in words."""
    all_from_here = not _size(part)
    while True:
        begun = _size(part)
        failure = _complete(url, part, published) if begun < published.size else None
        if failure is None:
            found = md5(part)
            if found == published.md5:
                return None
            os.remove(part)
            if all_from_here:
                return f"the file has md5 {found}"
            # What was begun elsewhere or earlier may be what is wrong: once more from the start.
            all_from_here = True
        elif _size(part) <= begun:
            return failure


def _complete(url, part, published):
    """Appends to a part what is missing of it; returns None, or what stopped it, in words."""
    try:
        start, chunks = _open_at(url, _size(part), published.size)
    except HTTPFailure as failure:
        return str(failure)
    with open(part, "r+b" if start else "wb") as file, tqdm(
            desc=published.name, total=published.size, initial=start, unit="B",
            unit_scale=True, mininterval=0.5) as bar:
        file.seek(start)
        try:
            for chunk in chunks:
                file.write(chunk)
                bar.update(len(chunk))
        except HTTPFailure as failure:
            return str(failure)
    return None


def _open_at(url, start, size):
    """Asks a server for the bytes of a file from one of them on (RFC 9110, section 14).

    Args:
      url: str.
      start: int, the first byte wanted.
      size: bytes of the whole file.

    Returns:
      The byte at which the answer begins: start, or 0 from a server that ignores ranges; and
      an iterator over the bytes, in pieces, that raises HTTPFailure where they break off.

    Raises:
      HTTPFailure: if the server cannot be reached, or does not have such a file.
    """
    headers = {"Range": f"bytes={start}-"} if start else {}
    try:
        response = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        with error:
            raise HTTPFailure(f"{error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise HTTPFailure(_reason(error)) from None
    try:
        begin, whole = _extent(response, start)
        if whole not in (None, size):
            raise HTTPFailure(f"expected a file of {size} bytes, found {whole}")
    except HTTPFailure:
        response.close()
        raise
    return begin, _pieces(response, begin, size)


def _extent(response, start):
    """Returns the first byte of an answer and the whole file's size, None if it is not said."""
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if re.fullmatch(NUMBER, length) else None
    content_range = response.headers.get("Content-Range", "")
    found = re.fullmatch(rf"bytes ({NUMBER})-{NUMBER}/({NUMBER}|\*)", content_range.strip())
    if not found or int(found[1]) != start:
        raise HTTPFailure(f"asked for the bytes from {start} on, found {content_range!r}")
    return start, None if found[2] == "*" else int(found[2])


def _pieces(response, begin, size):
    with response:
        while begin < size:
            try:
                piece = response.read(min(CHUNK, size - begin))
            except (OSError, http.client.HTTPException) as error:
                raise HTTPFailure(f"broken off after {begin} of {size} bytes "
                                  f"({_reason(error)})") from None
            if not piece:
                raise HTTPFailure(f"broken off after {begin} of {size} bytes")
            begin += len(piece)
            yield piece


def _reason(error):
    return str(getattr(error, "reason", error)) or type(error).__name__


def _size(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def unpack(published, data_dir):
    """Unpacks the archive of a dataset; its folder appears whole or not at all.

    Raises:
      DataError: if the archive is damaged, holds something else, or names files outside of its
        folder.
    """
    path, folder = os.path.join(data_dir, published.name), _folder(published, data_dir)
    with tempfile.TemporaryDirectory(prefix=f"{published.name}.part-", dir=data_dir) as aside:
        try:
            with tarfile.open(path, "r:gz") as archive:
                archive.extractall(aside, _bounded(archive, published, path), filter="data")
        except tarfile.FilterError as error:
            raise DataError(f"{path}: refused to unpack it: {error}.") from None
        except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise DataError(f"{path}: damaged archive ({error}).") from None
        if wrong := _wrong_sizes(published, aside):
            raise DataError(f"{path}: expected other content: {wrong}.")
        os.rename(_folder(published, aside), folder)


def _bounded(archive, published, path):
    """Yields an archive's members, as long as they are no more than was published."""
    left = sum(published.unpacked.values()) + EXTRAS
    for member in archive:
        left -= member.size
        if left < 0:
            raise DataError(f"{path}: refused to unpack it: expected about "
                            f"{sum(published.unpacked.values())} bytes, found more at "
                            f"{member.name}.")
        yield member


def md5(path):
    """Returns the MD5 sum of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _is_unpacked(published, data_dir, say):
    folder = _folder(published, data_dir)
    if not os.path.lexists(folder):
        return False
    if wrong := _wrong_sizes(published, data_dir):
        raise DataError(f"{folder} is there already and is not the published one: {wrong}; "
                        "move it away to get it.")
    say(f"{folder}: there already, and right.")
    return True


def _folder(published, data_dir):
    return os.path.join(data_dir, os.path.dirname(next(iter(published.unpacked))))


def _wrong_sizes(published, folder):
    """Returns what is wrong with the first unpacked file that is missing or too big or small."""
    for name, size in published.unpacked.items():
        path = os.path.join(folder, name)
        found = os.path.getsize(path) if os.path.isfile(path) else None
        if found != size:
            return f"{name} of {size} bytes is " + (
                "missing" if found is None else f"of {found} bytes")
    return None


def _settings(values):
    check_path("--data_dir", values.data_dir)
    if values.dataset is None or not values.data_dir:
        raise UsageError("expected --dataset and --data_dir, as in --dataset=mnist "
                         "--data_dir=DIR.")
    if values.mirror and not values.mirror.startswith(("http://", "https://")):
        raise UsageError(f"--mirror: expected an http:// or https:// address, found "
                         f"{values.mirror}.")
    return values


def _main(values):
    try:
        download(SOURCES[values.dataset], values.data_dir, values.mirror)
    except KeyboardInterrupt as interrupt:
        raise type(interrupt)("on the way; the same command goes on from here") from None


def main(argv):
    """Runs the command line, and returns its exit status."""
    return command_line.run(argv, FLAGS, _settings, _main, __doc__, tensorflow=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
