"""Programs kept on disk: the same program is found again, another never, and what isn't sound is written anew."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from random_graphs import grown

import minitorch as torch
from minitorch import compiler, nn
from minitorch import primitives as rows
from minitorch.compiler import Place, build, program_cache
from minitorch.compiler.graph import Graph, Step, Value
from minitorch.native import cache
from minitorch.native.link import host
from minitorch.nn import functional as F

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MINITORCH_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("MINITORCH_CACHE", raising=False)
    return tmp_path / "objects"


def scaled(factor=2.0, shape=(4, 3), kind=torch.float32, row=rows.mul, dims=None, line=None):
    """exp(x) times a number, summed if ``dims`` are given."""
    x, y, z = [Value(shape, kind) for _ in range(3)]
    steps = [Step(rows.exp, (x,), (), y, line), Step(row, (y, factor), (), z, line)]
    if dims is not None:
        z = Value([1 if d in dims else n for d, n in enumerate(shape)], kind)
        steps.append(Step(rows.sum, (steps[-1].out,), (dims, True), z, line))
    return Graph([x], steps, [z])


def checked(error=IndexError, message="it is outside", which=0):
    """x + 1 and x + 2, of which one may not be anything but 0."""
    x, *made = [Value((), torch.int64) for _ in range(3)]
    steps = [Step(rows.add, (x, k), (), value) for k, value in enumerate(made, 1)]
    return Graph([x], steps, made, [(made[which], error, message)])


PLACES = [Place("output", 0)]
TWO = [Place("output", 0), Place("output", 1)]


def ran(program, array, shape):
    made = numpy.zeros(shape, array.dtype)
    program.call([array], [made])
    return made


def kept(folder):
    """The files that are programs, not objects."""
    found = []
    for path in folder.iterdir():
        data = path.read_bytes()[32:]
        if data.startswith(b"["):
            found.append(path)
    return found


def numbers_of(image):
    return json.dumps({**vars(image), "slots": str(image.slots)})


def no_stages(monkeypatch):
    monkeypatch.setattr(compiler, "stages", lambda *_: 1 / 0)
    monkeypatch.setattr("minitorch.native.emit.optimised", None)


def test_the_second_time_no_stage_runs(monkeypatch):
    x = numpy.arange(12, dtype="float32").reshape(4, 3)
    first = build(scaled(), {}, PLACES)
    no_stages(monkeypatch)
    second = build(scaled(line="elsewhere:1"), {}, PLACES)
    assert numbers_of(second.image) == numbers_of(first.image)
    assert list(second.built.stages) == ["look up", "link"] and second.built.compiled == 0
    numpy.testing.assert_array_equal(ran(second, x, (4, 3)), ran(first, x, (4, 3)))


def test_how_a_kept_program_came_about_can_still_be_told():
    first, second = [build(scaled(), {}, PLACES) for _ in range(2)]
    assert [k.text for k in second.kernels] == [k.text for k in first.kernels]
    assert str(second.graph) == str(first.graph) and second.plan.size == first.plan.size


OTHERS = {
    "a number": (scaled(3.0), {}, PLACES),
    "its kind": (scaled(2), {}, PLACES),
    "a truth": (scaled(True), {}, PLACES),
    "a row": (scaled(row=rows.add), {}, PLACES),
    "a shape": (scaled(shape=(3, 4)), {}, PLACES),
    "a dtype": (scaled(kind=torch.float64), {}, PLACES),
    "one step more": (scaled(dims=(0,)), {}, PLACES),
    "a parameter": (scaled(dims=(1,)), {}, PLACES),
    "a place": (scaled(), {}, [Place("input", 0)]),
    "nan": (scaled(float("nan")), {}, PLACES),
    "minus nothing": (scaled(-0.0), {}, PLACES),
    "nothing": (scaled(0.0), {}, PLACES),
    "a check": (checked(), {}, TWO),
    "its error": (checked(ValueError), {}, TWO),
    "its message": (checked(message="it is within"), {}, TWO),
    "what it checks": (checked(which=1), {}, TWO),
}


def test_graphs_that_differ_have_other_names():
    x = scaled()
    turned = x, {x.inputs[0]: (1, 4)}, PLACES
    names = [program_cache.name_of(*sample, host()) for sample in [(scaled(), {}, PLACES), turned, *OTHERS.values()]]
    assert None not in names and len(set(names)) == len(names)


def test_machine_source_and_versions_are_in_the_name(monkeypatch):
    names = {program_cache.name_of(scaled(), {}, PLACES, target) for target in (host(), compiler.host().generic())}
    for place, part in ((cache, "source"), (program_cache, "versions")):
        monkeypatch.setattr(place, part, lambda *_: "another")
        names.add(program_cache.name_of(scaled(), {}, PLACES, host()))
    assert len(names) == 4


def test_what_the_text_cannot_tell_is_not_kept(folder):
    x, y = [Value((4,), torch.float32) for _ in range(2)]
    stranger = type(rows.exp).__new__(type(rows.exp))
    stranger.name = "exp"
    assert program_cache.name_of(Graph([x], [Step(rows.full, (), ((4,), object(), torch.float32), y)], [y]), {}, PLACES, host()) is None
    assert program_cache.name_of(Graph([x], [Step(stranger, (x,), (), y)], [y]), {}, PLACES, host()) is None
    assert program_cache.name_of(checked(type("Own", (IndexError,), {})), {}, TWO, host()) is None
    assert build(Graph([x], [Step(rows.TABLE["logcumsumexp"], (x,), (0,), y)], [y]), {}, PLACES).foreign
    assert not folder.exists() or kept(folder) == []


def rewritten(change):
    """A damage to a file: its JSON, changed, with a checksum that is right."""

    def damaged(data, name):
        told = change(json.loads(data[32:]))
        body = told if told.__class__ is bytes else json.dumps(told).encode()
        return cache.checksum_of(name, body) + body

    return damaged


DAMAGES = {
    "cut short": lambda data, name: data[:-1],
    "empty": lambda data, name: b"",
    "a byte is another": lambda data, name: data[:40] + b"x" + data[41:],
    "another's": lambda data, name: cache.checksum_of("0" * 64, data[32:]) + data[32:],
    "not JSON": rewritten(lambda told: b"[1, 2"),
    "not text": rewritten(lambda told: b"\xff\xfe"),
    "something else": rewritten(lambda told: 7),
    "a field less": rewritten(lambda told: [{k: x for k, x in told[0].items() if k != "size"}, told[1]]),
    "a field more": rewritten(lambda told: [{**told[0], "more": 1}, told[1]]),
    "no objects": rewritten(lambda told: [told[0], None]),
    "an object that isn't there": rewritten(lambda told: [told[0], ["0" * 64]]),
    "an object that lies elsewhere": rewritten(lambda told: [told[0], ["../objects/" + told[1][0]]]),
    "another error": rewritten(lambda told: [{**told[0], "checks": [[0, "exec", ""]]}, told[1]]),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_ignored_and_written_anew(folder, name):
    build(scaled(), {}, PLACES)
    (path,) = kept(folder)
    sound = path.read_bytes()
    path.write_bytes(DAMAGES[name](sound, path.name))
    program = build(scaled(), {}, PLACES)
    assert "simplify" in program.built.stages
    assert path.read_bytes() == sound


def test_a_program_whose_object_is_gone_is_built_anew(folder, monkeypatch):
    build(scaled(), {}, PLACES)
    (path,) = kept(folder)
    for other in set(folder.iterdir()) - {path}:
        other.unlink()
    assert "simplify" in build(scaled(), {}, PLACES).built.stages
    no_stages(monkeypatch)
    build(scaled(), {}, PLACES)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have no owner here")
def test_another_user_s_program_is_ignored(monkeypatch):
    build(scaled(), {}, PLACES)
    monkeypatch.setattr(os, "getuid", lambda: -2)
    assert "simplify" in build(scaled(), {}, PLACES).built.stages


def test_without_a_cache_there_is_no_name(monkeypatch):
    monkeypatch.setenv("MINITORCH_CACHE", "0")
    assert program_cache.name_of(scaled(), {}, PLACES, host()) is None
    assert "simplify" in build(scaled(), {}, PLACES).built.stages


@pytest.mark.parametrize("seed", range(20))
def test_a_kept_program_makes_what_the_built_one_does(seed):
    sample = grown(random.Random(seed).choice)
    first, second = [build(sample.graph, sample.strides, sample.destinations) for _ in range(2)]
    results = []
    for program in (first, second):
        arrays = sample.copies()
        fresh = [numpy.full(v.shape, 77, v.dtype.name) for v, d in zip(sample.graph.outputs, sample.destinations) if d.kind == "output"]
        program.call(arrays, fresh)
        results.append([*arrays, *fresh])
    assert first.foreign or "simplify" not in second.built.stages
    for a, b in zip(*results):
        numpy.testing.assert_array_equal(a, b)


# ---------------------------------------------------------------------------------------------------------
# A training step, in one process and in several


def losses(calls=5):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(7, 6), nn.Flatten(), nn.LayerNorm(12), nn.Linear(12, 16), nn.GELU(), nn.Dropout(0.2), nn.Linear(16, 5))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    x, y = torch.randint(0, 7, (8, 2)), torch.randint(0, 5, (8,))

    @torch.compile
    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    found = [step(x, y).item() for _ in range(calls)]
    (program,) = next(iter(step.signatures.values())).programs
    return step, program, found, x, y


def test_a_kept_training_step_trains_as_the_first_did():
    _, first, expected, *_ = losses()
    step, second, found, x, y = losses()
    assert "simplify" in first.native.built.stages and "simplify" not in second.native.built.stages
    assert found == expected
    assert str(step.explain(measure=False)).count("kernel")
    with pytest.raises(IndexError, match="index out of range in self"):
        step(x + 7, y)


SCRIPT = "import sys; sys.path[:0] = ['test/compiler']; from test_program_cache import losses; print(losses()[2])"


def test_two_processes_at_once(folder):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SCRIPT]
    processes = [subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [process.communicate()[0] for process in processes]
    assert printed[0] == printed[1] == f"{losses()[2]}\n"
    assert len(kept(folder)) == 1 and not [path for path in folder.iterdir() if "." in path.name]


def test_files_that_have_changed_places_are_ignored(folder):
    """Each is whole, and none is that of its name: an object of another kernel would be run in its place."""
    x = numpy.arange(12, dtype="float32").reshape(4, 3)
    expected = [ran(build(scaled(factor), {}, PLACES), x, (4, 3)) for factor in (2.0, 3.0)]
    paths = sorted(folder.iterdir())
    files = [path.read_bytes() for path in paths]
    for path, other in zip(paths, files[1:] + files[:1]):
        path.write_bytes(other)
    cache.source.cache_clear()
    for factor, wanted in zip((2.0, 3.0), expected):
        numpy.testing.assert_array_equal(ran(build(scaled(factor), {}, PLACES), x, (4, 3)), wanted)


def test_a_full_disk_keeps_no_parts(folder, monkeypatch):
    def full(path, data):
        with path.open("wb") as file:
            file.write(data[:10])
        raise OSError("No space left on device")

    monkeypatch.setattr(cache.Path, "write_bytes", full)
    cache.keep("0" * 64, b"a" * 100)
    assert list(folder.iterdir()) == [] and cache.read("0" * 64) is None
