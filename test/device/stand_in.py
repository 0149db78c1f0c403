"""A module in CuPy's place, for machines without a GPU: arrays that look like CuPy's and are strict about it.

    with stand_in.installed():
        x = minitorch.ones(3, device="cuda")

Its arrays wrap NumPy's and hide them. NumPy's functions refuse them, with an exception that nothing catches (``Leak``); so
does the conversion to a NumPy array, as CuPy's. It has only the names that CuPy has, and its ufuncs only CuPy's types
(``cupy_names.txt``, read off CuPy 14.2). Whatever brings numbers to the CPU is counted (``COUNTS``): ``get``, ``item``, the
truth of an array, and what makes a shape depend on numbers.

The texts of kernels are compiled by the C++ compiler, if there is one, and run as a loop.
"""

import contextlib
import ctypes
import importlib
import math
import re
import shutil
import subprocess
import sys
import tempfile
import types
from collections import Counter
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy
import scipy.special

from minitorch import backends
from minitorch.backends.cublas import CublasLt

sys.path.append(str(Path(__file__).parent.parent / "compiler"))
cublas_shim, shim = [importlib.import_module(name) for name in ("cublas_shim", "cuda_shim")]

__all__ = ["COUNTS", "Leak", "installed", "ndarray"]

COUNTS: Counter = Counter()
"""How often numbers went "to the CPU" or "to the GPU", and how often one "waited" for a number."""


class Leak(BaseException):
    """NumPy was called with an array of the GPU's. No ``except Exception`` catches it."""


def read_names():
    names, loops = {}, {}
    for line in (Path(__file__).parent / "cupy_names.txt").read_text().splitlines():
        where, _, rest = line.partition(" ")
        if where.endswith(":"):
            names[where[:-1]] = frozenset(rest.split())
        elif not line.startswith("#"):
            loops[where] = rest.split()
    return names, loops


NAMES, LOOPS = read_names()


# -------------------------------------------------------------------------------------------------------------- arrays


def bare(x):
    """An argument with the NumPy arrays in place of ours. Raises TypeError for NumPy arrays, as CuPy does."""
    if x.__class__ is ndarray:
        return x._numpy
    if isinstance(x, numpy.ndarray):
        raise TypeError(f"Unsupported type {type(x)}")
    if isinstance(x, (tuple, list)):
        return type(x)(bare(item) for item in x)
    if isinstance(x, slice):
        return slice(bare(x.start), bare(x.stop), bare(x.step))
    return x


def dressed(x, source=None):
    """A result with our arrays in place of NumPy's; a view's ``base`` is the owner of the ``source``."""
    if isinstance(x, (numpy.ndarray, numpy.generic)):
        array = numpy.asarray(x)
        if array.dtype.kind in "OUSMm":
            raise ValueError(f"Unsupported dtype {array.dtype}")
        base = None
        if source is not None and (not array.size or numpy.may_share_memory(array, source._numpy)):
            base = source if source.base is None else source.base
        return ndarray(_numpy=array, _base=base)
    if isinstance(x, tuple):
        return tuple(dressed(item, source) for item in x)
    return x


def lifted(function, name, waits=False):
    """A function of NumPy's for our arrays."""

    def call(*args, **kwargs):
        if waits:
            COUNTS["waited"] += 1
        out = kwargs.pop("out", None)
        with numpy.errstate(all="ignore"):
            result = function(*bare(args), **{k: bare(v) for k, v in kwargs.items()})
        if out is None:
            return dressed(result)
        out._numpy[...] = result
        return out

    call.__name__ = name
    return call


class Flags:
    def __init__(self, flags, owndata):
        self.c_contiguous, self.f_contiguous, self.owndata = flags.c_contiguous, flags.f_contiguous, owndata
        self.forc, self.fnc = flags.forc, flags.fnc


class Pointer:
    def __init__(self, array):
        self.ptr = array.__array_interface__["data"][0]


