"""Machine code kept on disk, so that the next process needn't compile again.

One file for each piece of code, and each program made of them (compiler/program_cache.py), named by the hash of all that it depends
on. A file is a checksum and the bytes:

    sha256 of the name and the rest, 32 bytes  |  the object

What can go wrong is expected to: a file that is cut short, damaged, another's or another user's is ignored, and written anew; two
processes that write the same file both write it whole, under a name of their own, and rename it; a disk that is full or
read-only means no cache. ``MINITORCH_CACHE_DIR`` says where the files lie, ``MINITORCH_CACHE=0`` that there are none.

torch: torch/_inductor/codecache.py
"""

import hashlib
import os
import re
import sys
import time
from collections import Counter
from contextlib import suppress
from functools import lru_cache
from itertools import count
from pathlib import Path

__all__ = ["ASKED", "fetch", "folder", "keep", "key_of", "read", "source"]

LIMIT = 256 << 20
"""Bytes in all: the files that were not used for longest go when there are more."""

SETTLED = 2
"""Seconds after which a file that is changed again is known by its times."""

OURS = re.compile("[0-9a-f]{64}")
TURN = count()

ASKED = Counter()
"""How often a piece was here already (True), and how often it wasn't (False)."""


def folder():
    """Where the files lie, or None if they are not wanted, or there is no place for them: a user may have no home."""
    if os.environ.get("MINITORCH_CACHE", "1") == "0":
        return None
    chosen = os.environ.get("MINITORCH_CACHE_DIR")
    if chosen:
        return Path(chosen) / "objects"
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA", "~/AppData/Local")
    else:
        root = "~/Library/Caches" if sys.platform == "darwin" else os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    root = os.path.expanduser(root)
    return None if root.startswith("~") else Path(root) / "minitorch" / "objects"


def key_of(*parts):
    """The name of what these strings lead to."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


@lru_cache(None)
def source(*names):
    """A hash of some of the library's own files, and folders of them: what they lead to depends on it.

    Who has read them keeps the hash, for as long as the system says that they are the files that they were.
    """
    files = [file for name in names for file in files_of(name)]
    stats = [os.stat(file) for file in files]
    facts = [(file, x.st_ino, x.st_size, x.st_mtime_ns, x.st_ctime_ns) for file, x in zip(files, stats)]
    name = key_of("source", repr(facts))
    kept = read(name)
    if kept:
        return kept.decode()
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(Path(file).read_bytes()).digest())
    if time.time() - max([x.st_ctime for x in stats]) > SETTLED:
        keep(name, digest.hexdigest().encode())
    return digest.hexdigest()


def files_of(name):
    """The path of a file of the library, or those of a folder's, in order."""
    path = os.path.join(os.path.dirname(os.path.dirname(__file__)), name)
    return [path] if name.endswith(".py") else sorted([f"{path}/{file}" for file in os.listdir(path) if file.endswith(".py")])


def fetch(key):
    """What was kept under ``key``; None if nothing was, or if it isn't sound."""
    found = read(key)
    ASKED[found is not None] += 1
    return found


def read(key):
    """As ``fetch``, but not counted."""
    place = folder()
    if place is None or not OURS.fullmatch(key):
        return None
    try:
        with open(place / key, "rb") as file:
            if hasattr(os, "getuid") and os.fstat(file.fileno()).st_uid != os.getuid():
                return None  # it will be run: nobody else may have written it
            checksum, data = file.read(32), file.read()
        if checksum_of(key, data) != checksum:
            return None
        os.utime(place / key)  # used just now
    except OSError:
        return None
    return data


def checksum_of(key, data):
    """What tells that a file is whole, and that of this name."""
    return hashlib.sha256(key.encode() + data).digest()


def keep(key, data):
    """Keep ``data`` under ``key``, for as long as there is room."""
    place = folder()
    if place is None:
        return
    turn = next(TURN)
    mine = place / f"{key}.{os.getpid()}.{turn}"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        mine.write_bytes(checksum_of(key, data) + data)
        os.replace(mine, place / key)
        if turn % 64 == 0:
            make_room(place)
    except OSError:  # a full or read-only disk: the code is in memory, and that is enough
        with suppress(OSError):
            mine.unlink(missing_ok=True)  # a part of it may be there


def make_room(place):
    """Remove the files that were not used for longest, until the rest is three quarters of the limit."""
    files = []
    for entry in os.scandir(place):
        if OURS.match(entry.name):
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # another process was quicker
            files.append((status.st_mtime, status.st_size, entry.path))

    total = sum(size for _, size, _ in files)
    if total <= LIMIT:
        return
    for _, size, path in sorted(files):
        if total <= LIMIT * 3 // 4:
            return
        try:
            os.remove(path)
        except OSError:
            pass
        total -= size
