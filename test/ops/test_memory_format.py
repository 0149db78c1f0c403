"""Memory formats against PyTorch's: values, strides, gradients."""

import pytest
from oracle import agree, same_first_line

TEXTS = """
x.contiguous(memory_format=t.channels_last)
x.to(memory_format=t.channels_last)
x.to(t.float64, memory_format=t.channels_last)
x.clone(memory_format=t.channels_last)
x.contiguous(memory_format=t.channels_last).clone()
x.contiguous(memory_format=t.channels_last).clone(memory_format=t.contiguous_format)
x.contiguous(memory_format=t.channels_last).contiguous()
x.clone(memory_format=t.preserve_format)
x.float(memory_format=t.channels_last)
x.double(memory_format=t.channels_last)
t.zeros_like(x, memory_format=t.channels_last)
t.ones_like(x, memory_format=t.channels_last)
t.full_like(x, 2, memory_format=t.channels_last)
t.zeros_like(x.permute(3, 1, 0, 2))
t.ones_like(x.transpose(1, 2)[:, ::2])
t.full_like(x[:, :, :1].expand(2, 3, 4, 5), 2)
t.zeros_like(x.transpose(0, 3), memory_format=t.preserve_format)
t.zeros(1, 2, 3, 4, 5).contiguous(memory_format=t.channels_last_3d)
t.nn.Conv2d(3, 2, 3).to(memory_format=t.channels_last).weight.detach() * 0
t.nn.Linear(3, 2).to(memory_format=t.channels_last).weight.detach() * 0
""".strip().splitlines()


@pytest.mark.parametrize("text", TEXTS)
def test_values_and_strides(text):
    def program(t):
        value = eval(text, {"t": t, "x": t.arange(120.0).reshape(2, 3, 4, 5)})
        return value, value.stride(), value.is_contiguous(), value.is_contiguous(memory_format=t.channels_last)

    agree(program)


@pytest.mark.parametrize("text", ["t.empty(2, 3, 4, 5, memory_format=t.channels_last)", "t.empty_like(t.ones(2, 3, 4, 5), memory_format=t.channels_last)"])
def test_strides_of_what_is_not_filled(text):
    agree(lambda t: eval(text, {"t": t}).stride())


def test_draws():
    def program(t):
        t.manual_seed(0)
        made = t.randn_like(t.ones(2, 3, 4, 5), memory_format=t.channels_last)
        return made, made.stride()

    agree(program)


def test_the_same_tensor_if_nothing_changes():
    def program(t):
        x = t.ones(2, 3, 4, 5).contiguous(memory_format=t.channels_last)
        return x.contiguous(memory_format=t.channels_last) is x, x.to(memory_format=t.channels_last) is x, x.contiguous() is x

    agree(program)


def test_what_is_in_the_format_that_is_asked_for():
    def program(t):
        x = t.ones(2, 3).t()
        y = t.ones(2, 3, 4, 5).to(memory_format=t.channels_last)
        return x.to(memory_format=t.contiguous_format) is x, x.float(memory_format=t.contiguous_format) is x, y.to(memory_format=t.contiguous_format) is y

    agree(program)


def test_gradients():
    def program(t):
        x = t.arange(120.0).reshape(2, 3, 4, 5).requires_grad_()
        (x.contiguous(memory_format=t.channels_last) * t.arange(120.0).reshape(2, 3, 4, 5)).sum().backward()
        return x.grad

    agree(program)


@pytest.mark.parametrize(
    "text",
    [
        "t.ones(3).contiguous(memory_format=t.channels_last)",
        "t.ones(3).to(memory_format=t.channels_last)",
        "t.ones(3).contiguous(memory_format='a')",
        "t.zeros(2, layout='a')",
    ],
)
def test_errors(text):
    same_first_line(lambda t: eval(text, {"t": t}))


def test_names():
    agree(lambda t: [repr(f) for f in (t.channels_last, t.channels_last_3d, t.contiguous_format, t.preserve_format, t.strided, t.sparse_coo, t.ones(1).layout)])


@pytest.mark.parametrize("kind, dims", [("Conv2d", "2d"), ("ConvTranspose2d", "2d"), ("Conv3d", "3d"), ("Conv3d", "2d"), ("Linear", "2d")])
def test_weights_of_convolutions(kind, dims):
    def program(t):
        layer = getattr(t.nn, kind)(3, 4, *([3] if kind != "Linear" else []))
        format = t.channels_last if dims == "2d" else t.channels_last_3d
        convert = getattr(t.nn.utils, f"convert_conv{dims}_weight_memory_format")
        model = t.nn.Sequential(layer)
        return convert(model, format) is model, layer.weight.stride(), layer.weight.requires_grad

    agree(program)