class Place:
    id = 0

    def synchronize(self):
        pass

    def __init__(self, device=0):
        pass

    def use(self):
        pass

    __enter__ = __exit__ = lambda self, *exception: None


def viewing(name):
    function = getattr(numpy.ndarray, name)

    def view(self, *args, **kwargs):
        return dressed(function(self._numpy, *bare(args), **kwargs), self)

    return view


def fresh(name):
    function = getattr(numpy.ndarray, name)

    def make(self, *args, **kwargs):
        with numpy.errstate(all="ignore"):
            return dressed(function(self._numpy, *bare(args), **{k: bare(v) for k, v in kwargs.items()}))

    return make


def read(name, count="waited"):
    function = getattr(numpy.ndarray, name)

    def look(self, *args):
        COUNTS[count] += 1
        return function(self._numpy, *args)

    return look


def operator(name, turned=False):
    def operate(self, other):
        if isinstance(other, numpy.ndarray):
            raise TypeError(f"Unsupported type {type(other)}")
        return ufunc(name)(other, self) if turned else ufunc(name)(self, other)

    return operate


def unary(name):
    return lambda self: ufunc(name)(self)


def inplace(name):
    return lambda self, other: ufunc(name)(self, other, self)


class ndarray:
    """CuPy's array, as far as can be seen."""

    __slots__ = ("__weakref__", "_numpy", "base")
    __hash__ = None

    def __init__(self, shape=None, dtype=float, memptr=None, strides=None, order="C", *, _numpy=None, _base=None):
        if memptr is not None:
            raise NotImplementedError("an array laid over a pointer")
        self._numpy = numpy.empty(shape, dtype, order) if _numpy is None else _numpy
        self.base = _base

    dtype, shape, ndim, size = [property(lambda self, n=n: getattr(self._numpy, n)) for n in ("dtype", "shape", "ndim", "size")]
    strides, itemsize, nbytes = [property(lambda self, n=n: getattr(self._numpy, n)) for n in ("strides", "itemsize", "nbytes")]
    flags = property(lambda self: Flags(self._numpy.flags, self.base is None))
    _c_contiguous = property(lambda self: self._numpy.flags.c_contiguous)
    data, device = property(lambda self: Pointer(self._numpy)), property(lambda self: Place())
    T, mT = property(lambda self: dressed(self._numpy.T, self)), property(lambda self: dressed(self._numpy.mT, self))
    real = property(lambda self: dressed(self._numpy.real, self), lambda self, x: self._numpy.real.__setitem__(..., bare(x)))
    imag = property(lambda self: dressed(self._numpy.imag, self), lambda self, x: self._numpy.imag.__setitem__(..., bare(x)))

    reshape, transpose, swapaxes, squeeze = map(viewing, ("reshape", "transpose", "swapaxes", "squeeze"))
    ravel, diagonal_of = map(viewing, ("ravel", "diagonal"))
    copy, astype, take, sum, prod, max, min, all, any, cumsum, cumprod, argmax, argmin, repeat, dot, searchsorted, mean = map(
        fresh, ("copy", "astype", "take", "sum", "prod", "max", "min", "all", "any", "cumsum", "cumprod", "argmax", "argmin", "repeat",
                "dot", "searchsorted", "mean"))  # fmt: skip
    conj = fresh("conj")
    item, tolist, __bool__, __int__, __float__ = map(read, ("item", "tolist", "__bool__", "__int__", "__float__"))
    __complex__, __index__ = map(read, ("__complex__", "__index__"))
    __neg__, __abs__, __invert__ = map(unary, ("negative", "absolute", "invert"))
    __add__, __radd__, __iadd__ = operator("add"), operator("add", True), inplace("add")
    __sub__, __rsub__, __isub__ = operator("subtract"), operator("subtract", True), inplace("subtract")
    __mul__, __rmul__, __imul__ = operator("multiply"), operator("multiply", True), inplace("multiply")
    __truediv__, __rtruediv__, __itruediv__ = operator("true_divide"), operator("true_divide", True), inplace("true_divide")
    __floordiv__, __ifloordiv__ = operator("floor_divide"), inplace("floor_divide")
    __mod__, __pow__, __rpow__ = operator("remainder"), operator("power"), operator("power", True)
    __and__, __rand__, __iand__ = operator("bitwise_and"), operator("bitwise_and", True), inplace("bitwise_and")
    __or__, __ior__, __xor__ = operator("bitwise_or"), inplace("bitwise_or"), operator("bitwise_xor")
    __lt__, __le__, __gt__, __ge__ = map(operator, ("less", "less_equal", "greater", "greater_equal"))
    __eq__, __ne__ = operator("equal"), operator("not_equal")

    def diagonal(self, offset=0, axis1=0, axis2=1):
        view = self.diagonal_of(offset, axis1, axis2)
        view._numpy.flags.writeable = True
        return view

    def __matmul__(self, other):
        return MODULE.matmul(self, other)

    def view(self, dtype=None):
        return dressed(self._numpy.view() if dtype is None else self._numpy.view(dtype), self)

    def argsort(self, axis=-1, kind=None):
        return dressed(self._numpy.argsort(axis, kind="stable"))

    def get(self, stream=None, order="C", out=None, blocking=True):
        COUNTS["to the CPU"] += 1
        return self._numpy.copy()

    def _set_shape_and_strides(self, shape, strides, c, f):
        self._numpy = numpy.lib.stride_tricks.as_strided(self._numpy, shape, strides)

    def fill(self, value):
        self._numpy.fill(bare(value))

    def __len__(self):
        return len(self._numpy)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key):
        key = wrapped(bare(key), self.shape)
        if any(is_mask(k) for k in (key if isinstance(key, tuple) else (key,))):
            COUNTS["waited"] += 1
        advanced = any(isinstance(k, (numpy.ndarray, list)) for k in (key if isinstance(key, tuple) else (key,)))
        return dressed(self._numpy[key], None if advanced else self)

    def __setitem__(self, key, value):
        if isinstance(value, numpy.ndarray) and value.ndim:
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        value = value._numpy if value.__class__ is ndarray else value
        self._numpy[wrapped(bare(key), self.shape)] = value

    def __array__(self, *args, **kwargs):
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy array explicitly."
        )

    def __array_ufunc__(self, function, method, *inputs, **kwargs):
        if any(isinstance(x, numpy.ndarray) for x in inputs):
            raise TypeError(f"NumPy's {function.__name__} of arrays of two kinds")
        raise Leak(f"NumPy's {function.__name__} was called with an array of the GPU's")

    def __array_function__(self, function, kinds, args, kwargs):
        raise Leak(f"NumPy's {function.__name__} was called with an array of the GPU's")

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        return self

    def __dlpack_device__(self):
        return 2, 0

    def __reduce__(self):
        raise Leak("an array of the GPU's was pickled")

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def __repr__(self):
        return f"<stand-in {self._numpy!r}>"


