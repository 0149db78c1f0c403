"""Downloads from a server of our own, that breaks off, lies, fails or isn't there."""

import gzip
import hashlib
import io
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from vision.test_datasets import IMAGES, LABELS, idx_bytes, write_cifar

from minitorch.vision import datasets
from minitorch.vision.datasets import utils

DATA = bytes(range(256)) * 2000
MD5 = hashlib.md5(DATA).hexdigest()


class Server(HTTPServer):
    """Serves ``files``; ``breaks`` says after how many bytes each of the next answers ends, if it does."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.breaks, self.asked, self.ranges = {}, [], [], True
        self.url = f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        wanted = self.headers.get("Range")
        self.server.asked.append((self.path[1:], wanted))
        data = self.server.files.get(self.path[1:])
        if data is None:
            return self.send_error(404)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.ranges else 0
        if start >= len(data):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        end = self.server.breaks.pop(0) if self.server.breaks else None
        self.wfile.write(data[start:] if end is None else data[start : start + end])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_comes_once(server, tmp_path, capsys):
    server.files["a.bin"] = DATA
    for _ in range(2):
        utils.download_url(server.url + "a.bin", tmp_path / "new", md5=MD5)
    assert (tmp_path / "new/a.bin").read_bytes() == DATA
    assert server.asked == [("a.bin", None)]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.bin"]
    assert capsys.readouterr() == ("", "")  # no bar where there is no terminal


def test_what_broke_off_is_continued_in_the_same_call(server, tmp_path):
    server.files["a.bin"], server.breaks = DATA, [1000, 70_000]
    utils.download_url(server.url + "a.bin", tmp_path, md5=MD5)
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert server.asked == [("a.bin", None), ("a.bin", "bytes=1000-"), ("a.bin", "bytes=71000-")]


def test_what_broke_off_is_continued_by_a_later_call(server, tmp_path):
    server.files["a.bin"], server.breaks = DATA, [1000, 0, 0]
    with pytest.raises(RuntimeError, match="the connection ended after 1000 of 512000 bytes\nthe next call goes on"):
        utils.download_url(server.url + "a.bin", tmp_path, md5=MD5)
    assert not (tmp_path / "a.bin").exists() and (tmp_path / "a.bin.part").stat().st_size == 1000
    utils.download_url(server.url + "a.bin", tmp_path, md5=MD5)
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert server.asked[-1] == ("a.bin", "bytes=1000-")


def test_a_server_without_ranges_sends_all_again(server, tmp_path):
    server.files["a.bin"], server.ranges = DATA, False
    (tmp_path / "a.bin.part").write_bytes(b"x" * 600_000)  # more than the file has
    utils.download_url(server.url + "a.bin", tmp_path, md5=MD5)
    assert (tmp_path / "a.bin").read_bytes() == DATA


def test_a_whole_part_needs_no_more_bytes(server, tmp_path):
    server.files["a.bin"] = DATA
    (tmp_path / "a.bin.part").write_bytes(DATA)
    utils.download_url(server.url + "a.bin", tmp_path, md5=MD5)
    assert (tmp_path / "a.bin").read_bytes() == DATA


def test_without_a_checksum_nothing_is_continued(server, tmp_path):
    server.files["a.bin"] = DATA
    (tmp_path / "a.bin.part").write_bytes(b"of another file")
    utils.download_url(server.url + "a.bin", tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert server.asked == [("a.bin", None)]


def test_a_wrong_checksum_leaves_nothing(server, tmp_path):
    server.files["a.bin"] = DATA[:-1]
    with pytest.raises(RuntimeError, match=f"File not found or corrupted.\n.*expected a file of MD5 {MD5}, received one of"):
        utils.download_url(server.url + "a.bin", tmp_path, md5=MD5)
    assert list(tmp_path.iterdir()) == []


def test_the_first_mirror_that_has_it_whole_is_taken(server, tmp_path):
    server.files |= {"bad/a.bin": DATA[:-1], "good/a.bin": DATA}
    urls = ["http://127.0.0.1:9/a.bin", *[f"{server.url}{name}/a.bin" for name in ("none", "bad", "good", "late")]]
    utils.download_from_mirrors(urls, tmp_path, "a.bin", MD5)
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert [path for path, _ in server.asked] == ["none/a.bin", "bad/a.bin", "good/a.bin"]


def test_a_part_from_one_mirror_is_continued_at_the_next(server, tmp_path):
    server.files, server.breaks = {"one/a.bin": DATA, "two/a.bin": DATA}, [300_000, 0, 0]
    utils.download_from_mirrors([f"{server.url}{name}/a.bin" for name in ("one", "two")], tmp_path, "a.bin", MD5)
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert server.asked[-1] == ("two/a.bin", "bytes=300000-")


class LocalMNIST(datasets.MNIST):
    resources = []

    @property
    def raw_folder(self):
        return str(self.root / "MNIST/raw")


def mnist_of(server, **more):
    """MNIST whose mirrors are the server, and nobody."""
    for part, count in (("train", 5), ("t10k", 2)):
        for kind, array in (("images-idx3", IMAGES), ("labels-idx1", LABELS)):
            server.files[f"m/{part}-{kind}-ubyte.gz"] = gzip.compress(idx_bytes(array[:count]), mtime=0)
    md5 = [(name.removeprefix("m/"), hashlib.md5(data).hexdigest()) for name, data in server.files.items()]
    mirrors = ["http://127.0.0.1:9/", f"{server.url}m/"]
    return type("LocalMNIST", (LocalMNIST,), {"resources": md5, "mirrors": mirrors, **more})


def test_mnist_downloads_unpacks_and_reads(server, tmp_path):
    kind = mnist_of(server)
    assert len(kind(tmp_path, download=True)) == 5
    assert len(server.asked) == 4
    assert sorted(path.name for path in (tmp_path / "MNIST/raw").glob("*ubyte")) == sorted(
        name.removesuffix(".gz") for name, _ in kind.resources
    )
    assert len(kind(tmp_path, train=False, download=True)) == 2
    assert len(server.asked) == 4


def test_offline_says_what_each_mirror_said_and_what_to_do(server, tmp_path):
    kind = mnist_of(server, mirrors=["http://127.0.0.1:9/", f"{server.url}empty/"])
    with pytest.raises(RuntimeError) as caught:
        kind(tmp_path, download=True)
    lines = str(caught.value).splitlines()
    assert lines[0] == "Error downloading train-images-idx3-ubyte.gz:"
    assert lines[1] == "Tried http://127.0.0.1:9/, got:" and "refused" in lines[2]
    assert lines[3] == f"Tried {server.url}empty/, got:" and lines[4] == "HTTP Error 404: Not Found"
    assert lines[5].startswith("without a connection, put the file into")


def test_cifar_downloads_and_unpacks(server, tmp_path):
    kind = write_cifar(tmp_path)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(tmp_path / "small", "small")
    server.files["c.tar.gz"] = packed.getvalue()
    kind.url, kind.filename, kind.tgz_md5 = f"{server.url}c.tar.gz", "c.tar.gz", hashlib.md5(packed.getvalue()).hexdigest()
    assert len(kind(tmp_path / "elsewhere", download=True)) == 4
    assert len(kind(tmp_path / "elsewhere", train=False, download=True)) == 2
    assert len(server.asked) == 1


def test_archives(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/b.txt", "hello")
    utils.extract_archive(tmp_path / "a.zip", tmp_path / "out", remove_finished=True)
    assert (tmp_path / "out/in/b.txt").read_text() == "hello" and not (tmp_path / "a.zip").exists()
    with pytest.raises(RuntimeError, match="Unknown compression or archive type: '.rar'."):
        utils.extract_archive(tmp_path / "a.rar")


def test_an_archive_cannot_write_elsewhere(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        entry = tarfile.TarInfo("../outside.txt")
        archive.addfile(entry, io.BytesIO())
    with pytest.raises(tarfile.OutsideDestinationError):
        utils.extract_archive(tmp_path / "a.tar", tmp_path / "out")
    assert not (tmp_path / "outside.txt").exists()
