"""Parsers of damaged files raise only DataErrors, and take no more memory than the files."""

import datetime
import gzip
import io
import os
import shutil
import struct
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import input_data
from conftest import TESTDATA, write_class_folders, write_mnist
from input_data import download
from input_data.dataset import DataError
from input_data.formats import tfrecords
from input_data.norb import norb_convert
from input_data.norb.norb_convert_test import write_matrix

EXTREMES = [b"\x00" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\0\0\0",
            b"\0\0\0\x80"]
SLACK = 3 << 20         # bytes beyond what the files hold: TensorFlow's and Python's own
TIME = datetime.timedelta(seconds=10)

damages = settings(max_examples=200, deadline=TIME, derandomize=True, database=None,
                   suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def changes(draw):
    """Returns a function that damages bytes: cuts, flips bits, writes extremes, or adds some."""
    kind = draw(st.sampled_from(["cut", "flip", "extreme", "add"]))
    # Half of it hits the first bytes, which are the header in most formats.
    places = draw(st.lists(st.one_of(st.integers(0, 63), st.integers(0, 2**20)),
                           min_size=1, max_size=4))
    bit, extreme = draw(st.integers(0, 7)), draw(st.sampled_from(EXTREMES))

    def damaged(data):
        at = [place % max(len(data), 1) for place in places]
        if kind == "cut":
            return data[:at[0]]
        if kind == "add":
            return data[:at[0]] + extreme + data[at[0]:]
        data = bytearray(data)
        for place in at:
            if kind == "flip" and data:
                data[place] ^= 1 << bit
            elif kind == "extreme":
                data[place:place + 4] = extreme
        return bytes(data)

    return damaged


def check(read, size):
    """Reads damaged files of so many bytes; holds them to errors of one kind and to their size."""
    tracemalloc.start()
    try:
        read()
    except DataError as error:
        assert str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 20 * size + SLACK, f"{peak} bytes for files of {size}"


def read_all(dataset, data_dir, num_targets=1):
    split = input_data.load(dataset, str(data_dir), "test", num_targets)
    for start in range(0, split.info.num_examples, 100):
        split.read(np.arange(start, min(start + 100, split.info.num_examples)))


def total(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


SETS = [    # dataset, folder, file to damage, targets
    ("mnist", "mnist_records", "test_0shifted_mnist.tfrecords", 1),
    ("mnist", "multimnist", "multitest_4shifted_mnist.tfrecords-00001-of-00002", 2),
    ("norb", "norb", "testduo.tfrecords", 1),
    ("cifar10", "cifar10/cifar-10-batches-bin", "test_batch.bin", 1),
]


IMAGE_SETS = [      # dataset, file to damage; see `with_images`
    ("images", "test/bee/001.png"),
    ("digits", "digits.zip"),
    ("digits", "data/train.csv"),
    ("digits", "data/train/30.png"),
]


def test_every_reader_is_here():
    here = {dataset for dataset, *_ in SETS + IMAGE_SETS}
    # Packages read tfds and affNIST's MATLAB files.
    assert here == set(input_data.READERS) - {"tfds:NAME", "affnist"}


@pytest.fixture(params=SETS, ids=lambda found: found[1].rpartition("/")[2])
def published(request, tmp_path):
    """A dataset's name, --data_dir, the file to damage, and the targets."""
    dataset, folder, name, num_targets = request.param
    shutil.copytree(os.path.join(TESTDATA, folder), tmp_path / "data")
    path = tmp_path / "data" / name
    return dataset, path if num_targets == 2 else path.parent, path, num_targets


@damages
@given(change=changes())
def test_damaged_files_of_datasets(published, change):
    dataset, named, path, num_targets = published
    sound = path.read_bytes()
    path.write_bytes(change(sound))
    check(lambda: read_all(dataset, named, num_targets), total(path.parent))
    path.write_bytes(sound)


@pytest.fixture(params=IMAGE_SETS, ids=lambda found: found[1])
def with_images(request, tmp_path, digits_zip):
    """A dataset's name, a folder with its files, and the one to damage."""
    dataset, name = request.param
    if dataset == "images":
        for split in ("train", "test"):
            write_class_folders(tmp_path / split, 2)
    elif name == digits_zip.name:
        shutil.copy(digits_zip, tmp_path)
    else:
        with zipfile.ZipFile(digits_zip) as packed:
            packed.extractall(tmp_path)
    return dataset, tmp_path, tmp_path / name


@settings(damages, max_examples=100)
@given(change=changes())
def test_damaged_files_of_image_datasets(with_images, change):
    dataset, folder, path = with_images
    sound = path.read_bytes()
    path.write_bytes(change(sound))
    check(lambda: read_all(dataset, folder), total(folder))
    path.write_bytes(sound)


@damages
@given(change=changes())
def test_damaged_examples_with_right_checksums(published, change):
    dataset, named, path, num_targets = published
    if dataset == "cifar10":
        return      # no checksums
    sound = path.read_bytes()
    examples = [tfrecords.RecordFiles([str(path)])[number] for number in range(2)]
    path.write_bytes(b"".join(framed(change(example)) for example in examples))
    check(lambda: read_all(dataset, named, num_targets), total(path.parent))
    path.write_bytes(sound)


def framed(data, length=None):
    """A record, or one that claims another length, under right checksums."""
    length = struct.pack("<Q", len(data) if length is None else length)
    return b"".join([length, struct.pack("<I", tfrecords.masked_crc(length)), data,
                     struct.pack("<I", tfrecords.masked_crc(data))])


@pytest.mark.parametrize("length", [2**31, 2**40, 2**63, 2**64 - 1])
@pytest.mark.parametrize("before", [0, 3])
def test_a_record_of_a_length_that_the_file_has_not(tmp_path, length, before):
    path = tmp_path / "records"
    path.write_bytes(framed(b"sound") * before + framed(b"data", length))

    def read():
        with pytest.raises(DataError, match=rf"of its {length + 16} bytes: the file is cut short"):
            tfrecords.RecordFiles([str(path)])

    check(read, path.stat().st_size)


@pytest.mark.parametrize("left", range(30))
def test_a_record_file_that_is_cut_while_it_is_read(tmp_path, left):
    path = tmp_path / "records"
    path.write_bytes(framed(b"0123456789abcde"))
    files = tfrecords.RecordFiles([str(path)])
    os.truncate(path, left)
    with pytest.raises(DataError, match=f"{path}"):
        files[0]


@pytest.mark.parametrize("height, width", [(2**31, 96), (2**62, 2**62), (96, 2**31)])
@pytest.mark.parametrize("dataset, folder, name, num_targets", SETS[:3])
def test_sizes_that_the_first_record_only_claims(tmp_path, dataset, folder, name, num_targets,
                                                 height, width):
    import tensorflow as tf

    sound = tfrecords.RecordFiles([os.path.join(TESTDATA, folder, name)])[0]
    example = tf.train.Example.FromString(sound)
    for feature, value in (("height", height), ("width", width)):
        example.features.feature[feature].int64_list.value[:] = [value]
    path = tmp_path / name.partition("-")[0]
    path.write_bytes(framed(example.SerializeToString()))
    with pytest.raises(DataError, match=r"record 0 .*expected \d{12,} bytes of"):
        input_data.load(dataset, str(path), "test", num_targets)


@pytest.fixture(params=[False, True], ids=["plain", "gz"])
def idx_file(request, tmp_path, digits):
    """The test split's images in an IDX file, plain or gzipped, in a folder with its labels."""
    images, labels = digits
    write_mnist(tmp_path, images[:20], labels[:20], "test")
    path = tmp_path / "t10k-images-idx3-ubyte"
    if request.param:
        (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        path.unlink()
        path = tmp_path / f"{path.name}.gz"
    return path


@damages
@given(change=changes())
def test_damaged_idx_files(idx_file, change):
    sound = idx_file.read_bytes()
    idx_file.write_bytes(change(sound))
    check(lambda: read_all("mnist", idx_file.parent), total(idx_file.parent))
    idx_file.write_bytes(sound)


@damages
@given(change=changes())
def test_damaged_idx_headers_in_sound_gzip_files(tmp_path, digits, change):
    images, labels = digits
    write_mnist(tmp_path, images[:20], labels[:20], "test")
    path = tmp_path / "t10k-images-idx3-ubyte"
    data = change(path.read_bytes())
    path.unlink()
    (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(data))
    check(lambda: read_all("mnist", tmp_path), len(data))


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("shape", [(2**31, 28, 28), (2**32 - 1,) * 3, (0, 2**32 - 1, 2**32 - 1),
                                   (20, 0, 28)])
def test_idx_files_that_claim_more_than_they_hold(tmp_path, digits, shape, zipped):
    images, labels = digits
    write_mnist(tmp_path, images[:20], labels[:20], "test")
    path = tmp_path / "t10k-images-idx3-ubyte"
    data = bytes([0, 0, 8, 3]) + struct.pack(">3I", *shape) + path.read_bytes()[16:]
    path.unlink()
    if zipped:
        path, data = tmp_path / f"{path.name}.gz", gzip.compress(data)
    path.write_bytes(data)

    def read():
        with pytest.raises(DataError, match=r"t10k-images.*(cut short|1 or more)"):
            read_all("mnist", tmp_path)

    check(read, len(data))


@damages
@given(change=changes(), kind=st.sampled_from(["dat", "cat", "info"]))
def test_damaged_matrices(tmp_path, change, kind):
    rng = np.random.default_rng(0)
    arrays = {"dat": rng.integers(0, 256, (2, 2, 96, 96), np.uint8),
              "cat": np.array([0, 4], np.int32), "info": np.zeros((2, 4), np.int32)}
    paths = {name: tmp_path / f"{norb_convert.PREFIXES['train']}-{name}.mat" for name in arrays}
    for name, array in arrays.items():
        write_matrix(paths[name], array)
    paths[kind].write_bytes(change(paths[kind].read_bytes()))
    check(lambda: norb_convert.generate(str(tmp_path), "train"), total(tmp_path))
    (tmp_path / "trainduo.tfrecords").unlink(missing_ok=True)
    assert sorted(tmp_path.iterdir()) == sorted(paths.values())


def tar(*members):
    """A .tar of TarInfos and their contents."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def member(name, content=b"", **attributes):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info, content


WANTED = member("batches/test_batch.bin", b"12345")
SOURCE = download.Published("batches.tar.gz", "", {"batches/test_batch.bin": 5})


def unpack(folder, data):
    (folder / "data").mkdir()
    (folder / "data" / "batches.tar.gz").write_bytes(data)
    try:
        download.unpack(SOURCE, str(folder / "data"))
    finally:
        assert os.listdir(folder) == ["data"]
        assert set(os.listdir(folder / "data")) <= {"batches.tar.gz", "batches"}


@damages
@given(change=changes(), inside=st.booleans())
def test_damaged_archives(tmp_path_factory, change, inside):
    data = tar(WANTED, member("batches/readme.html", b"words" * 100))
    data = gzip.compress(change(data)) if inside else change(gzip.compress(data, mtime=0))
    check(lambda: unpack(tmp_path_factory.mktemp("archive"), data), len(data))


@pytest.mark.parametrize("bad", [
    member("../outside", b"evil"),
    member("batches/../../outside", b"evil"),
    member("/tmp/outside", b"evil", mode=0o777),
    member("batches/link", type=tarfile.SYMTYPE, linkname="/etc"),
    member("batches/link", type=tarfile.SYMTYPE, linkname="../../.."),
    member("batches/link", type=tarfile.LNKTYPE, linkname="/etc/passwd"),
    member("batches/link", type=tarfile.LNKTYPE, linkname="../../outside"),
    member("batches/pipe", type=tarfile.FIFOTYPE),
    member("batches/disk", type=tarfile.BLKTYPE),
], ids=lambda found: f"{found[0].name} {found[0].linkname}")
def test_archives_stay_in_their_folder(tmp_path, bad):
    if bad[0].name.startswith("/"):
        unpack(tmp_path, gzip.compress(tar(WANTED, bad)))      # as tar does: below the folder
        assert not os.path.exists("/tmp/outside")
        return
    with pytest.raises(DataError, match=r"batches\.tar\.gz: cannot be unpacked"):
        unpack(tmp_path, gzip.compress(tar(WANTED, bad)))
    assert os.listdir(tmp_path / "data") == ["batches.tar.gz"]


def test_a_link_that_a_later_member_would_follow_is_refused(tmp_path):
    (tmp_path / "data").mkdir()
    link = member("batches", type=tarfile.SYMTYPE, linkname=str(tmp_path))
    (tmp_path / "data" / "batches.tar.gz").write_bytes(gzip.compress(tar(link, WANTED)))
    with pytest.raises(DataError, match="cannot be unpacked"):
        download.unpack(SOURCE, str(tmp_path / "data"))
    assert os.listdir(tmp_path) == ["data"]