def is_mask(x):
    return isinstance(x, numpy.ndarray) and x.dtype.kind == "b"


def wrapped(key, shape):
    """The key with integer arrays taken modulo the sizes: CuPy doesn't look whether they are in range."""
    if not isinstance(key, tuple):
        key = (key,)
    given = sum(k is not None and k is not Ellipsis for k in key)
    found, d = [], 0
    for k in key:
        if k is Ellipsis:
            d += len(shape) - given
        elif k is not None:
            if isinstance(k, numpy.ndarray) and k.dtype.kind in "iu" and shape[d]:
                k = k % shape[d]
            d += getattr(k, "ndim", 1) if is_mask(k) else 1
        found.append(k)
    return tuple(found)


# ----------------------------------------------------------------------------------------------------------- functions


KINDS = {bool: "?", int: "bBhHiIlLqQeEfdFD", float: "eEfdFD", complex: "FD"}


ADDED = "efdiILQ"
"""The types (dtype.char) that CuPy can add atomically."""


class Ufunc:
    """One of CuPy's ufuncs: it takes the first of its types that all arguments can be cast to."""

    def __init__(self, name, function, loops):
        self.__name__, self.function, self.types = name, function, loops
        self.nin = len(loops[0].partition("->")[0])

    def loop(self, arrays, dtype):
        import ml_dtypes

        kinds = {"E": numpy.dtype(ml_dtypes.bfloat16)}
        for text in self.types:
            takes, _, gives = text.partition("->")
            takes, gives = [[kinds.get(c) or numpy.dtype(c) for c in chars] for chars in (takes, gives)]
            if dtype is not None and (len(gives) != 1 or gives[0] != dtype):
                continue
            if all(fits(x, t) for x, t in zip(arrays, takes, strict=True)):
                return takes, gives
        raise TypeError(f"Wrong type ({[getattr(x, 'dtype', type(x)) for x in arrays]}) of arguments for cupy_{self.__name__}")

    def at(self, a, slices, value):
        if a.dtype.char not in ADDED:
            raise TypeError(f"`{self.__name__}.at` does not support {a.dtype}")
        value = bare(value)
        value = value.astype(a.dtype) if isinstance(value, numpy.ndarray) else value
        getattr(numpy, self.__name__).at(a._numpy, wrapped(bare(slices), a.shape), value)

    def __call__(self, *args, out=None, dtype=None):
        ins, rest = args[: self.nin], args[self.nin :]
        out = rest[0] if rest else out
        arrays = bare(ins)
        takes, gives = self.loop(arrays, None if dtype is None else numpy.dtype(dtype))
        cast = [numpy.asarray(x).astype(t) for x, t in zip(arrays, takes, strict=True)]
        with numpy.errstate(all="ignore"):
            results = self.function(*cast)
        results = results if isinstance(results, tuple) else (results,)
        results = [numpy.asarray(r).astype(g) for r, g in zip(results, gives, strict=True)]
        if out is None:
            return dressed(results[0] if len(results) == 1 else tuple(results))
        if not numpy.can_cast(gives[0], out.dtype, "same_kind"):
            raise TypeError(f"Cannot cast output operand from {gives[0]!r} to {out.dtype!r} according to the rule 'same_kind'")
        if out.shape != results[0].shape:
            raise ValueError("Out shape is mismatched")
        out._numpy[...] = results[0]
        return out


