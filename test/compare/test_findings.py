"""What is found in two records: distances, partners, and what printed lines have in common."""

import marshal
import math
import struct

import pytest
import torch

from minitorch.compare.distance import Allowed, distance
from minitorch.compare.findings import find
from minitorch.compare.printed import different_line
from minitorch.compare.records import Entry


def entry(x, every=1, role=""):
    name = str(x.dtype).removeprefix("torch.")
    return Entry(role, name, tuple(x.shape), every, x.reshape(-1)[::every].contiguous().view(torch.uint8).numpy().tobytes())


inf, nan = math.inf, math.nan
f32, f64 = torch.float32, torch.float64

# two tensors, the tolerance, and: how many elements differ, where most, the distance there in ulp
DISTANCES = [
    ([1.0, 2.0], [1.0, 2.0], f32, Allowed(), (0, (), 0)),
    ([1.0, 2.0], [1.0, 2.0000002], f32, Allowed(), (0, (1,), 1)),
    ([1.0, 2.0], [1.0, 2.001], f32, Allowed(), (1, (1,), 4194)),
    ([1.0, 2.0], [1.0, 2.001], f32, Allowed(rtol=1e-3), (0, (1,), 4194)),
    ([1.0, 2.0], [1.0, 2.001], f32, Allowed(rtol=0.0, atol=1e-2), (0, (1,), 4194)),
    ([1.0, 2.0], [1.0000004, 2.0000002], f32, Allowed(ulp=2), (1, (0,), 3)),
    ([1.0, 2.0], [1.0000004, 2.0000002], f32, Allowed(ulp=3), (0, (0,), 3)),
    ([0.0, 1.0], [-0.0, 1.0], f32, Allowed(ulp=0), (0, (0,), 0)),
    ([1e-45, 1.0], [-1e-45, 1.0], f32, Allowed(ulp=1), (1, (0,), 2)),
    ([nan, inf, -inf], [nan, inf, -inf], f32, Allowed(), (0, (), 0)),
    ([nan, 1.0], [0.0, 1.0], f32, Allowed(), (1, (0,), None)),
    ([inf, 1.0], [-inf, nan], f32, Allowed(), (2, (0,), None)),
    ([[1.0, 1e-6], [3.0, 4.0]], [[1.0, 2e-6], [3.0, 4.0]], f32, Allowed(), (0, (0, 1), 8388608)),  # small beside the others
    ([1e-9, 1e9], [1e-9, 1.001e9], f32, Allowed(), (1, (1,), 15625)),
    ([1.0], [1.0000001], f64, Allowed(), (1, (0,), 450359963)),
    ([1.0], [1.01], torch.bfloat16, Allowed(), (0, (0,), 1)),
    ([1.0], [1.1], torch.bfloat16, Allowed(), (1, (0,), 13)),
    ([1.0], [1.001], torch.float16, Allowed(), (0, (0,), 1)),
    ([1 + 2j, 3j], [1 + 2j, 0.5 + 3j], torch.complex64, Allowed(), (1, (1,), 1056964608)),
    ([3, 2**62], [3, 2**62 + 1], torch.int64, Allowed(rtol=1.0), (1, (1,), None)),
    ([True, False], [True, True], torch.bool, Allowed(), (1, (1,), None)),
    (2.0, 2.5, f32, Allowed(), (1, (), 2097152)),
]  # fmt: skip


@pytest.mark.parametrize("a, b, dtype, allowed, expected", DISTANCES)
def test_distance(a, b, dtype, allowed, expected):
    a, b = entry(torch.tensor(a, dtype=dtype)), entry(torch.tensor(b, dtype=dtype))
    name = a.dtype if a.dtype.startswith(("fl", "bf")) else "float32"
    far = distance(a, b, allowed, allowed.bounds(name, 0))
    place = far.place if a.data != b.data else ()
    assert expected == (far.differing, place, far.ulp)
    assert (far.ratio > 1) == (far.differing > 0)


def test_nothing_is_far_from_nothing():
    empty = entry(torch.zeros(0, 3))
    assert distance(empty, empty, Allowed(), Allowed().bounds("float32", 0)) is None


def test_each_step_of_training_allows_more():
    a, b = entry(torch.tensor([1.0])), entry(torch.tensor([1.0001]))
    assert [distance(a, b, Allowed(), Allowed().bounds("float32", steps)).differing for steps in (0, 1, 9)] == [1, 1, 0]


def test_a_sparser_choice_of_elements_is_among_a_denser_one():
    a = torch.arange(64.0).reshape(8, 8)
    b = a.clone()
    b[4, 0] += 1
    far = distance(entry(a, every=4), entry(b, every=16), Allowed(), Allowed().bounds("float32", 0))
    assert ((4, 0), 1, 4) == (far.place, far.differing, far.written)


# ---- records: a line of text is what was evaluated, in order: "a=1 b=2" is site a with the value 1, then site b with 2


def write(path, text):
    sites, steps = {}, 0
    with open(path, "wb") as file:
        for word in text.split():
            name, _, value = word.partition("=")
            kind = {"step": "step", "back": "backward"}.get(name, "value")
            if name not in sites:
                sites[name] = len(sites)
                marshal.dump(("site", sites[name], ("script.py", ord(name[0]), 0, kind, name, "")), file)
            steps += kind == "step"
            role = {"step": "w", "back": "w.grad"}.get(name, "")
            data = [] if value == "" else [(role, "float32", (), 1, struct.pack("f", float(value)))]
            marshal.dump((sites[name], steps, data), file)


