"""A kernel of eager mode: its text is written when it has to be compiled, and not where it was before."""

import numpy
import pytest

from minitorch.native import cache
from minitorch.native.gemm import Code
from minitorch.native.kernel import Kernel, code_of, preamble
from minitorch.native.text import Text


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MINITORCH_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("MINITORCH_CACHE", raising=False)
    return tmp_path / "objects"


def filled_with(number, written):
    """The Code of a kernel that puts a number in eight places, a chunk each; ``written`` gets longer each time."""

    def write():
        written.append(number)
        text = Text()
        with text.function("void @kernel(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
            text.lines.append(preamble("A"))
            with text.loop("i", "%begin", "%end") as i:
                text.store("double", f"{number:.1f}", text.at("%A", i, "double"))
        return Code(str(text), 8, 2, 64)

    return code_of(write, "filled", number)


def result(code):
    made = numpy.zeros(8)
    Kernel(code, 1)(made)
    return made.tolist()


def test_the_second_time_no_text_is_written():
    written = []
    assert result(filled_with(3.0, written)) == [3.0] * 8
    count = len(written)
    assert count and result(filled_with(3.0, written)) == [3.0] * 8
    assert len(written) == count
    assert result(filled_with(4.0, written)) == [4.0] * 8
    assert written[count:] == [4.0] * count


def test_how_it_is_run_is_kept_with_it():
    codes = [filled_with(3.0, []) for _ in range(2)]
    assert [(code.chunks, code.grain, code.scratch) for code in codes] == [(8, 2, 64)] * 2
    assert codes[0].text.write() == codes[1].text.write()


@pytest.mark.parametrize("damage", ["", "[1, 2", "[1, 2]"])
def test_what_is_not_sound_is_made_anew(folder, damage):
    filled_with(3.0, [])
    (path,) = [path for path in folder.iterdir() if path.read_bytes()[32:] == b"[8, 2, 64]"]
    cache.keep(path.name, damage.encode())
    assert filled_with(3.0, []).chunks == 8
    assert path.read_bytes()[32:] == b"[8, 2, 64]"


def test_without_a_cache_it_is_written_each_time(monkeypatch):
    monkeypatch.setenv("MINITORCH_CACHE", "0")
    written = []
    for _ in range(2):
        assert result(filled_with(3.0, written)) == [3.0] * 8
    assert len(written) >= 2