def fits(x, dtype):
    """Whether an argument can be cast to a ufunc's type: Python's numbers by their kind only."""
    if x.__class__ in KINDS:
        return dtype.char in KINDS[x.__class__] or (x.__class__ is bool)
    return numpy.can_cast(x.dtype, dtype)


WAITING = ("nonzero", "argwhere", "flatnonzero", "unique", "bincount", "array_equal", "allclose")


@cache
def ufunc(name, module="cupy"):
    function = getattr(numpy if module == "cupy" else scipy.special, name)
    return Ufunc(name, function, LOOPS[f"{module}.{name}"])


def asarray(a, dtype=None, order=None, *, copy=None, blocking=False):
    if a.__class__ is ndarray:
        return a if dtype is None or a.dtype == dtype else a.astype(dtype)
    if isinstance(a, (list, tuple)) and any(x.__class__ is ndarray for x in a):
        return MODULE.stack(a)
    COUNTS["to the GPU"] += 1
    return dressed(numpy.array(a, dtype))


def array(obj, dtype=None, copy=True, order="K", **options):
    return dressed(numpy.array(obj._numpy, dtype, order=order)) if obj.__class__ is ndarray else asarray(obj, dtype)


def where(condition, x=None, y=None):
    if condition.__class__ is not ndarray:
        raise TypeError("where takes an array as condition")
    return Ufunc("where", numpy.where, LOOPS["cupy.where"])(condition.astype("?"), x, y)