# PyTorch's record, ours, and: the first difference with its time, what else is alone on each side
RECORDS = [
    ("a=1 b=2 a=3", "a=1 b=2 a=3", None, [[], []]),
    ("a=1 b=2 a=3", "a=1 b=2 a=4", ("a", 2), [[], []]),
    ("a=1 b=2 c=3", "a=1 c=3", None, [["b"], []]),
    ("a=1 c=3", "a=1 b=2 c=4", ("c", 1), [[], ["b"]]),
    ("a=1 b=2 c=3", "a=1 c=3 b=2", None, [[], []]),  # hooks may be called in another order
    ("a=1 b=2 c=3", "a=1 c=4 b=3", ("b", 1), [[], []]),  # and the first is the first in PyTorch's order
    ("a=1 a=1 step=0 a=2", "a=1 step=0 a=2", None, [["a"], []]),  # together again after a step
    ("a=1 a=2 a=3", "a=1", None, [["a", "a"], []]),
    ("a=nan", "a=nan", None, [[], []]),
]  # fmt: skip


@pytest.mark.parametrize("expected, got, first, alone", RECORDS)
def test_records(expected, got, first, alone, tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    write(paths[0], expected)
    write(paths[1], got)
    found = find(paths)
    told = found.first and (found.first.evaluations[0].site.text, found.first.evaluations[0].time)
    assert (first, alone) == (told, [[site.text for _, site, _ in side] for side in found.alone])


def test_half_a_record_is_read_as_far_as_it_goes(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        write(path, "a=1 b=2 c=3")
    paths[1].write_bytes(paths[1].read_bytes()[:-5])
    found = find(paths)
    assert (2, None, ["c"]) == (found.evaluations, found.first, [site.text for _, site, _ in found.alone[0]])


# an entry of PyTorch's, of ours, and what is told
OTHERWISE = [
    (torch.ones(3), torch.ones(3, dtype=f64), "dtype"),
    (torch.ones(3), torch.ones(3, 1), "shape"),
    (torch.ones(3), None, "tensors"),
    (torch.ones(0, 3), torch.ones(0, 3), None),
]


@pytest.mark.parametrize("a, b, what", OTHERWISE)
def test_what_is_no_matter_of_distance(a, b, what, tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    for path, x in zip(paths, (a, b)):
        with open(path, "wb") as file:
            marshal.dump(("site", 0, ("script.py", 1, 0, "value", "f(x)", "")), file)
            marshal.dump((0, 0, [] if x is None else [tuple(entry(x))]), file)
    found = find(paths)
    assert what == (found.first and found.first.what)


# ours, and what is told of it: w moves by a gradient that the libraries compute as 1e-11 and -3e-11
ROUNDING = [
    ("x=1 back=-3e-11 step=0.7 x=1.2 back=2e-11 step=0.8", None),  # x follows w, the next gradient doesn't: it has cancelled
    ("x=1 back=-3e-11 step=0.7 x=1.2 back=0.5 step=0.8", "step"),  # it has not
    ("x=1 back=-3e-11 step=0.7 y=1.2 back=2e-11 step=0.8", "y"),  # y never agreed before
    ("x=1 back=1e-11 step=0.7 x=1.2 back=2e-11 step=0.8", "step"),  # the gradient agrees, so the step is wrong
]  # fmt: skip


@pytest.mark.parametrize("got, first", ROUNDING)
def test_a_parameter_that_follows_rounding(got, first, tmp_path):
    expected = "x=1 back=1e-11 step=0.5 x=1 back=1e-11 step=0.5"
    paths = [tmp_path / "a", tmp_path / "b"]
    write(paths[0], expected.replace("step=0.5 x", "step=0.5 y") if "y" in got else expected)
    write(paths[1], got)
    found = find(paths)
    assert first == (found.first and found.first.evaluations[0].site.text)
    assert first is not None or (found.cancelled, found.aside.evaluations[0].site.text) == (3, "step")


# two printed lines, and whether they agree within 1e-4
LINES = [
    ("step 17 loss 2.345678", "step 17 loss 2.345699", True),
    ("step 17 loss 2.345678", "step 17 loss 2.346678", False),
    ("step 17 loss 2.3456", "step 18 loss 2.3456", False),
    ("loss 0.0012", "loss 0.0013", True),  # one in the last digit
    ("loss 1.5e-05", "loss 1.6e-05", True),
    ("loss 1.5e-05", "loss 1.7e-05", False),
    ("loss nan", "loss nan", True),
    ("loss nan", "loss 1.0", False),
    ("loss inf", "loss inf", True),
    ("tensor([[-0.1234,  1.0000]])", "tensor([[-0.1235,  1.0000]])", True),
    ("tensor([ 0.1234])", "tensor([-0.1234])", False),
    ("<Net object at 0x7f3a10c0>", "<Net object at 0x7fbb20c8>", True),
    ("accuracy 91.2 %", "accuracy 91.2 per cent", False),
    ("layer1.weight", "layer2.weight", False),
    ("a", "b", False),
]  # fmt: skip


@pytest.mark.parametrize("a, b, alike", LINES)
def test_printed_lines(a, b, alike):
    found = different_line((f"same\n{a}\n", f"same\n{b}\n"), 1e-4)
    assert (None if alike else (2, (a, b))) == found


def test_a_text_that_ends_early():
    assert (2, ("b", None)) == different_line(("a\nb\n", "a\n"), 1e-4)
