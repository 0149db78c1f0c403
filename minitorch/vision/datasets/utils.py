"""Downloads: checked by their MD5, continued where they broke off, from the first of several places that answers.

A file arrives as ``name.part`` and gets its name when it is whole and its checksum right, so that no other program ever
finds half of one. This is the only place in the library that opens a connection, and only for ``download=True``.

torchvision: datasets/utils.py
"""

import gzip
import hashlib
import http.client
import os
import shutil
import tarfile
import urllib.error
import urllib.request
import zipfile
from contextlib import nullcontext

__all__ = [
    "calculate_md5", "check_integrity", "check_md5", "download_and_extract_archive", "download_from_mirrors", "download_url",
    "extract_archive",
]  # fmt: skip

CHUNK = 1 << 16
SECONDS = 30
"""How long to wait for a server that says nothing."""
ATTEMPTS = 3
"""How often one that breaks off is asked to go on."""


def calculate_md5(fpath, chunk_size=1 << 20):
    """The MD5 of a file, in hexadecimal.   torchvision: datasets.utils.calculate_md5"""
    md5 = hashlib.md5(usedforsecurity=False)
    with open(fpath, "rb") as file:
        while chunk := file.read(chunk_size):
            md5.update(chunk)
    return md5.hexdigest()


def check_md5(fpath, md5):
    """Whether the file has that MD5.   torchvision: datasets.utils.check_md5"""
    return md5 == calculate_md5(fpath)


def check_integrity(fpath, md5=None):
    """Whether the file is there, and has that MD5.   torchvision: datasets.utils.check_integrity"""
    return os.path.isfile(fpath) and (md5 is None or check_md5(fpath, md5))


class BrokenOff(RuntimeError):
    """The server stopped before the file's end; what came is kept."""


def download_url(url, root, filename=None, md5=None, max_redirect_hops=3):
    """Fetch a file into the folder ``root``, unless it is there with that MD5.   torchvision: datasets.utils.download_url

    Half a file that an earlier call left is continued, where the checksum can tell that it all fits together.
    Raises RuntimeError for a file that is cut short or has another checksum, URLError where nothing answers.
    """
    root = os.path.expanduser(root)
    path = os.path.join(root, filename or os.path.basename(url))
    if check_integrity(path, md5):
        return
    os.makedirs(root, exist_ok=True)
    part = f"{path}.part"
    if md5 is None and os.path.exists(part):
        os.remove(part)

    for attempt in range(ATTEMPTS):
        try:
            fetch(url, part)
            break
        except (BrokenOff, ConnectionError, http.client.HTTPException):
            if attempt == ATTEMPTS - 1:
                raise
    if md5 is not None and not check_md5(part, md5):
        found = calculate_md5(part)
        os.remove(part)
        raise RuntimeError(f"File not found or corrupted.\n{url}: expected a file of MD5 {md5}, received one of {found}")
    os.replace(part, path)


def fetch(url, part):
    """All of the file, or what is missing of it after the bytes of ``part``."""
    begun = os.path.getsize(part) if os.path.exists(part) else 0
    headers = {"User-Agent": "minitorch", **({"Range": f"bytes={begun}-"} if begun else {})}
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and begun:  # nothing comes after these bytes: the checksum tells whether they are all
            return
        raise
    with response:
        if response.status != 206:  # it sends all of it again
            begun = 0
        length = response.headers.get("Content-Length")
        total = None if length is None else begun + int(length)
        receive(response, part, begun, total)
    received = os.path.getsize(part)
    if total is not None and received < total:
        raise BrokenOff(f"{url}: the connection ended after {received} of {total} bytes\nthe next call goes on from there")


def receive(response, part, begun, total):
    """Write what comes to the file, after its first ``begun`` bytes."""
    name = os.path.basename(part).removesuffix(".part")
    with open(part, "r+b" if begun else "wb") as file, progress(total, begun, name) as bar:
        file.seek(begun)
        while chunk := response.read(CHUNK):
            file.write(chunk)
            if bar is not None:
                bar.update(len(chunk))


def progress(total, begun, name):
    """A bar of bytes on a terminal, where tqdm is installed; otherwise None."""
    try:
        from tqdm import tqdm
    except ImportError:
        return nullcontext()
    return tqdm(total=total, initial=begun, desc=name, unit="B", unit_scale=True, disable=None, leave=False)


def download_from_mirrors(urls, root, filename, md5=None):
    """``download_url`` from the first of several places that has it whole. Raises RuntimeError, with what each said."""
    told = []
    for url in urls:
        try:
            return download_url(url, root, filename, md5)
        except (OSError, RuntimeError, http.client.HTTPException) as error:  # URLError is an OSError
            told.append(f"Tried {url.removesuffix(filename)}, got:\n{error}\n")
    raise RuntimeError(
        f"Error downloading {filename}:\n{''.join(told)}"
        f"without a connection, put the file into {root}: any copy of it will do"
    )


def extract_archive(from_path, to_path=None, remove_finished=False):
    """Unpack a .tar, .tar.gz, .tgz or .zip into a folder, a .gz beside itself; returns the folder or the file.

    A member that would land outside of the folder is refused.   torchvision: datasets.utils.extract_archive
    """
    to_path = os.path.dirname(from_path) if to_path is None else to_path
    name = os.fspath(from_path)
    if name.endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")):
        with tarfile.open(from_path) as archive:
            archive.extractall(to_path, filter="data")
    elif name.endswith(".zip"):
        with zipfile.ZipFile(from_path) as archive:
            archive.extractall(to_path)
    elif name.endswith(".gz"):
        to_path = os.path.join(to_path, os.path.basename(name).removesuffix(".gz"))
        with gzip.open(from_path, "rb") as packed, open(f"{to_path}.part", "wb") as file:
            shutil.copyfileobj(packed, file)
        os.replace(f"{to_path}.part", to_path)
    else:
        raise RuntimeError(f"Unknown compression or archive type: '{os.path.splitext(name)[1]}'.")
    if remove_finished:
        os.remove(from_path)
    return to_path


def download_and_extract_archive(url, download_root, extract_root=None, filename=None, md5=None, remove_finished=False):
    """``download_url``, then ``extract_archive``.   torchvision: datasets.utils.download_and_extract_archive"""
    download_root = os.path.expanduser(download_root)
    filename = filename or os.path.basename(url)
    download_from_mirrors([url], download_root, filename, md5)
    extract_archive(os.path.join(download_root, filename), extract_root or download_root, remove_finished)
