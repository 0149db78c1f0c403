"""Every operator of PyTorch's own test database that we have, run on both libraries over its samples.

    python test/conformance/operators.py                    # all, one table
    python test/conformance/operators.py add nn.functional.conv2d --verbose

For each operator: every sample in float32, float64, int64 and bool, contiguous and not: value, dtype, shape and aliasing
of the result; its gradients; second derivatives in float64; the method, the in-place variant, ``out=``; and that each
error input raises the same type of exception. An operator passes if all of that does.
"""

import argparse
import functools
import sys
import traceback
import warnings
from pathlib import Path
from unittest.mock import patch

import numpy
import torch
from torch.testing._internal.common_methods_invocations import op_db

import minitorch

sys.path[:0] = [str(Path(__file__).parent)]
from bridge import PLACE, Crossing, arrays_of, flat, missing, named, tensors_in  # noqa: E402

DTYPES = (torch.float32, torch.float64, torch.int64, torch.bool)
TOLERANCE = {
    torch.float32: (2e-5, 2e-5), torch.float64: (1e-7, 1e-7), torch.complex64: (2e-5, 2e-5), torch.complex128: (1e-7, 1e-7),
    torch.float16: (2e-3, 1e-4), torch.bfloat16: (1.6e-2, 1e-4),
}  # fmt: skip
"""By dtype, the relative and absolute difference that another order of summation may make."""

INEXACT = {name: {torch.float64: (2e-5, 1e-6)} for name in ("special.bessel_j0", "special.bessel_y1")}
"""Where PyTorch's float64 is right to six digits only. What is exact is compared in test/test_special.py."""
INEXACT["matrix_exp"] = {torch.float32: (2e-5, 1e-3)}  # sums cancel: an element is as exact as the largest of the matrix
INEXACT["cov"] = {torch.float32: (2e-5, 1e-4)}  # the gradient of two observations' weights is 0, as a difference of sums

NO_SECOND_DERIVATIVE = {"linalg.norm/subgradients_at_zero"}
"""Samples at points where the first derivative has none."""

WRONG = {"as_strided_scatter"}
"""Where PyTorch's gradient fails PyTorch's gradcheck: only values are compared. Ours is checked in test/ops/test_strides.py."""

UNFILLED = {"empty", "empty_like", "empty_strided", "empty_permuted", "new_empty", "new_empty_strided", "resize_", "resize_as_"}
"""What the numbers are is left open: only dtype and shape are compared."""

LAZY = {"conj", "H", "mH", "adjoint"}
"""What PyTorch only marks as to be conjugated, and we compute at once: the memory is another."""

SAME_UP_TO = {
    # factors that are unique up to signs and phases, as in PyTorch's own test
    "linalg.svd", "svd", "linalg.eigh", "linalg.eig", "linalg.qr", "qr", "geqrf", "svd_lowrank", "pca_lowrank",
}  # fmt: skip


TIES = {"sort", "argsort", "topk", "kthvalue", "mode", "median", "nanmedian", "msort"}
"""Which of several equal elements an index names is left open: indices are compared in shape and dtype only."""
ONCE = {
    # PyTorch computes the gradient with the loss, and has no second derivative of it; ours are exact
    "nn.functional.linear_cross_entropy/chunked", "nn.functional.linear_cross_entropy/chunked_none",
}  # fmt: skip
"""Where second derivatives aren't compared, as PyTorch's don't exist."""


def left_out(op):
    """Whether an entry is private, sparse or nested, or tests something else than an operator."""
    name = op.name
    private = isinstance(op.op, torch._ops.OpOverload) or name.startswith(("_", "ops.", "torch.ops", "torch._", "jiterator", "nn.functional._"))
    return private or any(word in name for word in ("sparse", "nested", "jagged")) or name == "_segment_reduce"


ENTRIES = [op for op in op_db if not left_out(op)]


def full_name(op):
    variant = getattr(op, "variant_test_name", "")  # a layer of modules.py has none
    return f"{op.name}/{variant}" if variant else op.name


