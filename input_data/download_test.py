import contextlib
import gzip
import hashlib
import http.server
import io
import os
import re
import signal
import subprocess
import sys
import tarfile
import threading
import time

import numpy as np
import pytest

from input_data import download
from input_data.download import Published, Source

# requests leaves the sockets of broken connections to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

CONTENT = np.random.default_rng(0).bytes(1_000_000)


def md5(data):
    return hashlib.md5(data).hexdigest()


FILE = Published("digits.gz", md5(CONTENT))


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves what the server has, and breaks off where the server says."""

    def do_GET(self):
        server, name = self.server, self.path.rpartition("/")[2]
        server.asked += 1
        if name not in server.content:
            self.send_error(404)
            return
        data = server.content[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:server.break_at.pop(0) if server.break_at else len(data)])

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def serving(content, break_at=()):
    """A server on loopback; break_at: the bytes at which the answers in turn are broken off."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.content, server.asked, server.break_at = content, 0, list(break_at)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.url = f"http://127.0.0.1:{server.server_port}/files/"
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The command line, for a dataset of one file and some mirrors; returns its status."""
    monkeypatch.setenv("no_proxy", "*")

    def run(*mirrors, file=FILE, mirror=None):
        monkeypatch.setitem(download.SOURCES, "mnist", Source(mirrors, (file,)))
        arguments = [f"--mirror={mirror}"] if mirror else []
        return download.main(["download.py", "--dataset=mnist", f"--data_dir={tmp_path / 'data'}",
                              *arguments])
    run.folder = tmp_path / "data"
    return run


def there(run):
    return {path.name: path.read_bytes() for path in run.folder.iterdir()}


def last_line(capsys):
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_a_whole_file_arrives_and_is_left_alone_the_next_time(run, capsys):
    with serving({"digits.gz": CONTENT}) as server:
        assert run(server.url) == 0
        assert there(run) == {"digits.gz": CONTENT}
        assert run(server.url) == 0
        assert server.asked == 1
    assert "digits.gz: already there, checksum right." in capsys.readouterr().out


def test_a_broken_download_leaves_nothing_and_the_next_one_starts_again(run, capsys):
    with serving({"digits.gz": CONTENT}, break_at=[400_000]) as server:
        assert run(server.url) == 2
        assert re.search("digits.gz: .*400000 bytes read, 600000 more", last_line(capsys))
        assert there(run) == {}
        assert run(server.url) == 0
    assert there(run) == {"digits.gz": CONTENT}


def test_another_mirror_takes_over_from_a_broken_download(run):
    with (serving({"digits.gz": CONTENT}, break_at=[400_000]) as first,
          serving({"digits.gz": CONTENT}) as second):
        assert run(first.url, second.url) == 0
    assert there(run) == {"digits.gz": CONTENT}


def test_a_damaged_file_is_discarded(run, capsys):
    damaged = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    with serving({"digits.gz": damaged}) as bad, serving({"digits.gz": CONTENT}) as good:
        assert run(bad.url) == 2
        line = last_line(capsys)
        assert all(word in line for word in ("digits.gz", FILE.md5, md5(damaged)))
        assert there(run) == {}
        assert run(bad.url, good.url) == 0
    assert there(run) == {"digits.gz": CONTENT}


def test_a_file_that_a_server_calls_encoded_is_not_unpacked(run, monkeypatch):
    zipped = gzip.compress(CONTENT)
    monkeypatch.setattr(Handler, "end_headers", lambda self: (
        "gzip" in self.headers["Accept-Encoding"] and self.send_header("Content-Encoding", "gzip"),
        http.server.BaseHTTPRequestHandler.end_headers(self)))
    with serving({"digits.gz": zipped}) as server:
        assert run(server.url, file=Published("digits.gz", md5(zipped))) == 0
    assert there(run) == {"digits.gz": zipped}


def test_mirrors_are_tried_in_order_the_flags_first(run, capsys):
    with (serving({}) as missing, serving({"digits.gz": b"another page"}) as other,
          serving({"digits.gz": CONTENT}) as good):
        assert run(missing.url, other.url) == 2
        line = last_line(capsys)
        assert re.search(f"404 .*Not Found.*; {other.url}digits.gz: expected md5", line)
        assert run(missing.url, mirror=good.url.rstrip("/")) == 0
        assert missing.asked == 1
        (run.folder / "digits.gz").unlink()
        assert run(missing.url, good.url) == 0
    assert there(run) == {"digits.gz": CONTENT}


def test_a_server_that_is_not_there_is_named_at_once(run, capsys):
    with serving({}) as server:
        url = server.url
    start = time.monotonic()
    assert run(url) == 2
    assert time.monotonic() - start < 10
    assert url in (line := last_line(capsys)) and "cannot connect" in line


def test_another_file_of_that_name_is_not_overwritten(run, capsys):
    run.folder.mkdir()
    (run.folder / "digits.gz").write_bytes(b"the user's")
    with serving({"digits.gz": CONTENT}) as server:
        assert run(server.url) == 2
        assert server.asked == 0
    line = last_line(capsys)
    assert FILE.md5 in line and md5(b"the user's") in line
    assert there(run) == {"digits.gz": b"the user's"}


@pytest.mark.parametrize("number, word", [(signal.SIGINT, "interrupted"),
                                          (signal.SIGTERM, "terminated")])
def test_a_signal_leaves_nothing_half_written(run, monkeypatch, capsys, number, word):
    class Interrupting(download.tqdm):
        def update(self, n=1):
            assert n == download.CHUNK and list(run.folder.iterdir())
            os.kill(os.getpid(), number)

    monkeypatch.setattr(download, "tqdm", Interrupting)
    with serving({"digits.gz": CONTENT}) as server:
        assert run(server.url) == 128 + number
    assert last_line(capsys) == f"download.py: {word}."
    assert there(run) == {}


def archive(**members):
    """A .tar.gz of names, with __ for a slash, and contents, and its description."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return data.getvalue()


