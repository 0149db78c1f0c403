"""Warnings that PyTorch gives, in its words: what is deprecated, and what most often is a mistake."""

import warnings

import pytest
import torch

import minitorch

WARNED = {
    "numbers": "float(t.ones((), requires_grad=True)); complex(t.ones(1, requires_grad=True)); int(t.ones((), requires_grad=True)); t.ones((), requires_grad=True).item(); f'{t.ones((), requires_grad=True):.1f}'; float(t.ones(()))",
    "copies": "t.tensor(t.ones(2)); t.ones(2).new_tensor(t.ones(2)); t.as_tensor(t.ones(2)); t.tensor([t.ones(())])",
    "reversed": "t.ones(2, 3, 4).T; t.ones(()).T; t.ones(2).T; t.ones(2, 3).T; t.ones(2, 3, 4).mT; t.ones(()).mT",
    "grids": "t.meshgrid(t.ones(2), t.ones(3)); t.meshgrid(t.ones(2), t.ones(3), indexing='ij'); t.cartesian_prod(t.ones(2), t.ones(2))",
    "bytes": "t.arange(3)[t.tensor([1, 0, 1], dtype=t.uint8)]; t.ones(3, 2)[t.tensor([1, 0, 1], dtype=t.uint8), 0]; t.arange(3)[t.tensor([True, False, True])]",
}  # fmt: skip


def answers(library, text):
    """What an expression gives, and the first lines of its warnings."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        value = eval(text, {"t": library})
    values = value if isinstance(value, tuple) else (value,)
    first = [str(w.message).split(" (Triggered internally")[0].split("\n")[0] for w in found]
    return [x.tolist() if hasattr(x, "tolist") else x for x in values], first


@pytest.mark.parametrize("text", [text for row in WARNED.values() for text in row.split("; ")])
def test_warns_as_pytorch_does(text):
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        expected = answers(torch, text)
    finally:
        torch.set_warn_always(before)
    assert answers(minitorch, text) == expected


def test_no_gradient_is_recorded_no_warning():
    with minitorch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert float(minitorch.ones((), requires_grad=True)) == 1


SET = """
t.ones(2).set_(t.arange(6.0)); t.ones(2).set_(); t.ones(2).set_(t.arange(6.0), 1, (2, 2), (2, 1)); t.ones(2).set_(t.arange(6.0), 1, (2, 2)); t.ones(2).set_(t.arange(6.0)[2:])
t.ones(2).set_(t.arange(6.0).untyped_storage()); t.ones(2).set_(t.arange(6.0).untyped_storage(), 1, (2, 2), (2, 1)); t.ones(2).set_(source=t.arange(4.0), storage_offset=1, size=(2,), stride=(2,))
t.ones(2).set_(t.zeros(3).int()); t.ones(2).set_(3); t.ones(2, requires_grad=True).set_(t.zeros(3)); t.ones(2).set_(t.arange(6.0), -1, (2, 2)); t.ones(3).resize_(-2); t.ones(3).resize_(2, -2)
t.nn.functional.conv1d(t.ones(1, 1, 3).bfloat16(), t.ones(1, 1, 2)); t.nn.functional.conv2d(t.ones(1, 1, 3, 3).half(), t.ones(1, 1, 2, 2)); t.nn.functional.conv_transpose1d(t.ones(1, 1, 3).byte(), t.ones(1, 1, 2))
t.arange(3).__setitem__(t.tensor([1, 0, 1], dtype=t.uint8), 7); t.topk(t.ones(3) > 0, 1); t.topk(t.ones(3) * 1j, 1); t.topk(t.tensor(2.0), 2); t.topk(t.tensor(2.0), 1)
"""  # noqa: E501


@pytest.mark.parametrize("text", [text for row in SET.strip().split("\n") for text in row.split("; ")])
@pytest.mark.filterwarnings("ignore:indexing with dtype torch.uint8")
def test_memory_and_words(text):
    def outcome(library):
        try:
            value = eval(text, {"t": library})
        except Exception as error:
            return type(error).__name__, str(error).split("\n")[0]
        return [x.tolist() for x in (value if isinstance(value, tuple) else (value,))]

    if "bfloat16" in text and outcome(torch)[1].startswith("expected"):
        pytest.skip("PyTorch's library for bfloat16 doesn't know this processor")
    assert outcome(minitorch) == outcome(torch)


def test_set_shares_the_memory():
    x, y = minitorch.zeros(2), minitorch.zeros(3)
    x.set_(y)
    y[0] = 5
    assert x.tolist() == [5, 0, 0] and x.data_ptr() == y.data_ptr()


def test_two_tensors_change_places():
    def swapped(library):
        x, y = library.zeros(2), library.nn.Parameter(library.ones(3))
        x.note, held = 7, x
        library.utils.swap_tensors(x, y)
        (held * 3).sum().backward()
        return type(x).__name__, type(y).__name__, held.tolist(), y.tolist(), y.note, x.grad.tolist(), y.requires_grad

    assert swapped(minitorch) == swapped(torch)
