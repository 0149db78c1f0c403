"""A file that is there whole or not at all, whenever the machine stops."""

import errno
import os
from contextlib import contextmanager

__all__ = ["replaced_when_complete"]


@contextmanager
def replaced_when_complete(path):
    """A file to write, that takes the place of the one at ``path`` if the block ends well.

        FILE.5f3a9c01.unfinished     is written beside it and brought to the disk (fsync),
        FILE                         becomes the new one (rename), and that is brought to the disk, too

    A process that is killed leaves the old file or the new one, and maybe the unfinished one, which may be deleted. The old
    file's permissions are kept; where ``path`` is a link, the file it leads to is replaced.
    """
    given, path = path, os.path.realpath(os.fsdecode(path))
    if not os.path.isdir(os.path.dirname(path)):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(given))
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        with open(path, "wb") as file:  # a device or a pipe
            yield file
        return

    unfinished = f"{path}.{os.urandom(4).hex()}.unfinished"
    try:
        with open(unfinished, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(path):
            os.chmod(unfinished, os.stat(path).st_mode & 0o7777)
        os.replace(unfinished, path)
    finally:
        if os.path.exists(unfinished):
            os.unlink(unfinished)
    if os.name == "posix":  # the folder's entry, too
        handle = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
