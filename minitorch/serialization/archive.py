"""Reading a zip file that may lie: each entry's place is checked before a byte of it is believed.

What is read lies in the file, as it is: no entry is compressed, none reaches into another, no two have one name. So no
file can make more of itself in memory than it has on the disk.

torch: caffe2/serialize/inline_container.cc
"""

import itertools
import struct
import zipfile
import zlib

from .options import OPTIONS

__all__ = ["Archive"]

ADVICE = (
    "This is an internal miniz error. If you are seeing this error, there is a high likelihood that your checkpoint file is "
    "corrupted. This can happen if the checkpoint was not saved properly, was transferred incorrectly, or the file was modified "
    "after saving."
)
ENCRYPTED = 1
"""The bit in an entry's flags."""
HEADER_BYTES = 30
"""What stands before an entry's name: its last four bytes are the lengths of the name and of what follows that."""
PIECE = 1 << 20
"""The bytes read at once."""


class Archive:
    """The entries of the zip file ``file``, by their names without the first folder's, which they all have in common.

    Raises RuntimeError, in PyTorch's words, for what is damaged.
    """

    def __init__(self, file):
        self.file = file
        try:
            directory = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, OSError, OverflowError, ValueError, struct.error) as error:
            raise RuntimeError(
                f"PytorchStreamReader failed reading zip archive: failed finding central directory. {ADVICE}\n{error}"
            ) from None

        entries = directory.infolist()
        self.prefix = entries[0].filename.split("/")[0] if entries else ""
        self.entries = {entry.filename: entry for entry in entries}
        if len(self.entries) < len(entries):
            raise RuntimeError(f"PytorchStreamReader failed reading zip archive: two entries have one name. {ADVICE}")
        starts = sorted(entry.header_offset for entry in entries)
        self.next_start = dict(itertools.pairwise([*starts, directory.start_dir]))

    def __contains__(self, name):
        return f"{self.prefix}/{name}" in self.entries

    def names(self):
        """All names, in the file's order."""
        return [name.removeprefix(f"{self.prefix}/") for name in self.entries]

    def size(self, name):
        """The bytes of an entry, as the directory has it."""
        return self.entry(name).file_size

    def entry(self, name):
        if name not in self:
            raise RuntimeError(f"PytorchStreamReader failed locating file {name}: file not found. {ADVICE}")
        return self.entries[f"{self.prefix}/{name}"]

    def place(self, name):
        """Where an entry's content begins in the file, and how long it is."""
        entry = self.entry(name)
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & ENCRYPTED:
            raise damaged(name, "it is compressed or encrypted, which PyTorch's files never are")
        self.file.seek(max(entry.header_offset, 0))
        header = self.file.read(HEADER_BYTES)
        if entry.header_offset < 0 or len(header) < HEADER_BYTES or not header.startswith(b"PK\x03\x04"):
            raise damaged(name, "there is no header in its place")
        name_bytes, extra_bytes = struct.unpack("<HH", header[-4:])
        if self.file.read(name_bytes) != entry.orig_filename.encode("utf-8" if entry.flag_bits & 0x800 else "cp437"):
            raise damaged(name, "another entry is in its place")

        start = entry.header_offset + HEADER_BYTES + name_bytes + extra_bytes
        if entry.file_size != entry.compress_size or start + entry.file_size > self.next_start[entry.header_offset]:
            raise damaged(name, "it reaches beyond its place")
        return start, entry.file_size

    def read(self, name):
        """The content of an entry."""
        content = bytearray(self.place(name)[1])
        self.read_into(name, content)
        return bytes(content)

    def read_into(self, name, memory):
        """Read an entry's content into ``memory``, which must have its length, and check its sum."""
        start, count = self.place(name)
        room = memoryview(memory)
        if len(room) != count:
            raise damaged(name, f"it has {count} bytes instead of {len(room)}")

        self.file.seek(start)
        done = found = 0
        while done < count:
            piece = self.file.read(min(PIECE, count - done))
            if not piece:
                raise damaged(name, "the file ends before it")
            room[done : done + len(piece)] = piece
            found = zlib.crc32(piece, found)
            done += len(piece)
        if OPTIONS["crc32"] and self.entry(name).CRC not in (found, 0):  # 0: PyTorch can save without
            error = damaged(name, "its bytes aren't those that were saved")
            raise RuntimeError(f"{error}\ntorch.serialization.set_crc32_options(False) lets it be read as it is")


def damaged(name, why):
    return RuntimeError(f"PytorchStreamReader failed reading file {name}: {why}. {ADVICE}")