def published(data):
    return Published("batches.tar.gz", md5(data), {"batches/test_batch.bin": 5})


def test_an_archive_is_unpacked_once(run, capsys):
    data = archive(batches__test_batch=b"other", **{"batches__test_batch.bin": b"12345"})
    with serving({"batches.tar.gz": data}) as server:
        assert run(server.url, file=published(data)) == 0
        assert (run.folder / "batches" / "test_batch.bin").read_bytes() == b"12345"
        assert sorted(os.listdir(run.folder)) == ["batches", "batches.tar.gz"]
        (run.folder / "batches.tar.gz").unlink()
        assert run(server.url, file=published(data)) == 0
        assert server.asked == 1 and "batches: already there" in capsys.readouterr().out
        (run.folder / "batches" / "test_batch.bin").write_bytes(b"1234")
        assert run(server.url, file=published(data)) == 2
        assert "test_batch.bin of 5 bytes, found 4;" in last_line(capsys)


@pytest.mark.parametrize("data, message", [
    (archive(**{"batches__test_batch.bin": b"12345", "..__evil": b"evil"}), "unpacked.*evil"),
    (archive(other=b"12345"), "test_batch.bin of 5 bytes, found no such file"),
    (b"no archive", "cannot be unpacked"),
    (gzip.compress(b"no archive"), "cannot be unpacked"),
    (archive(**{"batches__test_batch.bin": b"12345"})[:60], "cannot be unpacked"),
], ids=["evil", "other", "none", "compressed", "cut"])
def test_a_bad_archive_unpacks_nothing(run, capsys, data, message):
    with serving({"batches.tar.gz": data}) as server:
        assert run(server.url, file=published(data)) == 2
    assert re.search(message, last_line(capsys))
    assert os.listdir(run.folder) == ["batches.tar.gz"]
    assert os.listdir(run.folder.parent) == ["data"]


@pytest.mark.parametrize("arguments, message", [
    ([], "--dataset"),
    (["--dataset=mnist"], "--data_dir"),
    (["--dataset=mnist", "--data_dir=gs://bucket/x"], "--data_dir: expected a path on this"),
    (["--dataset=norb", "--data_dir=x"], "norb"),
    (["--dataset=mnist", "--data_dir=x", "--mirror=ftp://x"], "--mirror"),
])
def test_bad_flags_are_one_line_and_status_2(capsys, arguments, message):
    assert download.main(["download.py", *arguments]) == 2
    line = capsys.readouterr().err.strip()
    assert message in line and len(line.splitlines()) == 1


def test_a_folder_that_cannot_be_made_is_named(run, capsys):
    run.folder.write_text("a file")
    assert run("http://127.0.0.1:9/") == 2
    assert str(run.folder) in last_line(capsys)


def test_runs_as_a_module_without_tensorflow():
    root = os.path.join(os.path.dirname(download.__file__), "..")
    check = ("import sys; from input_data import download; "
             "status = download.main(['download.py', '--dataset=mnist']); "
             "sys.exit(9 if 'tensorflow' in sys.modules else status)")
    for command in (["-m", "input_data.download"], ["-c", check]):
        done = subprocess.run([sys.executable, *command], cwd=root, capture_output=True,
                              text=True, check=False)
        assert done.returncode == 2 and "--data_dir" in done.stderr, done.stderr
