"""Small steps through all kinds of kernels, eager and compiled, for NVIDIA's sanitizer, and each beside the CPU's results.

    compute-sanitizer --tool racecheck python test/device/small_steps.py        threads of a block that meet at a place
    compute-sanitizer --tool memcheck python test/device/small_steps.py         places outside of an array
    compute-sanitizer --tool initcheck python test/device/small_steps.py        numbers that nobody wrote
    python test/device/small_steps.py --only pool                               without it, and without a GPU on the stand-in

Each array has memory of its own here, and none of a pool's: else the sanitizer wouldn't see where one ends.
"""

import argparse
import contextlib
import importlib
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parents[1]), str(HERE.parent / "compiler")]

import minitorch as torch  # noqa: E402
from minitorch import backends  # noqa: E402
from minitorch.nn import functional as F  # noqa: E402

__all__ = ["STEPS", "apart"]


def classified(x, labels):
    return F.cross_entropy(x, labels, ignore_index=3)


def attended(q, k, v):
    return F.scaled_dot_product_attention(*[x.bfloat16() for x in (q, k, v)], is_causal=True).float()


def updated(w, b):
    """Two updates of AdamW, beside what they are made from."""
    tensors = [x.detach().clone().requires_grad_() for x in (w, b)]
    optimizer = torch.optim.AdamW(tensors, 0.1)
    for _ in range(2):
        sum([(x * x).sum() for x in tensors]).backward()
        optimizer.step()
    return torch.cat([x.flatten() for x in tensors]) + 0 * w.sum() + 0 * b.sum()


LABELS = torch.arange(70) % 9
STEPS = {  # a function, and the shapes of what it is given; labels as they are
    "convolution": (lambda x, w, b: F.conv2d(x, w, b, padding=1), [(2, 8, 9, 9), (16, 8, 3, 3), (16,)]),
    "convolution in steps": (lambda x, w: F.conv2d(x, w, stride=2), [(3, 4, 11, 7), (8, 4, 3, 3)]),
    "convolution in bfloat16": (lambda x, w: F.conv2d(x.bfloat16(), w.bfloat16()).float(), [(2, 8, 8, 8), (8, 8, 3, 3)]),
    "convolution in groups": (lambda x, w: F.conv2d(x, w, groups=2), [(2, 4, 7, 7), (6, 2, 3, 3)]),
    "max pool": (lambda x: F.max_pool2d(x, 3, 2, 1), [(2, 3, 9, 9)]), "max pool apart": (lambda x: F.max_pool2d(x, 2), [(2, 3, 8, 8)]),
    "average pool": (lambda x: F.avg_pool2d(x, 2), [(2, 3, 8, 8)]), "attention": (attended, [(2, 2, 70, 16)] * 3),
    "product": (lambda x, w, b: F.linear(x, w, b).relu(), [(33, 40), (50, 40), (50,)]),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (70,), w, b), [(40, 70), (70,), (70,)]),
    "layer_norm of long rows": (lambda x, w, b: F.layer_norm(x, (3000,), w, b), [(3, 3000), (3000,), (3000,)]),
    "batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), [(4, 3, 40, 40), (3,), (3,)]),
    "softmax": (lambda x: x.softmax(-1), [(40, 70)]), "softmax of long rows": (lambda x: x.log_softmax(-1), [(2, 9000)]),
    "cross_entropy": (classified, [(70, 9), LABELS]), "embedding": (lambda w, i: F.embedding(i, w), [(9, 33), LABELS]),
    "sums": (lambda x: x.sum((0, 2)) + x.mean((0, 2)) + x.amax((0, 2)), [(60, 70, 40)]), "sums of columns": (lambda x: x.sum(0), [(3000, 64)]),
    "gelu": (F.gelu, [(9000,)]), "updates": (updated, [(40, 30), (1025,)]),
}  # fmt: skip


def results(function, given, place, compiling=False):
    """What a function makes, and its gradients; compiled it is called so often that the launches are replayed."""
    given = [x.to(place) for x in given]
    leaves = [x.requires_grad_() if x.is_floating_point() else x for x in given]
    wanted = [x for x in leaves if x.requires_grad]

    def step(*leaves):
        out = function(*leaves)
        return out.detach(), *torch.autograd.grad((out * out).sum(), wanted)

    run, found = torch.compile(step) if compiling else step, ()
    for _ in range(5 if compiling else 1):
        found = run(*leaves)
    return [x.cpu() for x in found]


def apart(name, device="cuda"):
    """How far the GPU's numbers are from the CPU's, relatively: the most of the eager and of the compiled step."""
    function, shapes = STEPS[name]
    torch.manual_seed(0)
    given = [torch.randn(*x) if isinstance(x, tuple) else x for x in shapes]
    expected = results(function, [x.clone() for x in given], "cpu")
    got = [results(function, [x.clone() for x in given], device, compiling) for compiling in (False, True)]
    pairs = [(x, y) for one in got for x, y in zip(expected, one, strict=True)]
    return max([((x - y).abs().max() / (1 + x.abs().max())).item() for x, y in pairs])


def without_pool():
    """Let each array have memory of its own."""
    torch.zeros(1, device="cuda")
    sys.modules["cupy"].cuda.set_allocator(None)


def on_stand_in(stack):
    """Take the stand-in for a GPU."""
    stand_in, driver = [importlib.import_module(name) for name in ("stand_in", "shim_driver")]
    stack.enter_context(stand_in.installed())
    xp = backends.gpu_backend()
    xp.driver = lambda: driver.Driver(xp)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", help="steps whose names contain this")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if torch.cuda.is_available():
            without_pool()
        else:
            on_stand_in(stack)
        torch.backends.cudnn.allow_tf32 = False
        found = {name: apart(name) for name in STEPS if arguments.only in name}
    for name, distance in found.items():
        print(f"{distance:8.1e}  {name}")
    narrow = {name for name in found if "bfloat16" in name or name == "attention"}
    return int(any([not distance < (0.05 if name in narrow else 1e-3) for name, distance in found.items()]))


if __name__ == "__main__":
    sys.exit(main())
