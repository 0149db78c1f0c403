"""Objects put into memory without LLVM do what LLVM's linker makes of them; whatever isn't known is left to that."""

import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from minitorch.native import elf
from minitorch.native.elf import placed
from minitorch.native.link import Linked, host, load, object_of
from minitorch.native.target import Target

ROOT = Path(__file__).resolve().parents[2]
NUMBER = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)

here = pytest.mark.skipif(not elf.AVAILABLE, reason="only Linux on x86-64 links without LLVM")

COUNTER = """
@count = internal global i64 40
@zeros = internal global [1000 x i64] zeroinitializer
@table = internal constant [2 x ptr] [ptr @first, ptr @second]
declare i64 @labs(i64)
declare i64 @second(i64)
declare i64 @given(i64)
define i64 @first(i64 %x) { %y = call i64 @labs(i64 %x) ret i64 %y }
define i64 @counted(i64 %x) {
  %a = load i64, ptr @count
  %b = add i64 %a, %x
  store i64 %b, ptr @count
  %place = getelementptr i64, ptr @zeros, i64 999
  %c = load i64, ptr %place
  %d = add i64 %b, %c
  ret i64 %d
}
define i64 @called(i64 %which) {
  %place = getelementptr ptr, ptr @table, i64 %which
  %f = load ptr, ptr %place
  %x = call i64 %f(i64 -7)
  %y = call i64 @given(i64 %x)
  ret i64 %y
}
"""
SECOND = "@weak = weak constant i64 3\ndefine i64 @second(i64 %x) { %w = load i64, ptr @weak %y = mul i64 %x, %w ret i64 %y }"
GIVEN = "define i64 @given(i64 %x) { %y = add i64 %x, 1000 ret i64 %y }"


def objects(*texts, level="vectors"):
    return [object_of(text, host(), level) for text in texts]


def answers(library):
    called = {name: NUMBER(library.address(name)) for name in ("counted", "called", "first")}
    return [called["counted"](1), called["counted"](1), called["called"](0), called["called"](1), called["first"](-3)]


@pytest.mark.parametrize("way", [pytest.param(load, marks=here), Linked])
def test_functions_data_and_tables_find_each_other(way):
    given = load(objects(GIVEN))
    library = way(objects(COUNTER, SECOND), {"given": given.address("given")})
    assert answers(library) == [41, 42, 1007, 979, 3]
    with pytest.raises(RuntimeError, match="nothing"):
        library.address("nothing")


@here
def test_memory_is_to_be_written_or_to_be_run():
    memory = placed(objects(COUNTER, SECOND, GIVEN), {})
    code, data = memory.addresses["counted"], memory.addresses["weak"]
    found = {}
    for line in Path("/proc/self/maps").read_text().splitlines():
        low, high, rights = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
        for place in (code, data, ctypes.addressof(ctypes.c_char.from_buffer(memory.block, len(memory.block) - 1))):
            if int(low, 16) <= place < int(high, 16):
                found[place] = rights
    assert found[code] == "r-xp" and len(found) == 3 and set(found.values()) == {"r-xp", "rw-p"}


@here
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no child processes of this kind")
def test_a_child_has_data_of_its_own():
    library = load(objects(COUNTER, SECOND, GIVEN))
    counted = NUMBER(library.address("counted"))
    counted(1)
    child = os.fork()
    if child == 0:
        os._exit(counted(5))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 46
    assert counted(0) == 41


TWICE = "define i64 @twice(i64 %x) { %y = add i64 %x, %x ret i64 %y }"


def changed(position, value):
    """An object with another byte in its header."""

    def change(data):
        return data[:position] + bytes([value]) + data[position + 1 :]

    return change


UNKNOWN = {
    "another form": changed(0, 0),
    "32 bits": changed(4, 1),
    "another machine": changed(18, 183),
    "a program": changed(16, 2),
    "cut short": lambda data: data[:-8],
    "nothing": lambda data: b"",
}


@here
@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_such_an_object_is_left_to_llvm(name):
    (data,) = objects(TWICE)
    memory = placed([data], {})
    assert NUMBER(memory.addresses["twice"])(4) == 8
    assert placed([UNKNOWN[name](data)], {}) is None


@here
def test_other_machines_relocations_and_names_are_left_to_llvm():
    assert placed([object_of(TWICE, Target.aarch64())], {}) is None
    assert placed([object_of(GIVEN + COUNTER.replace("declare i64 @given(i64)", ""), Target.avx2())], {}) is None  # near addresses
    assert placed(objects("declare i64 @no_such_function(i64)\ndefine i64 @f(i64 %x) { %y = call i64 @no_such_function(i64 %x) ret i64 %y }"), {}) is None
    assert placed(objects(TWICE, TWICE + "\n"), {}) is None
    assert placed(objects("@own = thread_local global i64 1\ndefine ptr @f() { ret ptr @own }"), {}) is None
    with pytest.raises(RuntimeError, match="twice"):
        load(objects(TWICE, TWICE + "\n"))


SCRIPT = """
import sys
import minitorch as torch
step = torch.compile(lambda x: (x @ x).tanh().sum(1) + torch.ones(300).tanh().sum())
x = torch.rand(300, 300)
results = [step(x) for _ in range(3)]
assert len(step.answers) == 1
print(sum(results).sum().isfinite().item(), "llvmlite.binding" in sys.modules)
"""


@here
def test_a_process_that_finds_all_on_disk_does_without_llvm(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MINITORCH_CACHE_DIR": str(tmp_path), "MINITORCH_CACHE": "1"}
    printed = [subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True).stdout for _ in range(2)]
    assert printed == ["True True\n", "True False\n"]