def our_function(op):
    """Our function for an entry; None if we don't have it."""
    plain = op.op
    module = getattr(plain, "__module__", None) or ""
    if module.startswith("torch.testing"):
        head = op.name.split(".")[-1]
        if named(op.name) is None and getattr(minitorch.Tensor, head, None) is None and getattr(minitorch.Tensor, f"{head}_", None) is None:
            return None
        return Crossing().function(plain)
    found = named(op.name)
    if not callable(found) and "." not in op.name:
        found = getattr(minitorch.Tensor, op.name, None)
    return found


# ---------------------------------------------------------------------------------------------------------- comparing


class Failure(Exception):
    """Something that differs, in words."""


def compare_results(op, expected, got, where):
    """``compare``, of numbers too where PyTorch says what they are."""
    if op.name in TIES and isinstance(expected, tuple):
        compare(expected[:1], got[:1], where)
    compare(expected, got, where, op.name not in UNFILLED | SAME_UP_TO | TIES)


def compare(expected, got, where, numbers=True):
    """Raise Failure unless two results agree in structure, dtype, shape and numbers."""
    expected, got = flat(expected), flat(got)
    if len(expected) != len(got):
        raise Failure(f"{where}: {len(expected)} results expected, got {len(got)}")
    for i, (a, b) in enumerate(zip(expected, got, strict=True)):
        place = f"{where}[{i}]" if len(expected) > 1 else where
        if isinstance(a, torch.Tensor):
            compare_tensors(a, b, place, numbers)
        elif isinstance(a, float):
            if not numpy.isclose(a, b, 1e-5, 1e-6, equal_nan=True):
                raise Failure(f"{place}: expected {a}, got {b}")
        elif isinstance(a, (torch.dtype, torch.Size, torch.device)):
            if str(a) != str(b):
                raise Failure(f"{place}: expected {a}, got {b}")
        elif a != b or type(a) is not type(b):
            raise Failure(f"{place}: expected {a!r}, got {b!r}")


