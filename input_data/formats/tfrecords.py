"""TFRecord files of tf.train.Examples: found by name, read by number, checked, written.

A record is its length (8 bytes), a checksum of the length (4), the data, and a checksum of
the data (4); checksums are masked CRC-32C.
"""

import contextlib
import glob
import os
import re
import struct

import google_crc32c
import numpy as np
from tqdm import tqdm

from commands.whole_files import whole_file
from input_data.dataset import DataError, check_split_of_file, names_in, readable

HEADER = struct.Struct("<QI")
FOOTER = struct.Struct("<I")
CHUNK = 1000    # records that generators make at a time
MOST_SHARDS = 99999     # their numbers have five digits
PROBES = 64     # records that are looked at to see whether all are of one length


def shard_names(name):
    """Returns the files that NAME or NAME@N stands for: one, or N shards. Raises DataError."""
    base, _, count = name.rpartition("@")
    if "@" not in os.path.basename(name):
        names = [name]
    elif not re.fullmatch("0{0,4}[1-9][0-9]{0,4}", count):
        raise DataError(f"{name}: expected NAME@N with a number of shards N, 1 to 99999.")
    else:
        names = [f"{base}-{shard:05d}-of-{int(count):05d}" for shard in range(int(count))]
    for path in names:
        if not os.path.isfile(path):
            there = ", ".join(sorted(map(os.path.basename, glob.glob(glob.escape(base) + "*"))))
            raise DataError(f"{name}: file {path} is missing; there: {there or 'none like it'}.")
    return names


def find(folder, names):
    """Returns a folder's record files of one of these names, as FOLDER/NAME[@N], or None.

    Raises:
      DataError: if there are several.
    """
    found = [path for path, name in sets(folder).items() if name in names]
    if len(found) > 1:
        raise DataError(f"{folder}: expected one set of records for this split, found several: "
                        f"{', '.join(found)}; name one of them with --data_dir.")
    return found[0] if found else None


def in_data_dir(data_dir, split, names):
    """Returns the records that --data_dir names, or those in its folder as `find`, or None."""
    if os.path.isdir(data_dir):
        return find(data_dir, names)
    check_split_of_file(data_dir, split)
    return data_dir


def sets(folder):
    """Returns a dict from FOLDER/NAME[@N] to NAME of a folder's record files."""
    found = {}
    for entry in names_in(folder):
        name, shards = re.fullmatch(r"(.*?)(?:-\d{5}-of-(\d{5}))?", entry, re.DOTALL).groups()
        if name.endswith(".tfrecords"):
            found[os.path.join(folder, f"{name}@{int(shards)}" if shards else name)] = name
    return found


class RecordFiles:
    """The records of several TFRecord files, by number, in the order of the files.

    Opening reads the records' positions: a few of them where the records of a file are of one
    length, which is then arithmetic, else all. Reading checks length and checksum.

    Args:
      paths: names of the files.

    Raises:
      DataError: if a file cannot be read, is empty, or ends inside a record.
    """

    def __init__(self, paths):
        self._paths = paths
        self._sizes, self._offsets = zip(*map(_index, paths))
        self._ends = np.cumsum(list(map(len, self._offsets)))

    def __len__(self):
        return int(self._ends[-1])

    def __getitem__(self, number):
        """Returns the bytes of a record. Raises DataError if they are damaged."""
        file, position, offset = self._locate(number)
        path = self._paths[file]
        with readable(path), open(path, "rb", buffering=0) as stream:
            stream.seek(offset)
            size = _record_size(stream.read(HEADER.size), path, offset, self._sizes[file])
            data = stream.read(size - HEADER.size)
        data, footer = data[:-FOOTER.size], data[-FOOTER.size:]
        if footer != FOOTER.pack(masked_crc(data)):
            raise DataError(f"{path}: damaged record {position} at byte {offset}: its checksum "
                            "does not fit its data; make or fetch the file again.")
        return data

    def where(self, number):
        """Returns the file and position of a record, in words."""
        file, position, offset = self._locate(number)
        return f"{self._paths[file]}, record {position} (byte {offset})"

    def _locate(self, number):
        """Returns the number of a record's file, and its number and first byte in that."""
        file = int(np.searchsorted(self._ends, number, side="right"))
        position = int(number) - (int(self._ends[file - 1]) if file else 0)
        return file, position, int(self._offsets[file][position])


