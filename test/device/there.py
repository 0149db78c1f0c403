"""A program as it is, run on a GPU with the numbers that it draws on the CPU: then it prints what it prints there.

    python test/device/there.py cpu examples/names.py --steps 20
    python test/device/there.py cuda examples/names.py --steps 20         on the GPU; without one, on the stand-in

Tensors that name no device are made on the GPU. All draws are the CPU's and sent over, since a GPU's are others; products and
convolutions are exact, since TF32's are others. Whatever an optimizer updates must be on the device: else it fails.
"""

import contextlib
import importlib
import os
import sys
from pathlib import Path

if sys.argv[1:2] == ["cpu"]:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a program that asks whether there is a GPU must find none
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[2])]

import minitorch as torch  # noqa: E402
from minitorch import backends, random  # noqa: E402
from minitorch.backends import mt19937  # noqa: E402
from minitorch.cli.program import run_program, use_minitorch  # noqa: E402
from minitorch.optim.optimizer import register_optimizer_step_pre_hook  # noqa: E402


class Sent:
    """A stream of the CPU's, whose draws are sent to the GPU; into ``out``, if that is given."""

    def __init__(self, stream, xp, out=None):
        self.stream, self.xp, self.out = stream, xp, out

    def __getattr__(self, name):
        found = getattr(self.stream, name)
        return self.drawing(found) if callable(found) else found

    def drawing(self, function):
        def draw(*args, **named):
            found = function(*map(self.fetched, args), **named)
            if not hasattr(found, "dtype"):
                return found
            if self.out is None:
                return self.xp.from_cpu(found)
            self.xp.copyto(self.out, self.xp.from_cpu(found))
            return self.out

        return draw

    def fetched(self, x):
        """An argument with NumPy's arrays in place of the GPU's."""
        if x.__class__ is self.xp.ndarray:
            return self.xp.to_cpu(x)
        return (lambda: self.fetched(x())) if callable(x) and x.__class__ is not type else x

    def into(self, out):
        return Sent(self.stream, self.xp, out)

    def bernoulli(self, n, dtype, p, lanes=0):
        return self.drawing(self.stream.bernoulli)(n, dtype, p)

    get_state, set_state, manual_seed = [property(lambda self, n=n: getattr(self.stream, n)) for n in ("get_state", "set_state", "manual_seed")]


def with_draws_of_the_cpu(xp):
    """Let all generators draw on the CPU."""

    def started(self, device="cpu"):
        self.device, self.stream = torch.device("cuda", 0), Sent(mt19937.Stream(mt19937.DEFAULT_SEED), xp)

    random.Generator.__init__ = started
    xp.default_stream = Sent(mt19937.default_stream, xp)


def with_arrays_of_the_cpu():
    """What goes to NumPy is fetched, and what comes from it is sent."""
    torch.FloatTensor, torch.LongTensor = torch.cuda.FloatTensor, torch.cuda.LongTensor
    to_numpy, from_numpy = torch.Tensor.numpy, torch.from_numpy
    torch.Tensor.numpy = lambda self, **options: to_numpy(self.cpu(), **options)
    torch.from_numpy = lambda array: from_numpy(array).cuda()


def assert_there(optimizer, args, kwargs):
    places = {p.device.type for group in optimizer.param_groups for p in group["params"]}
    assert places == {"cuda"}, f"what is updated is on {places}"


def standing_in(stack):
    """Take the stand-in for a GPU, without kernels for elementwise rows, as conftest.py does."""
    stand_in, driver = [importlib.import_module(name) for name in ("stand_in", "shim_driver")]
    stack.enter_context(stand_in.installed())
    elementwise = importlib.import_module("minitorch.backends.cupy_elementwise")
    elementwise.PLANS, elementwise.planned = {}, lambda name, arguments, own: None
    xp = backends.gpu_backend()
    xp.driver = lambda: driver.Driver(xp)


def main(device, program, *arguments):
    """The program's exit code."""
    use_minitorch()
    with contextlib.ExitStack() as stack:
        if device == "cuda":
            if not torch.cuda.is_available():
                standing_in(stack)
            with_draws_of_the_cpu(backends.gpu_backend())
            with_arrays_of_the_cpu()
            torch.backends.cudnn.allow_tf32 = False
            register_optimizer_step_pre_hook(assert_there)
            torch.set_default_device("cuda")
        return run_program(program, arguments)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