def compare_tensors(a, b, where, numbers=True, tolerance=None):
    if not isinstance(b, minitorch.Tensor):
        raise Failure(f"{where}: a tensor expected, got {type(b).__name__}")
    if str(a.dtype) != str(b.dtype):
        raise Failure(f"{where}: dtype {a.dtype} expected, got {b.dtype}")
    if tuple(a.shape) != tuple(b.shape):
        raise Failure(f"{where}: shape {tuple(a.shape)} expected, got {tuple(b.shape)}")
    if not numbers:
        return
    rtol, atol = tolerance or TOLERANCE.get(a.dtype, (0, 0))
    x, y = arrays_of(a), arrays_of(b)
    if not numpy.allclose(y, x, rtol, atol, equal_nan=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            at = numpy.unravel_index(numpy.argmax(~numpy.isclose(y, x, rtol, atol, equal_nan=True)), x.shape)
        raise Failure(f"{where}: at {tuple(int(i) for i in at)} expected {x[at]}, got {y[at]}")


def aliasing(results, inputs):
    """For each result the positions of the inputs that it shares memory with."""
    return [[i for i, x in enumerate(inputs) if shares(r, x)] for r in results]


def shares(a, b):
    if isinstance(a, torch.Tensor):
        return a.numel() > 0 and a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()
    return a._array.size > 0 and owner(a._array) is owner(b._array)


def owner(array):
    while array.base.__class__ is array.__class__:
        array = array.base
    return array


def raised(run):
    """What ``run()`` returns, and what it raises, one of them None."""
    try:
        return run(), None
    except Exception as error:
        return None, error


# ------------------------------------------------------------------------------------------------------ one operator


class Trial:
    """One sample of one operator, ready to be called on both sides as often as one likes."""

    def __init__(self, op, ours, sample, dtype, label):
        self.op, self.ours, self.sample, self.dtype, self.label = op, ours, sample, dtype, label

    def sides(self):
        """The arguments for both: (input, args, kwargs) of PyTorch, and ours, made afresh."""
        def again(x):
            return x.detach().clone().requires_grad_(x.requires_grad) if isinstance(x, torch.Tensor) and x.requires_grad else x

        theirs = self.sample.transform(again)
        theirs = (theirs.input, theirs.args, theirs.kwargs)
        return theirs, Crossing()(theirs)

    def called(self, theirs, ours):
        """Both results; both exceptions."""
        (input, args, kwargs), (our_input, our_args, our_kwargs) = theirs, ours
        torch.manual_seed(7)
        expected, error = raised(lambda: self.op.op(input, *args, **kwargs))
        minitorch.manual_seed(7)
        got, our_error = raised(lambda: self.ours(our_input, *our_args, **our_kwargs))
        agree_on_errors(error, our_error, self.label)
        return expected, got, error is not None

    def run(self, second):
        """Raise Failure at the first thing that differs."""
        theirs, ours = self.sides()
        expected, got, failed = self.called(theirs, ours)
        if failed:
            return
        change = self.sample.output_process_fn_grad
        compare_results(self.op, expected, got, self.label)
        inputs, our_inputs = tensors_in(theirs), tensors_in(ours)
        if self.op.name not in UNFILLED and not (self.op.name in LAZY and self.dtype.is_complex):
            there, here = aliasing(tensors_in(expected), inputs), aliasing(tensors_in(got), our_inputs)
            if there != here:
                raise Failure(f"{self.label}: aliasing {there} expected, got {here}")
        wanting, our_wanting = [[x for x in xs if x.requires_grad] for xs in (inputs, our_inputs)]
        if wanting and self.op.supports_autograd and self.op.name not in WRONG:
            self.gradients(change(expected), Crossing().function(change)(got), wanting, our_wanting, second)

    def gradients(self, expected, got, wanting, our_wanting, second):
        outs = [x for x in tensors_in(expected) if x.requires_grad]
        our_outs = [x for x in tensors_in(got) if x.requires_grad]
        if len(outs) != len(our_outs):
            raise Failure(f"{self.label}: {len(outs)} results with a gradient expected, got {len(our_outs)}")
        if not outs:
            return
        again = second and self.op.supports_gradgrad and full_name(self.op) not in NO_SECOND_DERIVATIVE
        seeds = [seed_of(x) for x in outs]
        our_seeds = [Crossing()(s) for s in seeds]
        if again:
            seeds, our_seeds = [s.requires_grad_() for s in seeds], [s.requires_grad_() for s in our_seeds]
        g, error = raised(lambda: torch.autograd.grad(outs, wanting, seeds, create_graph=again, allow_unused=True))
        if error is not None:
            return
        ours = minitorch.autograd.grad(our_outs, our_wanting, our_seeds, create_graph=again, allow_unused=True)
        try:
            compare_gradients(g, ours, wanting, f"{self.label}, gradient")
        except Failure:
            if self.dtype is not torch.float32 or not nearer(ours, g, self.exact_gradients(seeds)):
                raise
        if again:
            self.second(g, ours, (wanting, our_wanting), (seeds, our_seeds))

    def exact_gradients(self, seeds):
        """PyTorch's gradients in float64."""
        sample = self.sample.transform(lambda x: doubled(x) if isinstance(x, torch.Tensor) else x)
        result = sample.output_process_fn_grad(self.op.op(sample.input, *sample.args, **sample.kwargs))
        wanting = [x for x in tensors_in((sample.input, sample.args, sample.kwargs)) if x.requires_grad]
        outs = [x for x in tensors_in(result) if x.requires_grad]
        return torch.autograd.grad(outs, wanting, [s.double() for s in seeds], allow_unused=True)

    def second(self, g, ours, wanting, seeds):
        pairs = [(a, b) for a, b in zip(g, ours, strict=True) if a is not None and b is not None and a.requires_grad]
        total = sum((weighted(torch, a) for a, _ in pairs), torch.zeros(()))
        if not total.requires_grad:
            return
        both = [*wanting[0], *(s for s in seeds[0] if s.requires_grad)]
        h, error = raised(lambda: torch.autograd.grad(total, both, allow_unused=True))
        if error is not None:
            return
        our_both = [*wanting[1], *(s for s in seeds[1] if s.requires_grad)]
        if len(both) != len(our_both):
            both, our_both = wanting
            h = h[: len(both)]
        total = sum(weighted(minitorch, b) for _, b in pairs)
        if not getattr(total, "requires_grad", False):
            if any(x is not None and bool((x != 0).any()) for x in h):
                raise Failure(f"{self.label}: the gradient has no derivative")
            return
        found = minitorch.autograd.grad(total, our_both, allow_unused=True)
        h = [None if a is None else answered(a, b) for a, b in zip(h, found, strict=True)]
        compare_gradients(h, found, both, f"{self.label}, second derivative")

    # ------------------------------------------------------------------------------------------------------- variants

    def in_place(self):
        """``x.add_(y)`` or ``F.celu(x, inplace=True)``, on both."""
        method = self.op.inplace_variant
        name = getattr(method, "__name__", "")
        if method is None or name == "<lambda>":
            return
        if isinstance(method, functools.partial):
            name, ours = method.func.__name__, Crossing()(method)
        else:
            ours = getattr(minitorch.Tensor, name, None)
        if ours is None:
            raise Failure(f"no in-place variant {name}")
        (x, args, kwargs), (y, our_args, our_kwargs) = self.sides()
        if not isinstance(x, torch.Tensor):
            return
        x, y = x.detach().clone(), y.detach().clone()
        torch.manual_seed(7)
        expected, error = raised(lambda: method(x, *args, **kwargs))
        minitorch.manual_seed(7)
        got, our_error = raised(lambda: ours(y, *our_args, **our_kwargs))
        agree_on_errors(error, our_error, f"{self.label}, in place")
        if error is None:
            compare(expected, got, f"{self.label}, in place")
            if got is not y:
                raise Failure(f"{self.label}, in place: the result isn't the tensor itself")

    def method(self):
        """``x.add(y)``, on both."""
        method = self.op.method_variant
        name = getattr(method, "__name__", "<lambda>")
        if method is None or name == "<lambda>" or not isinstance(self.sample.input, torch.Tensor):
            return
        ours = getattr(minitorch.Tensor, name, None)
        if ours is None:
            raise Failure(f"no method {name}")
        (x, args, kwargs), (y, our_args, our_kwargs) = self.sides()
        torch.manual_seed(7)
        expected, error = raised(lambda: method(x, *args, **kwargs))
        minitorch.manual_seed(7)
        got, our_error = raised(lambda: ours(y, *our_args, **our_kwargs))
        agree_on_errors(error, our_error, f"{self.label}, method")
        if error is None:
            compare_results(self.op, expected, got, f"{self.label}, method")

    def out(self):
        """``out=``, on both: the result arrives there, and is that tensor."""
        if not self.op.supports_out:
            return
        sample = self.sample.transform(lambda x: x.detach() if isinstance(x, torch.Tensor) else x)
        input, args, kwargs = sample.input, sample.args, sample.kwargs
        expected, error = raised(lambda: self.op.op(input, *args, **kwargs))
        if error is not None or not tensors_in(expected) or len(tensors_in(expected)) != len(flat(expected)):
            return
        places = [torch.empty_like(x) for x in tensors_in(expected)]
        out = places[0] if isinstance(expected, torch.Tensor) else tuple(places)
        _, error = raised(lambda: self.op.op(input, *args, **{**kwargs, "out": out}))
        if error is not None or not all(close(a, b) for a, b in zip(tensors_in(expected), places, strict=True)):
            return  # PyTorch's own out= leaves something else, as that of fft.ihfft2 does
        crossing = Crossing()
        ours = crossing((input, args, kwargs))
        place = crossing([torch.empty_like(x) for x in places])
        our_out = place[0] if isinstance(expected, torch.Tensor) else tuple(place)
        got = self.ours(ours[0], *ours[1], **{**ours[2], "out": our_out})
        compare_results(self.op, out, our_out, f"{self.label}, out=")
        if any(a is not b for a, b in zip(tensors_in(got), place, strict=True)):
            raise Failure(f"{self.label}, out=: the result isn't the tensor that was given")


def close(a, b):
    """Whether two of PyTorch's tensors agree."""
    return a.dtype is not b.dtype or a.shape == b.shape and torch.allclose(a, b, 1e-3, 1e-3, equal_nan=True)


def seed_of(x):
    """A gradient to send back from a result."""
    angles = torch.arange(1.0, x.numel() + 1, dtype=torch.float64).reshape(x.shape)
    return (torch.polar(torch.ones_like(angles), angles) if x.is_complex() else torch.cos(angles)).to(x.dtype)


def weighted(lib, x):
    x = lib.view_as_real(x.resolve_conj()) if x.is_complex() else x
    return (x.double() * lib.sin(lib.arange(1.0, x.numel() + 1, dtype=lib.float64, device=x.device)).reshape(x.shape)).sum()


def compare_gradients(expected, got, wanting, where):
    """As ``compare``; no gradient and a gradient of zeros are the same."""
    for i, (a, b, x) in enumerate(zip(expected, got, wanting, strict=True)):
        if a is None and b is None:
            continue
        a = torch.zeros_like(x) if a is None else a
        if b is None:
            if bool((a != 0).any()):
                raise Failure(f"{where} of input {i}: expected {a}, got None")
            continue
        # what cancels in single precision cancels in another order: the exact comparison is the one in float64
        scale = float(a.detach().abs().max()) if a.numel() else 0.0
        least = TOLERANCE[torch.float32][1]
        loose = (1e-3, max(1e-4 * scale, least)) if a.dtype is torch.float32 and numpy.isfinite(scale) else None
        compare_tensors(a, b, f"{where} of input {i}", tolerance=loose)


def answered(theirs, ours):
    """PyTorch's second derivative, with ours where its formula comes to NaN: that is no answer."""
    return theirs if ours is None else torch.from_numpy(arrays_of(ours)).where(theirs.isnan(), theirs)


def doubled(x):
    return x.detach().double().requires_grad_(x.requires_grad) if x.dtype is torch.float32 else x


def nearer(ours, theirs, exact):
    """Whether our gradients are about as near to the truth as PyTorch's: where terms cancel, both round, differently."""
    for a, b, truth in zip(ours, theirs, exact, strict=True):
        if any(x is None for x in (a, b, truth)):
            return False
        a, b, truth = arrays_of(a), arrays_of(b), arrays_of(truth)
        if not abs(a - truth).max(initial=0) <= 2 * abs(b - truth).max(initial=0) + 1e-5 * abs(truth).max(initial=0):
            return False
    return True


def agree_on_errors(error, ours, where):
    if (error is None) != (ours is None):
        what = f"{type(error or ours).__name__}: {str(error or ours).splitlines()[0] if str(error or ours) else ''}"
        raise Failure(f"{where}: {'PyTorch' if ours is None else 'only we'} raised {what[:300]}") from ours
    if error is not None and not same_type(error, ours):
        raise Failure(f"{where}: {type(error).__name__} expected, got {type(ours).__name__}: {str(ours)[:200]}") from ours


def same_type(error, ours):
    return type(ours).__name__ == type(error).__name__ or isinstance(ours, type(error))


def trials(op, ours, dtype, limit):
    """The samples of an operator for a dtype: contiguous, then not."""
    wants = op.supports_autograd and (dtype.is_floating_point or dtype.is_complex)
    torch.manual_seed(11)
    for i, sample in enumerate(op.sample_inputs("cpu", dtype, requires_grad=wants)):
        if limit is not None and i >= limit:
            return
        yield Trial(op, ours, sample, dtype, f"{str(dtype)[6:]}, sample {i}")
        other, error = raised(sample.noncontiguous)
        if error is None:
            yield Trial(op, ours, other, dtype, f"{str(dtype)[6:]}, sample {i} not contiguous")


def failures(op, limit=None, most=3, debug=False, dtypes=DTYPES):
    """What differs from PyTorch, in words: at most ``most`` things of each kind."""
    ours = our_function(op)
    if ours is None:
        return ["it isn't there"]
    found = {}

    def check(kind, run):
        if len(found.get(kind, ())) >= most:
            return
        try:
            run()
        except Failure as failure:
            found.setdefault(kind, []).append(str(failure))
            if debug and failure.__cause__:
                traceback.print_exception(failure.__cause__)
        except missing as what:
            found.setdefault(kind, []).append(f"we have no {what}")
        except Exception as error:
            if "maximum supported dimension for an ndarray" in str(error):
                return  # a tensor here has at most 64 dims, as many as a NumPy array
            text = str(error).splitlines()[0][:200] if str(error) else ""
            found.setdefault(kind, []).append(f"{kind}: {type(error).__name__}: {text}")
            if debug:
                traceback.print_exc()

    with warnings.catch_warnings(), patch.dict(TOLERANCE, INEXACT.get(op.name, {})):
        warnings.simplefilter("ignore")
        for dtype in dtypes:
            if dtype not in op.dtypes:
                continue
            for trial in trials(op, ours, dtype, limit):
                second = dtype in (torch.float64, torch.complex128) and full_name(op) not in ONCE
                check(f"{dtype}", lambda trial=trial, second=second: trial.run(second))
                if "not contiguous" not in trial.label:
                    check("out=", trial.out)
                    check("in place", trial.in_place)
                    check("method", trial.method)
        check_errors(op, ours, check)
    return [text for texts in found.values() for text in texts]


def check_errors(op, ours, check):
    """Error inputs raise the same type of exception."""
    if op.error_inputs_func is None:
        return
    for i, wrong in enumerate(op.error_inputs("cpu")):
        sample = wrong.sample_input

        def run(sample=sample, wrong=wrong, i=i):
            theirs = (sample.input, sample.args, sample.kwargs)
            if any(x.device.type != "cpu" for x in tensors_in(theirs)):
                return  # a device that we don't have
            (input, args, kwargs) = Crossing()(theirs)
            _, error = raised(lambda: op.op(theirs[0], *theirs[1], **theirs[2]))
            _, our_error = raised(lambda: ours(input, *args, **kwargs))
            if error is not None:
                agree_on_errors(error, our_error, f"error input {i} ({str(error)[:80]})")

        check("errors", run)


# ----------------------------------------------------------------------------------------------------------- the table


def chosen(names):
    if not names:
        return ENTRIES
    return [op for op in ENTRIES if full_name(op) in names or op.name in names or any(n.endswith("*") and full_name(op).startswith(n[:-1]) for n in names)]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", help="entries, such as add or fft.*; all if none is given")
    options.add_argument("--limit", type=int, default=None, help="samples of each dtype")
    options.add_argument("--debug", action="store_true", help="print where our exceptions come from")
    options.add_argument("--dtypes", nargs="+", default=[str(d)[6:] for d in DTYPES], help="such as complex64 complex128")
    options.add_argument("--part", default="1/1", help="2/3: the second third of the entries")
    options.add_argument("--device", default="cpu", help="where ours compute; PyTorch's stay on the CPU")
    asked = options.parse_args()
    dtypes = [getattr(torch, name) for name in asked.dtypes]
    part, parts = map(int, asked.part.split("/"))
    PLACE["device"], minitorch.backends.cudnn.allow_tf32 = asked.device, asked.device == "cpu"  # a GPU's convolutions round more, else
    there = passed = 0
    entries = chosen(asked.names)[part - 1 :: parts]
    for op in entries:
        texts = failures(op, asked.limit, debug=asked.debug, dtypes=dtypes)
        there += texts != ["it isn't there"]
        passed += not texts
        for text in texts:
            print(f"{full_name(op):40} {text}", flush=True)
    print(f"\n{len(entries)} entries, {there} there, {passed} pass")


if __name__ == "__main__":
    main()
