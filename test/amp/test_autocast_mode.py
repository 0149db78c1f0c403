"""Autocast against PyTorch's: in which dtype each function computes, and what a training step comes to."""

import threading
import warnings

import numpy
import pytest
import torch
from oracle import agree, same_first_line

import minitorch
from minitorch import mixed_precision
from minitorch.modes import MODE

rng = numpy.random.default_rng(0)
ARRAYS = {
    "a": rng.standard_normal((4, 4)), "v": rng.standard_normal(4), "b": rng.standard_normal((2, 4, 4)), "p": rng.random((4, 4)),
    "i": rng.standard_normal((2, 3, 8, 8)), "l": rng.standard_normal((2, 3, 8)), "c": rng.standard_normal((2, 3, 4, 4, 4)),
}  # fmt: skip
TOLERANCE = {"float32": (2e-2, 2e-2), "bfloat16": (2e-2, 2e-2), "float16": (2e-2, 1e-2), "float64": (1e-9, 1e-9)}

EXPRESSIONS = """
a @ a
a @ v
v @ v
t.mm(a, a)
t.bmm(b, b)
t.addmm(a, a, a)
t.baddbmm(b, b, b)
t.addbmm(a, b, b)
t.outer(v, v)
t.mv(a, v)
a.mv(v)
t.dot(v, v)
t.vdot(v, v)
t.addmv(v, a, v)
t.addr(a, v, v)
t.inner(v, v)
t.inner(a, v)
t.tensordot(a, a)
t.tensordot(a, a, 1)
F.bilinear(a, a, b.expand(4, 2, 4, 4)[:, 0])
t.einsum('ij,jk', a, a)
t.einsum('i,j->ij', v, v)
t.einsum('bi,bi->b', a, a)
t.prod(a)
a.prod(0)
t.trace(a)
t.quantile(p, 0.5)
a.sum()
a.exp()
t.softmax(a, 0)
t.log_softmax(a, 0)
a.norm()
F.linear(a, a)
F.linear(a, a, v)
F.conv1d(l, l[:, :, :3])
F.conv2d(i, i[:, :, :3, :3])
F.conv3d(c, c[:, :, :3, :3, :3])
F.conv_transpose1d(l, l[:1].transpose(0, 1))
F.conv_transpose2d(i, i[:1].transpose(0, 1))
F.conv_transpose3d(c, c[:1].transpose(0, 1))
F.scaled_dot_product_attention(b, b, b)
F.prelu(a, v)
F.gelu(a)
F.relu(a)
F.layer_norm(a, (4,))
F.group_norm(i, 3)
F.embedding(k, a)
F.mse_loss(a, p)
F.l1_loss(a, p)
F.smooth_l1_loss(a, p)
F.huber_loss(a, p)
F.nll_loss(a, k)
F.cross_entropy(a, k)
F.kl_div(a, p)
F.binary_cross_entropy(p, p)
F.binary_cross_entropy_with_logits(a, p)
F.poisson_nll_loss(a, p)
F.soft_margin_loss(a, p)
F.hinge_embedding_loss(a, p)
F.margin_ranking_loss(v, v, v)
F.cosine_embedding_loss(a, a, v)
F.triplet_margin_loss(a, a, a)
F.multi_margin_loss(a, k)
F.multilabel_margin_loss(a, k.expand(4, 4))
F.multilabel_soft_margin_loss(a, p)
F.avg_pool2d(i, 2)
F.avg_pool3d(c, 2)
F.max_pool2d(i, 2)
F.max_pool3d(c, 2)
F.adaptive_avg_pool2d(i, 2)
F.adaptive_avg_pool3d(c, 2)
F.pad(i, (1, 1, 1, 1))
F.normalize(a)
t.cat([a, a.bfloat16()])
t.stack([a, a.bfloat16()])
""".strip().splitlines()

MIXED = """
a.double() @ a.double()
a.half() @ a.half()
a @ a.half()
a @ a.double()
F.mse_loss(a.bfloat16(), p)
F.mse_loss(a.double(), p)
F.cross_entropy(a.bfloat16(), k)
t.prod(a.bfloat16())
F.linear(a.bfloat16(), a)
F.linear(a.bfloat16(), a, v)
F.conv2d(i.bfloat16(), i[:, :, :3, :3], t.ones(2))
F.conv_transpose2d(i.bfloat16(), i[:1].transpose(0, 1))
t.addmm(a.bfloat16(), a, a)
F.scaled_dot_product_attention(b.bfloat16(), b, b)
F.binary_cross_entropy_with_logits(a.bfloat16(), p)
k @ k
a.bfloat16().mv(v.bfloat16())
v @ v.bfloat16()
t.addmv(v.bfloat16(), a.bfloat16(), v.bfloat16())
t.addmm(k, k.expand(4, 4), k.expand(4, 4))
""".strip().splitlines()