def copyto(dst, src, casting="same_kind", where=None):
    if isinstance(src, numpy.ndarray) and src.ndim:
        raise ValueError("non-scalar numpy.ndarray cannot be used for copyto")
    if dst.__class__ is not ndarray:
        raise TypeError("copyto writes to an array of the GPU's")
    numpy.copyto(dst._numpy, bare(src), casting)


def ascontiguousarray(a, dtype=None):
    return a if a.flags.c_contiguous and a.ndim else dressed(numpy.ascontiguousarray(bare(a)))  # of at least one dim


def broadcast_to(array, shape):
    view = numpy.lib.stride_tricks.as_strided(array._numpy, shape, numpy.broadcast_to(array._numpy, shape).strides)
    return dressed(view, array)


def moveaxis(a, source, destination):
    return dressed(numpy.moveaxis(a._numpy, source, destination), a)


def diagonal(a, offset=0, axis1=0, axis2=1):
    return a.diagonal(offset, axis1, axis2)


def full(shape, fill_value, dtype=None, order="C"):
    return dressed(numpy.full(shape, bare(fill_value), dtype))


def argmax(a, axis=None, dtype=None, out=None, keepdims=False):
    return dressed(numpy.argmax(bare(a), axis, keepdims=keepdims))


def argmin(a, axis=None, dtype=None, out=None, keepdims=False):
    return dressed(numpy.argmin(bare(a), axis, keepdims=keepdims))


def from_dlpack(array, *, device=None, copy=None):
    return array.__dlpack__()


class PinnedMemoryPointer(bytearray):
    pass


def empty_pinned(shape, dtype=float, order="C"):
    count = math.prod(shape)
    memory = PinnedMemoryPointer(max(count * numpy.dtype(dtype).itemsize, 1))
    return numpy.frombuffer(memory, dtype, count).reshape(shape)


def as_strided(x, shape=None, strides=None):
    return ndarray(_numpy=numpy.lib.stride_tricks.as_strided(x._numpy, shape, strides))



def matmul(x1, x2, out=None):
    result = numpy.matmul(bare(x1), bare(x2))
    return dressed(result.astype(numpy.result_type(bare(x1), bare(x2))))


def searchsorted(a, v, side="left", sorter=None):
    return dressed(numpy.searchsorted(bare(a), bare(v), side))


# ------------------------------------------------------------------------------------------------------------- kernels

COMPILER = shutil.which("g++") or shutil.which("c++")


class ElementwiseKernel:
    """A kernel of CuPy's, as a loop of C++."""

    def __init__(self, in_params, out_params, operation, name="kernel", **options):
        self.parameters = [p.split() for p in f"{in_params}, {out_params}".split(",")]
        self.operation, self.name = operation, name
        if not all(p[0] == "raw" or p[0] in CTYPES.values() or "int" in p[0] for p in self.parameters):
            raise NotImplementedError("the stand-in runs kernels of raw arrays and numbers")

    def __call__(self, *args, size):
        types, arguments = {}, []
        for (*raw, kind, _), x in zip(self.parameters, args, strict=True):
            if raw:
                assert x.__class__ is ndarray and x.flags.c_contiguous, "the stand-in runs kernels on contiguous arrays"
                assert types.setdefault(kind, x.dtype.char) == x.dtype.char
                arguments.append(ctypes.c_void_p(x.data.ptr))
            else:
                arguments.append(ctypes.c_int64(x))
        compiled(self.name, tuple(map(tuple, self.parameters)), tuple(types.items()), self.operation)(ctypes.c_int64(size), *arguments)


CTYPES = {"f": "float", "d": "double", "l": "int64_t", "q": "int64_t", "i": "int32_t", "h": "int16_t", "b": "int8_t", "B": "uint8_t",
          "?": "bool", "H": "uint16_t", "I": "uint32_t", "L": "uint64_t"}  # fmt: skip


