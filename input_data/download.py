"""Downloads a dataset's published files and checks them.

    python -m input_data.download --dataset=mnist --data_dir=DIR

Mirrors are tried in order. Files that are already there are checked and left alone.
"""

import gzip
import os
import sys
import tarfile
import tempfile
import zlib
from typing import NamedTuple

import pooch
import requests
from absl import flags
from tqdm import tqdm

from commands import command_line
from commands.errors import UsageError, check_path
from commands.whole_files import whole_file
from input_data.dataset import DataError

TIMEOUT = 10, 60        # seconds to connect, and without a byte
CHUNK = 1 << 18


class Published(NamedTuple):
    """A file as its publisher offers it.

    For an archive, `unpacked` maps the wanted paths in it, all in one folder, to sizes in bytes.
    """

    name: str
    md5: str
    unpacked: dict | None = None


class Source(NamedTuple):
    """The files of a dataset, and the addresses of the folders that hold them."""

    mirrors: tuple
    files: tuple


SOURCES = {
    "mnist": Source(
        ("https://ossci-datasets.s3.amazonaws.com/mnist/",
         "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        (Published("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
         Published("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
         Published("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
         Published("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"))),
    "cifar10": Source(
        ("https://www.cs.toronto.edu/~kriz/",),
        (Published("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530",
                   {f"cifar-10-batches-bin/{name}.bin": 30730000
                    for name in (*(f"data_batch_{number}" for number in range(1, 6)),
                                 "test_batch")}),)),
}

FLAGS = command_line.new_flags()
flags.DEFINE_enum("dataset", None, list(SOURCES), "The dataset.", flag_values=FLAGS)
flags.DEFINE_string("data_dir", None, "Folder for the files; made if it does not exist.",
                    flag_values=FLAGS)
flags.DEFINE_string("mirror", None, "Address of a folder with the files, tried before the known "
                    "ones.", flag_values=FLAGS)


def download(source, data_dir, mirror=None):
    """Downloads the files of a Source into a folder, from `mirror` first if it is given.

    Raises:
      DataError: if no mirror has a file, or a different file of its name exists.
    """
    mirrors = [mirror, *source.mirrors] if mirror else source.mirrors
    try:
        os.makedirs(data_dir, exist_ok=True)
        for published in source.files:
            if not published.unpacked:
                _fetch(published, data_dir, mirrors)
            elif not _is_unpacked(published, data_dir):
                _fetch(published, data_dir, mirrors)
                unpack(published, data_dir)
    except FileExistsError as error:
        raise DataError(f"{error} Start again to check it.") from None
    except OSError as error:
        raise DataError(f"{error.filename or data_dir}: cannot be written or read "
                        f"({error.strerror}).") from None


def _fetch(published, data_dir, mirrors):
    """Downloads a file from the first mirror that has it, if it is not there yet."""
    path = os.path.join(data_dir, published.name)
    if os.path.lexists(path):
        found = pooch.file_hash(path, "md5")
        if found != published.md5:
            raise DataError(f"{path} exists and is not the published file: expected md5 "
                            f"{published.md5}, found {found}; move it away to download it.")
        print(f"{path}: already there, checksum right.")
        return
    failures = []
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{published.name}"
        try:
            with whole_file(path) as aside:
                _get(url, aside, published)
        except (requests.RequestException, DataError) as error:
            reason = ("cannot connect" if isinstance(error, requests.ConnectionError)
                      else "no answer" if isinstance(error, requests.Timeout) else error)
            failures.append(f"{url}: {reason}")
        else:
            print(f"{path}: downloaded from {url}.")
            return
    raise DataError(f"{path} cannot be downloaded: {'; '.join(failures)}.")


def _get(url, path, published):
    """Downloads and checks a file. Raises requests.RequestException or DataError."""
    headers = {"Accept-Encoding": "identity"}       # or requests may unpack a .gz
    # pooch tests the bar's truth value, which tqdm defines only with a total, and sets it later.
    with tqdm(desc=published.name, total=1, unit="B", unit_scale=True, mininterval=0.5) as bar:
        pooch.HTTPDownloader(bar, CHUNK, timeout=TIMEOUT, headers=headers)(url, path, None)
    found = pooch.file_hash(path, "md5")
    if found != published.md5:
        raise DataError(f"expected md5 {published.md5}, found {found}")


def unpack(published, data_dir):
    """Unpacks an archive; its folder appears whole or not at all. Raises DataError."""
    path, folder = os.path.join(data_dir, published.name), _folder(published, data_dir)
    with tempfile.TemporaryDirectory(prefix=f"{published.name}.part-", dir=data_dir) as aside:
        try:
            with tarfile.open(path, "r:gz") as archive:
                archive.extractall(aside, filter="data")
        except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise DataError(f"{path}: cannot be unpacked ({error}).") from None
        _check_sizes(published, aside, path)
        os.rename(_folder(published, aside), folder)
    print(f"{folder}: unpacked.")


def _is_unpacked(published, data_dir):
    folder = _folder(published, data_dir)
    if not os.path.lexists(folder):
        return False
    _check_sizes(published, data_dir, folder)
    print(f"{folder}: already there, sizes right.")
    return True


def _folder(published, parent):
    return os.path.join(parent, os.path.dirname(next(iter(published.unpacked))))


def _check_sizes(published, parent, where):
    """Raises DataError if an unpacked file is missing or of another size."""
    for name, size in published.unpacked.items():
        path = os.path.join(parent, name)
        found = os.path.getsize(path) if os.path.isfile(path) else "no such file"
        if found != size:
            raise DataError(f"{where}: expected {name} of {size} bytes, found {found}; move "
                            f"{where} away to download it again.")


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
    download(SOURCES[values.dataset], values.data_dir, values.mirror)


main = command_line.command(FLAGS, _settings, _main, __doc__, tensorflow=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