def scope(t):
    named = {name: t.tensor(array.tolist(), dtype=t.float32) for name, array in ARRAYS.items()}
    return {"t": t, "F": t.nn.functional, "k": t.arange(4), **named}


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("text", EXPRESSIONS + MIXED)
def test_each_function_computes_in_the_dtype_that_it_has_in_pytorch(text, dtype):
    def program(t):
        with t.autocast("cpu", dtype=getattr(t, dtype)):
            return eval(text, scope(t))

    agree(program, TOLERANCE)


@pytest.mark.parametrize("text", [text for text in EXPRESSIONS if text.startswith("F.") and "embedding" not in text])
def test_of_narrow_inputs_too(text):
    def program(t):
        with t.autocast("cpu"):
            value = eval(text, {k: x.bfloat16() if k in ARRAYS else x for k, x in scope(t).items()})
        return value.dtype

    agree(program)


def test_a_training_step():
    def program(t):
        t.manual_seed(0)
        net = t.nn.Sequential(
            t.nn.Conv2d(3, 4, 3), t.nn.BatchNorm2d(4), t.nn.ReLU(), t.nn.Flatten(), t.nn.Linear(144, 8), t.nn.GELU(), t.nn.Linear(8, 3)
        )
        optimizer = t.optim.SGD(net.parameters(), lr=0.1)
        x, y = scope(t)["i"], t.tensor([0, 2])
        losses = []
        for _ in range(5):
            with t.autocast(device_type="cpu", dtype=t.bfloat16):
                out = net(x)
                loss = t.nn.functional.cross_entropy(out, y)
            loss.backward()
            optimizer.step()
            grads = [p.grad.dtype for p in net.parameters()]
            optimizer.zero_grad()
            losses.append((out.dtype, loss))
        return losses, grads

    agree(program, {"float32": (5e-2, 2e-2)})


def test_blocks_nest_and_decorate():
    def program(t):
        x = t.ones(2, 2)
        made = []
        assert not t.is_autocast_enabled("cpu")
        with t.autocast("cpu"):
            made += [(x @ x).dtype, t.is_autocast_enabled("cpu"), t.is_autocast_enabled()]
            with t.autocast("cpu", enabled=False):
                made += [(x @ x).dtype]
            with t.amp.autocast("cpu", dtype=t.float16):
                made += [(x @ x).dtype]
            made += [(x @ x).dtype]
        made += [(x @ x).dtype]

        @t.autocast("cpu")
        def product():
            return (x @ x).dtype

        try:
            with t.autocast("cpu"):
                raise KeyError
        except KeyError:
            made += [(x @ x).dtype]
        return made, product(), (x @ x).dtype

    agree(program)


def test_backward_gives_gradients_in_the_dtype_of_the_leaves():
    def program(t):
        w = t.ones(2, 2, requires_grad=True)
        with t.autocast("cpu"):
            y = (t.ones(2, 2) @ w).relu().sum()
        y.backward()
        return y.dtype, w.grad

    agree(program)


def test_tapes_made_in_a_block_stay_right_outside():
    w = minitorch.ones(3, 3, requires_grad=True)
    x = minitorch.full((3, 3), 1.0009765625, requires_grad=True)  # bfloat16 can't hold it
    with minitorch.autocast("cpu"):
        (x * 1).matmul(w).float().sum().backward()
    w.grad = None
    y = x.matmul(w)
    with minitorch.autocast("cpu"):
        y.sum().backward()
    assert w.grad[0, 0].item() == pytest.approx(3 * 1.0009765625, rel=1e-6)


def test_other_threads_are_left_alone():
    x, seen = minitorch.ones(2, 2), []
    with minitorch.autocast("cpu"):
        thread = threading.Thread(target=lambda: seen.append((x @ x).dtype))
        thread.start()
        thread.join()
    assert seen == [minitorch.float32] and (x @ x).dtype is minitorch.float32