def _index(path):
    """Returns a file's size, and the sequence of its records' first bytes."""
    with readable(path), open(path, "rb") as file:
        size = os.path.getsize(path)
        if not size:
            raise DataError(f"{path}: expected records, found an empty file.")
        header = file.read(HEADER.size)
        stride = _record_size(header, path, 0, size)
        evenly = range(0, size, stride)
        probes = np.unique(np.linspace(0, size // stride - 1, PROBES).astype(int))
        if size % stride == 0 and all(_header_at(file, evenly[probe]) == header
                                      for probe in probes):
            return size, evenly
        offsets, offset = [], 0
        while offset < size:
            offsets.append(offset)
            offset += _record_size(_header_at(file, offset), path, offset, size)
        return size, np.array(offsets, np.int64)


def _header_at(file, offset):
    file.seek(offset)
    return file.read(HEADER.size)


def _record_size(header, path, offset, file_size):
    """Returns the size of a whole record, whose header is checked."""
    expected = f"{path}: expected a record at byte {offset}, found "
    again = "; make or fetch the file again."
    if len(header) < HEADER.size:
        raise DataError(f"{expected}only {len(header)} more bytes{again}")
    length, crc = HEADER.unpack(header)
    if crc != masked_crc(header[:8]):
        raise DataError(f"{expected}none: damaged, or not a TFRecord file{again}")
    needed = HEADER.size + length + FOOTER.size
    if offset + needed > file_size:
        raise DataError(f"{expected}{file_size - offset} of its {needed} bytes: the file is cut "
                        f"short{again}")
    return needed


def masked_crc(data):
    """Returns the masked CRC-32C of some bytes."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def write(name, records, count, max_shard=0):
    """Writes records, an iterable of bytes, as `write_blocks` does."""
    rows = (np.frombuffer(record, np.uint8)[np.newaxis] for record in records)
    write_blocks(name, map(framed, rows), count, max_shard)


def write_blocks(name, blocks, count, max_shard=0):
    """Writes records to the file NAME, or to shards NAME-00000-of-0000N; all of them or none.

    Args:
      name: str.
      blocks: iterable of arrays from `framed`.
      count: number of all records.
      max_shard: most records in a file, or 0 for one file.

    Raises:
      DataError: if a file exists or cannot be written, or there would be too many.
    """
    shards = -(-count // max_shard) if max_shard else 1
    if shards > MOST_SHARDS:
        raise DataError(f"{name}: {count} records with --max_shard={max_shard} make {shards} "
                        f"files, expected at most {MOST_SHARDS}; raise --max_shard.")
    paths = [name] if shards == 1 else [f"{name}-{i:05d}-of-{shards:05d}" for i in range(shards)]
    blocks, block = iter(blocks), ()
    bar = tqdm(total=count, unit=" records", mininterval=0.5)
    try:
        with bar, contextlib.ExitStack() as whole_files:
            # All of them first: a file that exists is found before hours of work.
            asides = [whole_files.enter_context(whole_file(path)) for path in paths]
            for shard, aside in enumerate(asides):
                left = count * (shard + 1) // shards - count * shard // shards
                with open(aside, "xb") as file:
                    while left:
                        block = block if len(block) else next(blocks)
                        part, block = block[:left], block[left:]
                        file.write(part)
                        left -= len(part)
                        bar.update(len(part))
    except FileExistsError as error:
        raise DataError(f"{error} Move it away to make it again.") from None
    except OSError as error:
        raise DataError(f"{name}: cannot be written ({error.strerror}).") from None


def chunks(count):
    """Yields the numbers 0..count-1 in ranges of CHUNK; the last may be shorter."""
    for start in range(0, count, CHUNK):
        yield range(start, min(start + CHUNK, count))


def framed(rows):
    """Adds length and checksums to the data of records, uint8 [n, length]: [n, length + 16]."""
    count, length = rows.shape
    size = struct.pack("<Q", length)
    found = np.empty((count, HEADER.size + length + FOOTER.size), np.uint8)
    found[:, :HEADER.size] = np.frombuffer(size + FOOTER.pack(masked_crc(size)), np.uint8)
    found[:, HEADER.size:-FOOTER.size] = rows
    checksums = np.fromiter((masked_crc(row.tobytes()) for row in rows), "<u4", count)
    found[:, -FOOTER.size:] = checksums[:, np.newaxis].view(np.uint8)
    return found