@cache
def compiled(name, parameters, types, operation):
    if COMPILER is None:
        import pytest

        pytest.skip("needs a C++ compiler, to run the text of a kernel")
    head = ", ".join(f"{dict(types).get(k) and CTYPES[dict(types)[k]]}* {n}" if raw else f"int64_t {n}" for *raw, k, n in parameters)
    aliases = "".join(f"typedef {CTYPES[c]} {k}; " for k, c in types)
    source = f"""
        #include <cmath>
        #include <cstdint>
        #include <algorithm>
        using namespace std;
        extern "C" void kernel(int64_t size, {head}) {{ {aliases}
            for (int64_t i = 0; i < size; ++i) {{ {operation} }}
        }}"""
    folder = Path(tempfile.mkdtemp(prefix="kernel"))
    (folder / f"{name}.cpp").write_text(source)
    subprocess.run([COMPILER, "-O1", "-shared", "-fPIC", "-o", folder / "kernel.so", folder / f"{name}.cpp"], check=True)
    function = ctypes.CDLL(str(folder / "kernel.so")).kernel
    shutil.rmtree(folder)
    return function


SHIM = Path(__file__).parent.parent / "compiler" / "cuda_shim.h"
GLOBAL = re.compile(r'extern "C" __global__ void __launch_bounds__\((\d+)[\d, ]*\) (\w+)\((.*?)\) \{', re.DOTALL)
SCALARS = {"int64": (numpy.int64, ctypes.c_int64), "uint64": (numpy.uint64, ctypes.c_uint64), "double": (float, ctypes.c_double)}


class RawModule:
    """Kernels of CUDA's, as loops of C++ (test/compiler/cuda_shim.h)."""

    def __init__(self, *, code, options=()):
        self.code = code

    def get_function(self, name):
        (found,) = [match for match in GLOBAL.findall(self.code) if match[1] == name]
        return RawKernel(self.code, name, int(found[0]), [p.rsplit(" ", 1)[0].removesuffix(" __restrict__") for p in found[2].split(", ")])


class RawKernel:
    max_dynamic_shared_size_bytes = 0

    def __init__(self, code, name, most, kinds):
        self.code, self.name, self.most, self.kinds = code, name, most, kinds

    @property
    def kernel(self):
        """The same for CUDA's own launch."""
        return types.SimpleNamespace(ptr=launchable(self.code, self.name))

    def __call__(self, grid, block, args, shared_mem=0):
        assert len(args) == len(self.kinds) and block[0] <= self.most
        assert shared_mem <= max(self.max_dynamic_shared_size_bytes, 48 << 10)
        given = []
        for kind, x in zip(self.kinds, args, strict=True):
            if kind.endswith("*"):
                assert x.__class__ is ndarray and x.flags.c_contiguous, "the stand-in runs kernels on contiguous arrays"
                given.append(ctypes.c_void_p(x.data.ptr))
            else:
                wanted, made = SCALARS[kind]
                assert x.__class__ is wanted, (kind, x)
                given.append(made(int(x) if wanted is not float else x))
        sizes = (ctypes.c_int * 3)(*grid, *[1] * (3 - len(grid)))
        raw(self.code, self.name, tuple(self.kinds))(sizes, block[0], *given)


