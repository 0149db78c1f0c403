"""The C library's heap is told what is wanted of it, in a process of its own."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import numpy
from minitorch.backends.keeping import keep_freed_memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

before = resident()
keep_freed_memory()
taken = resident() - before
heap = open("/proc/self/smaps").read().split("[heap]")[1:]
large = [part.split("VmFlags:")[1].split("\\n")[0].split() for part in heap]
first = numpy.ones(1 << 20)
address = first.__array_interface__["data"][0]
del first
again = numpy.ones(1 << 20).__array_interface__["data"][0]
print(taken < 4 << 20, any("hg" in flags for flags in large), address == again)
"""


SMAPS = Path("/proc/self/smaps")
LARGE = SMAPS.exists() and Path("/sys/kernel/mm/transparent_hugepage").exists() and platform.libc_ver()[0] == "glibc"


@pytest.mark.skipif(not LARGE, reason="GNU's malloc on Linux, and a system that has large pages")
def test_the_heap_keeps_what_is_freed_and_grows_in_large_pages():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["True", "True", "True"]
