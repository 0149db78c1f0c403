"""Text becomes code that runs, for this machine and others; what is on disk is used if it is sound, and only then."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minitorch.native import cache
from minitorch.native.link import Written, assembly, host, link, load, object_of, shared
from minitorch.native.target import Target
from minitorch.native.text import Text
from minitorch.native.transpose import write_turned

ROOT = Path(__file__).resolve().parent.parent.parent
FOREIGN = [Target.avx512(), Target.avx2(), Target.generic(), Target.aarch64()]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MINITORCH_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("MINITORCH_CACHE", raising=False)
    return tmp_path / "objects"


def triple_text(factor="3.0"):
    text = Text()
    with text.function("void @scale(ptr %p, i64 %n)"):
        with text.loop("i", 0, "%n") as i:
            place = text.at("%p", i, "float")
            text.store("float", text.let("y", f"fmul float {text.load('float', place)}, {factor}"), place)
    return str(text)


def scaled(library, values):
    array = (ctypes.c_float * len(values))(*values)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(library.address("scale"))(ctypes.addressof(array), len(values))
    return list(array)


def test_a_loop_runs():
    assert scaled(link(triple_text()), range(100)) == [3.0 * i for i in range(100)]


def test_nan_and_infinity_survive():
    inf = float("inf")
    assert scaled(link(triple_text("0.0")), [1.0, inf, -inf])[0] == 0
    assert [x != x for x in scaled(link(triple_text("0.0")), [1.0, inf, -inf])] == [False, True, True]


def sum_text():
    """The sum of i * j, and of twice that, over loops in loops, where a condition holds."""
    text = Text()
    with text.function("void @total(ptr %p, i64 %n)"):
        with text.loop("i", 0, "%n", carry=[("i64", 0)]) as i:
            with text.loop("j", 1, "%n", step=2, carry=[("i64", i.values[0])]) as j:
                j.carry(text.add(j.values[0], text.multiply(i, j)))
            i.carry(j.values[0])
        with text.when(text.let("large", "icmp sgt i64 %n, 3")):
            text.store("i64", i.values[0], "%p")
    return str(text)


@pytest.mark.parametrize("n, expected", [(0, -1), (3, -1), (4, 24), (9, 576)])
def test_loops_carry_values(n, expected):
    assert n < 4 or sum(i * j for i in range(n) for j in range(1, n, 2)) == expected
    place = ctypes.c_int64(-1)
    library = link(sum_text())
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(library.address("total"))(ctypes.addressof(place), n)
    assert place.value == expected


def test_numbers_are_computed_beforehand():
    text = Text()
    assert (text.add(2, 3), text.subtract(2, 3), text.multiply(2, 3), text.divide(7, 2), text.minimum(1, 2)) == (5, -1, 6, (3, 1), 1)
    assert (text.add("%i", 0), text.multiply("%i", 1), text.multiply(0, "%i"), text.divide("%i", 1)) == ("%i", "%i", 0, ("%i", 0))
    assert text.lines == []


@pytest.mark.parametrize("target", FOREIGN, ids=lambda target: f"{target.triple.split('-')[0]}-{target.width}")
def test_other_machines(target):
    register = {64: "zmm", 32: "ymm", 16: "xmm"}[target.width] if target.triple.startswith("x86") else "fmul\tv"
    assert register in assembly(triple_text(), target)


def test_several_objects_and_symbols():
    caller = "declare i64 @inner(i64)\ndeclare i64 @outer(i64)\ndefine i64 @both(i64 %x) { %a = call i64 @inner(i64 %x) %b = call i64 @outer(i64 %a) ret i64 %b }"
    inner = "define i64 @inner(i64 %x) { %y = add i64 %x, 1 ret i64 %y }"
    kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
    outer = link("define i64 @outer(i64 %x) { %y = mul i64 %x, 10 ret i64 %y }")
    objects = [object_of(text, host()) for text in (caller, inner)]
    assert kind(load(objects, {"outer": outer.address("outer")}).address("both"))(4) == 50


@pytest.mark.parametrize("by_llvm", [False, True])
def test_a_function_that_libraries_share(by_llvm, monkeypatch):
    if by_llvm:
        monkeypatch.setattr("minitorch.native.link.placed", lambda objects, symbols: None)
    text = Text()
    with text.function("void @turned(ptr %from, ptr %to)"):
        write_turned(text, "float", 4, "%from", 6, "%to", 4, 3, 6)
    source, to = (ctypes.c_float * 18)(*range(18)), (ctypes.c_float * 24)()
    libraries = [link(str(text)) for _ in range(2)]
    for library in libraries:
        ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(library.address("turned"))(ctypes.addressof(source), ctypes.addressof(to))
        assert [to[4 * i + j] for i in range(6) for j in range(3)] == [6 * j + i for i in range(6) for j in range(3)]
    assert shared("minitorch_turn_float_4") is shared("minitorch_turn_float_4")


def test_mistakes_are_errors():
    with pytest.raises(RuntimeError, match="expected"):
        link("define nonsense")
    with pytest.raises(RuntimeError, match="missing"):
        link(triple_text()).address("missing")


# ---------------------------------------------------------------------------------------------------------
# The cache


def files(folder):
    return sorted(folder.iterdir()) if folder.exists() else []


def test_the_second_time_nothing_is_compiled(folder, monkeypatch):
    first = object_of(triple_text(), host())
    assert len(files(folder)) == 1
    monkeypatch.setattr("minitorch.native.emit.optimised", None)  # compiling would fail
    assert object_of(triple_text(), host()) == first
    assert scaled(load([first]), [2.0]) == [6.0]


def test_what_the_code_depends_on_is_in_the_name(folder):
    for target in [host(), Target.generic()]:
        for level in ("loops", "vectors"):
            object_of(triple_text(), target, level)
    object_of(triple_text("4.0"), host())
    assert len(files(folder)) == 5


def test_a_text_that_has_a_name_is_written_only_once(folder, monkeypatch):
    written = []
    text = Written(lambda: written.append(0) or triple_text(), "triple", "float")
    first = [object_of(text, host()) for _ in range(3)]
    assert len(written) == 1 and len(set(first)) == 1
    assert first[0] == object_of(triple_text(), host())
    object_of(text, host(), "vectors")
    object_of(Written(text.write, "triple", "double"), host())
    monkeypatch.setattr(cache, "source", lambda *_: "another")
    object_of(text, host())
    assert len(written) == 4


def test_the_source_s_name_is_that_of_its_bytes(tmp_path, monkeypatch):
    (tmp_path / "native").mkdir()
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "native" / "cache.py"))
    names = []
    for content in ("x = 1", "x = 2", "x = 1"):
        (tmp_path / "native" / "part.py").write_text(content)
        cache.source.cache_clear()
        names.append(cache.source("native"))
    cache.source.cache_clear()
    assert names[0] == names[2] != names[1]


def test_the_source_is_read_once_for_as_long_as_its_files_stay(folder, tmp_path, monkeypatch):
    root, read = tmp_path / "library", []
    (root / "native").mkdir(parents=True)
    part = root / "native" / "part.py"
    whole = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path.name) or whole(path))
    monkeypatch.setattr(cache, "__file__", str(root / "native" / "cache.py"))

    def source():
        cache.source.cache_clear()
        return cache.source("native")

    part.write_text("x = 1")
    first = [source() for _ in range(2)]
    assert len(set(first)) == 1 and len(read) == 2  # changed a moment ago: its times say little
    monkeypatch.setattr(cache, "SETTLED", -1)
    assert {source() for _ in range(3)} == set(first) and len(read) == 3
    times = part.stat()
    part.write_text("x = 2")
    os.utime(part, ns=(times.st_atime_ns, times.st_mtime_ns))  # the same size and time: but the system knows when that was said
    assert source() != first[0] and len(read) == 4
    cache.source.cache_clear()


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", lambda data: data[:40] + b"x" + data[41:]])
def test_a_damaged_file_is_written_anew(folder, damage):
    expected = object_of(triple_text(), host())
    (path,) = files(folder)
    sound = path.read_bytes()
    path.write_bytes(damage(sound))
    assert object_of(triple_text(), host()) == expected
    assert path.read_bytes() == sound


@pytest.mark.skipif(sys.platform == "win32", reason="users are found in another way there")
def test_a_user_without_a_home_has_no_cache(monkeypatch):
    """As one of a container may be, whose number has no name."""
    for name in ("HOME", "XDG_CACHE_HOME", "MINITORCH_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    assert cache.folder() is None
    cache.keep("a" * 64, b"code")
    assert cache.fetch("a" * 64) is None


def test_it_can_be_switched_off(folder, monkeypatch):
    monkeypatch.setenv("MINITORCH_CACHE", "0")
    assert scaled(link(triple_text()), [2.0]) == [6.0]
    assert files(folder) == []


def test_a_place_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MINITORCH_CACHE_DIR", str(tmp_path / "file"))
    assert scaled(link(triple_text()), [2.0]) == [6.0]


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have no owner here")
def test_another_user_s_file_is_ignored(monkeypatch):
    cache.keep("a" * 64, b"code")
    assert cache.fetch("a" * 64) == b"code"
    monkeypatch.setattr(os, "getuid", lambda: -2)
    assert cache.fetch("a" * 64) is None


def test_the_files_not_used_for_longest_go(folder, monkeypatch):
    monkeypatch.setattr(cache, "LIMIT", 1000)
    names = [f"{i:064x}" for i in range(8)]
    for i, name in enumerate(names):
        cache.keep(name, b"x" * 100)
        os.utime(folder / name, (1000 + i, 1000 + i))
    (folder / "not ours").write_bytes(b"x" * 5000)
    assert cache.fetch(names[0]) is not None  # and so it is the newest
    cache.make_room(folder)
    left = [path.name for path in files(folder)]
    assert left == [names[0], *names[4:], "not ours"]


def test_two_processes_at_once(folder):
    script = "import sys; from minitorch.native import cache\nfor i in range(300):\n cache.keep('b' * 64, bytes([i % 5]) * 20000)\n assert cache.fetch('b' * 64)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [subprocess.Popen([sys.executable, "-c", script], env=environment) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert len(files(folder)) == 1