@cache
def raw(code, name, kinds):
    if COMPILER is None:
        import pytest

        pytest.skip("needs a C++ compiler, to run the text of a kernel")
    body = next(body for found, _, body in shim.KERNEL.findall(code) if found == name)
    together = "true" if shim.WAITING.search(body) else "false"
    names = [f"a{k}" for k in range(len(kinds))]
    head = ", ".join([f"{kind} {x}" for kind, x in zip(kinds, names, strict=True)])
    source = f"""
        #include "{SHIM}"
        {code}
        extern "C" void run(const int* grid, int threads, {head}) {{
            shim::run([=] {{ {name}({", ".join(names)}); }}, grid, threads, {together});
        }}"""
    with tempfile.TemporaryDirectory(prefix="kernel") as folder:
        Path(folder, "kernel.cpp").write_text(source)
        flags = ["-std=c++17", "-O1", "-fwrapv", "-ffp-contract=off", "-U_FORTIFY_SOURCE", "-shared", "-fPIC", "-w"]
        done = subprocess.run([COMPILER, *flags, "-o", f"{folder}/kernel.so", f"{folder}/kernel.cpp"], capture_output=True, text=True)
        assert done.returncode == 0, f"{done.stderr[:4000]}"
        return ctypes.CDLL(f"{folder}/kernel.so").run


LAUNCHABLE: list = []
"""(text, name, what each argument is) of the kernels that were asked for; their handles are their numbers here."""


@cache
def launchable(text, name):
    if COMPILER is None:
        import pytest

        pytest.skip("needs a C++ compiler, to run the text of a kernel")
    (arguments, body) = next((arguments, body) for found, arguments, body in shim.KERNEL.findall(text) if found == name)
    LAUNCHABLE.append((text, name, ["Words" in argument for argument in arguments.split(",")], bool(shim.WAITING.search(body))))
    return len(LAUNCHABLE)


def launch_kernel(handle, x, y, z, threads, _, __, shared, stream, places, extra):
    text, name, whole, together = LAUNCHABLE[handle - 1]
    pointers = (ctypes.c_void_p * len(whole)).from_address(places)
    words = [at if is_whole else ctypes.c_uint64.from_address(at).value for at, is_whole in zip(pointers, whole, strict=True)]
    run = getattr(shim.compiled(text), f"run_{name}")
    run((ctypes.c_void_p * len(words))(*words), (ctypes.c_int * 3)(x, y, z), threads, together)


# ------------------------------------------------------------------------------------------------------------- modules


class Module(types.ModuleType):
    """A module with CuPy's names: our own functions, ufuncs, and NumPy's functions lifted."""

    def __init__(self, name, source=None, **own):
        super().__init__(name)
        self.__dict__.update(own)
        self.__path__ = []
        self.source = source

    def __getattr__(self, name):
        if name.startswith("__") or name not in NAMES[self.__name__]:
            raise AttributeError(f"CuPy's module {self.__name__} has no attribute {name}")
        if f"{self.__name__}.{name}" in LOOPS and self.__name__ in ("cupy", "cupyx.scipy.special"):
            return ufunc(name, self.__name__)
        found = getattr(self.source, name)
        if isinstance(found, type) and not issubclass(found, numpy.broadcast):
            return found
        return lifted(found, name, name in WAITING) if callable(found) else found


class Mark:
    """A stream, or a mark in one."""

    def __init__(self, *args, **kwargs):
        pass

    record = synchronize = wait_event = use = begin_capture = lambda self, *args: None
    __enter__ = __exit__ = lambda self, *exception: None
    done, ptr = True, 0

    def is_capturing(self):
        return False

    def end_capture(self):
        return types.SimpleNamespace(launch=lambda: None)


class Block:
    """Memory of the GPU's."""

    def __init__(self, size):
        self.bytes = numpy.empty(size, "uint8")
        self.ptr = self.bytes.ctypes.data


class Pool:
    def used_bytes(self):
        return 0

    total_bytes = free_bytes = used_bytes

    def malloc(self, size):
        return Block(size)

    def free_all_blocks(self, stream=None):
        pass


