"""Files as memory: ``load(path, mmap=True)``."""

import mmap
import os
import subprocess
import sys

import pytest
import torch
from oracle import agree, assert_same, plain

import minitorch

MEGABYTE = 1 << 20
MEASURE = """
import resource, sys, minitorch
minitorch.load(sys.argv[2])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
x = minitorch.load(sys.argv[1], mmap=True)["big"]
x[12345] = 5
print(x.numel(), x[12345].item(), x[-1].item(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def values(t):
    x = t.arange(10.0)
    return {"x": x, "part": x[2:5], "half": x.bfloat16(), "empty": t.zeros(0, 2), "complex": x * 1j, "parameter": t.nn.Parameter(x * 2), "n": 3}


@pytest.mark.parametrize("writer", [torch, minitorch])
def test_mapped_values_are_the_same_and_the_file_stays(writer, tmp_path):
    path = tmp_path / "file.pt"
    writer.save(values(writer), path)
    before = path.read_bytes()
    got = minitorch.load(path, mmap=True)
    assert_same(plain(values(torch)), plain(got))
    got["x"].add_(1)
    got["x"][3] = 100
    assert got["part"][1] == 100 and path.read_bytes() == before
    assert minitorch.load(str(path), mmap=True)["x"][3] == 3 and not got["x"].is_shared()
    minitorch.save({"x": got["x"]}, path)  # over the file that is mapped
    assert minitorch.load(path)["x"][3] == got["part"][1] == 100
    assert os.path.getsize(path) < len(before)


def test_a_mapped_file_is_not_read_into_memory(tmp_path):
    file, small = tmp_path / "file.pt", tmp_path / "small.pt"
    minitorch.save({"big": minitorch.zeros(200 * MEGABYTE // 4)}, file)
    minitorch.save(1, small)
    done = subprocess.run([sys.executable, "-c", MEASURE, file, small], capture_output=True, text=True, check=True)
    count, written, last, kilobytes = done.stdout.split()
    assert (int(count), float(written), float(last)) == (200 * MEGABYTE // 4, 5, 0)
    assert int(kilobytes) // (1024 if sys.platform == "darwin" else 1) < 20_000


def test_mapped_for_all_to_see(tmp_path):
    def program(t):
        path = tmp_path / f"{t.__name__}.pt"
        t.save({"x": t.zeros(3)}, path)
        s = t.serialization
        with s.set_default_mmap_options(mmap.MAP_SHARED):
            inside = s.get_default_mmap_options()
            x = t.load(path, mmap=True)["x"]
        x.fill_(2)
        try:
            s.set_crc32_options(False)  # the file's sums are those of the zeros
            return inside, s.get_default_mmap_options(), t.load(path)["x"]
        finally:
            s.set_crc32_options(True)

    agree(program)


def test_options():
    def program(t):
        s = t.serialization
        s.set_default_load_endianness(s.LoadEndianness.BIG)
        found = s.get_default_load_endianness().name
        s.set_default_load_endianness(None)
        return found, s.get_default_load_endianness(), s.get_crc32_options()

    agree(program)
    agree(lambda t: t.serialization.set_default_mmap_options(77))
    agree(lambda t: t.serialization.set_default_load_endianness(1))