@pytest.mark.parametrize(
    "text",
    [
        "t.autocast('cpu', dtype=t.float32) and None",
        "t.autocast('cuda') and None",
        "t.cuda.amp.autocast() and None",
        "t.cpu.amp.autocast() and None",
        "t.is_autocast_cpu_enabled()",
        "t.get_autocast_gpu_dtype(), t.get_autocast_cpu_dtype()",
        "t.get_autocast_dtype('cpu'), t.get_autocast_dtype('cuda'), t.is_autocast_cache_enabled(), t.clear_autocast_cache()",
        "t.amp.is_autocast_available('cpu'), t.amp.is_autocast_available('cuda')",
    ],
)
def test_words(text):
    agree(lambda t: eval(text, {"t": t}))


@pytest.mark.parametrize("text", ["t.autocast('foo')", "t.autocast(3)", "t.is_autocast_enabled('foo')"])
def test_errors(text):
    same_first_line(lambda t: eval(text, {"t": t}))


def test_custom_functions():
    def program(t):
        class Double(t.autograd.Function):
            @staticmethod
            @t.amp.custom_fwd(device_type="cpu")
            def forward(ctx, x, w):
                ctx.save_for_backward(x, w)
                return x @ w

            @staticmethod
            @t.amp.custom_bwd(device_type="cpu")
            def backward(ctx, g):
                x, w = ctx.saved_tensors
                return g @ w.t(), x.t() @ g

        class Raised(t.autograd.Function):
            @staticmethod
            @t.amp.custom_fwd(device_type="cpu", cast_inputs=t.float32)
            def forward(ctx, x):
                return x @ x

            @staticmethod
            @t.amp.custom_bwd(device_type="cpu")
            def backward(ctx, g):
                return g

        x, w = t.ones(2, 2, requires_grad=True), t.ones(2, 2, requires_grad=True)
        with t.autocast("cpu"):
            y = Double.apply(x, w)
            z = Raised.apply(x.bfloat16())
        y.float().sum().backward()
        return y.dtype, z.dtype, x.grad, w.grad

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agree(program)
    assert torch.is_autocast_enabled("cpu") is minitorch.is_autocast_enabled("cpu") is False


def test_switched_off_in_a_block():
    def program(t):
        x, found = t.ones(2, 2), []
        with t.autocast("cpu", dtype=t.bfloat16):
            t.set_autocast_enabled("cpu", False)
            found.append((x @ x).dtype)
            t.set_autocast_enabled("cpu", True)
            found.append((x @ x).dtype)
        found.append((x @ x).dtype)
        return found

    agree(program)
    assert ("cpu", True) in mixed_precision.BLOCKS and not mixed_precision.rows.matmul.ready
    mixed_precision.BLOCKS.clear()  # it stays for good, which other tests needn't know
    mixed_precision.watch()
    assert mixed_precision.rows.matmul.ready


def weight_gradient(t, **options):
    """Of a weight that a block reads twice: 256 as bfloat16 has it, and 3. Cast once, they are added in bfloat16, which gives 260."""
    w, x = t.ones(1, 1).requires_grad_(), t.ones(257, 1)
    with t.autocast("cpu", **options):
        y = t.nn.functional.linear(x, w).float().sum()
        with t.autocast("cpu", enabled=False), t.autocast("cpu", **options):
            y = y + t.nn.functional.linear(x[:3], w).float().sum()
    y.backward()
    return w.grad.item()


@pytest.mark.parametrize("options", [{}, {"cache_enabled": False}], ids=str)
def test_a_weight_is_cast_once_in_a_block(options):
    assert weight_gradient(torch, **options) == weight_gradient(minitorch, **options) == (259 if options else 260)


def test_which_casts_are_kept():
    w, x = minitorch.ones(2, 2).requires_grad_(), minitorch.ones(2, 2)
    with minitorch.autocast("cpu"):
        first = (x @ w).grad_fn.next_functions[0][0]
        assert (x @ w).grad_fn.next_functions[0][0] is first
        with minitorch.no_grad():
            assert not (x @ w).requires_grad
        assert (x @ w).grad_fn is not None
        minitorch.clear_autocast_cache()
        assert (x @ w).grad_fn.next_functions[0][0] is not first
        with minitorch.no_grad():
            w.mul_(2)
        assert (x @ w).eq(4).all()
        w.data = minitorch.ones(2, 2)
        assert (x @ w).eq(2).all()
    assert MODE.casts is None