def modules():
    """All modules of the stand-in, by name."""
    runtime = Module(
        "cupy.cuda.runtime", getDevice=lambda: 0, getDeviceCount=lambda: 1, memGetInfo=lambda: (1 << 33, 1 << 34), setDevice=lambda i: None,
        deviceSynchronize=lambda: None, getDeviceProperties=lambda i: {"name": b"Stand-in", "major": 9, "minor": 0, "totalGlobalMem": 1 << 34,
                                                                       "multiProcessorCount": 4, "maxThreadsPerMultiProcessor": 2048,
                                                                       "warpSize": 32},
    )  # fmt: skip
    nvtx = Module("cupy.cuda.nvtx", RangePush=lambda message: None, RangePop=lambda: None, Mark=lambda message: None)
    cuda = Module(
        "cupy.cuda", runtime=runtime, alloc=Block, nvtx=nvtx, is_available=lambda: True, Device=Place, Stream=Mark, Event=Mark, PinnedMemoryPointer=PinnedMemoryPointer, get_current_stream=Mark, MemoryPool=Pool,
        get_allocator=lambda: Pool().malloc, set_allocator=lambda allocator: None, using_allocator=lambda allocator: contextlib.nullcontext(),
        get_elapsed_time=lambda a, b: 1.0,
    )  # fmt: skip
    cuda.Stream.null = Mark()
    tricks = Module("cupy.lib.stride_tricks", as_strided=as_strided)
    special = Module("cupyx.scipy.special", scipy.special)
    extra = Module("cupyx", empty_pinned=empty_pinned, seterr=lambda **kwargs: None)
    root = Module(
        "cupy", numpy, ndarray=ndarray, asarray=asarray, array=array, where=where, copyto=copyto, ascontiguousarray=ascontiguousarray,
        broadcast_to=broadcast_to, moveaxis=moveaxis, full=full, argmax=argmax, argmin=argmin, from_dlpack=from_dlpack, cuda=cuda,
        linalg=Module("cupy.linalg", numpy.linalg), fft=Module("cupy.fft", numpy.fft), ElementwiseKernel=ElementwiseKernel, RawModule=RawModule,
        searchsorted=searchsorted, matmul=matmul, diagonal=diagonal, get_default_memory_pool=Pool, __version__="14.2.0",
    )  # fmt: skip
    driver = Module("cupy_backends.cuda.api.driver", launchKernel=launch_kernel)
    found = (root, cuda, runtime, nvtx, tricks, special, extra, root.linalg, root.fft, driver)
    names = "cupy.lib", "cupyx.scipy", "cupy_backends", "cupy_backends.cuda", "cupy_backends.cuda.api"
    packages = [types.ModuleType(name) for name in names]
    for package in packages:
        package.__path__ = []
    return {m.__name__: m for m in (*found, *packages)}


MODULES = modules()
MODULE = MODULES["cupy"]


def ours():
    """The modules of the backend that import CuPy."""
    return [name for name in sys.modules if re.match(r"minitorch\.backends\.cupy", name)]


@contextmanager
def installed():
    """A block in which CuPy is this, with one GPU; the real one, if it is there with a GPU, stays."""
    before = {name: m for name, m in sys.modules.items() if name.split(".")[0] in ("cupy", "cupyx", "cupy_backends")}
    before |= {name: sys.modules[name] for name in ours()}
    forget(before)
    sys.modules.update(MODULES | BACKEND)
    products = importlib.import_module("minitorch.backends.cupy_products")
    products.LIBRARIES.setdefault(0, CublasLt(cublas_shim.Library()))
    try:
        yield MODULE
    finally:
        BACKEND.update({name: sys.modules[name] for name in ours()})
        forget([*MODULES, *BACKEND])
        sys.modules.update(before)


BACKEND: dict = {}
"""The modules of the backend that were loaded with this for CuPy, for the next block."""


def forget(names):
    for name in names:
        sys.modules.pop(name, None)
    backends.ACCELERATORS.clear()
    for kind in [kind for kind in backends.ARRAY_TYPES if kind is not numpy.ndarray]:
        del backends.ARRAY_TYPES[kind]
    for name in [name for name in vars(backends) if name.startswith("cupy")]:
        delattr(backends, name)
