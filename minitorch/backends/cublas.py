"""NVIDIA's library of products, cuBLASLt, by its own interface in C: a product is described once, the library says how it would
go about it, and from then on it is one call. That call allocates nothing, so it may be captured in a graph.

    Product          m, n, k, where the matrices lie                  (matrices.py)
    CublasLt.plan    the library's descriptions of that, and the algorithms that it proposes, once
    Plan.run         the product of what lies at some addresses

The library counts by columns. C = A B in rows is, by columns, Cᵀ = Bᵀ Aᵀ in the same memory: so B comes first here, and A second.

torch: ATen/cuda/CUDABlas.cpp (gemm_and_bias, bgemm_internal_cublaslt)
"""

import ctypes
import math
import weakref
from ctypes import c_double, c_float, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from threading import Lock

__all__ = ["CublasLt", "WORKSPACE"]

WORKSPACE = 32 << 20
"""Bytes that an algorithm may use beside the matrices: as NVIDIA recommends for its large GPUs."""

KINDS = {"float32": 0, "float64": 1, "float16": 2, "complex64": 4, "complex128": 5, "bfloat16": 14}
"""Dtypes, by name → the library's numbers for them (cudaDataType)."""
SINGLE, DOUBLE, TF32 = 68, 70, 77
"""How sums are computed (cublasComputeType_t): in float32, in float64, and in float32 of factors rounded to TF32."""
FACTORS = {
    "float32": ((c_float * 2)(1), (c_float * 2)()), "float64": ((c_double * 2)(1), (c_double * 2)()),
    "complex64": ((c_float * 2)(1), (c_float * 2)()), "complex128": ((c_double * 2)(1), (c_double * 2)()),
}  # fmt: skip
"""1 and 0 in the dtypes that sums may have: a result is 1 A B + 0 C, or with 1 C where a matrix is added."""

FIRST_TURNED, SECOND_TURNED, THEN, BIAS = 3, 4, 7, 8
"""What is said of a product (cublasLtMatmulDescAttributes_t): how its factors lie, what follows, and where the bias is."""
NOTHING, RELU, ADD_BIAS = 1, 2, 4
"""What may follow (cublasLtEpilogue_t): that negative numbers become 0, that a vector is added to each column first."""
BATCH, BETWEEN = 5, 6
"""What is said of a matrix besides its size (cublasLtMatrixLayoutAttribute_t)."""
MOST_BYTES, REDUCTION, ALIGNED = 1, 3, (5, 6, 7, 8)
"""What an algorithm may do (cublasLtMatmulPreferenceAttributes_t): how much memory it uses, how it puts together what it sums in
parts, and how it may count on A, B, C and the result to be aligned."""
IN_SUMS_DTYPE = 2
"""That parts of sums are kept as sums are, not rounded as results are (cublasLtReductionScheme_t)."""
CANDIDATES = 8
"""Algorithms that are asked for: the quickest is among so many, though often not the first."""
SURE = 1.03
"""How much longer the first takes, if another is used."""

STATUS = {
    1: "NOT_INITIALIZED", 3: "ALLOC_FAILED", 7: "INVALID_VALUE", 8: "ARCH_MISMATCH", 11: "MAPPING_ERROR", 13: "EXECUTION_FAILED",
    14: "INTERNAL_ERROR", 15: "NOT_SUPPORTED", 16: "LICENSE_ERROR",
}  # fmt: skip

TAKES = {
    "Create": [c_void_p],
    "MatmulDescCreate": [c_void_p, c_int, c_int], "MatmulDescDestroy": [c_void_p],
    "MatmulDescSetAttribute": [c_void_p, c_int, c_void_p, c_size_t],
    "MatrixLayoutCreate": [c_void_p, c_int, c_uint64, c_uint64, c_int64], "MatrixLayoutDestroy": [c_void_p],
    "MatrixLayoutSetAttribute": [c_void_p, c_int, c_void_p, c_size_t],
    "MatmulPreferenceCreate": [c_void_p], "MatmulPreferenceDestroy": [c_void_p],
    "MatmulPreferenceSetAttribute": [c_void_p, c_int, c_void_p, c_size_t],
    "MatmulAlgoGetHeuristic": [*[c_void_p] * 7, c_int, c_void_p, c_void_p],
    "Matmul": [*[c_void_p] * 14, c_size_t, c_void_p],
}  # fmt: skip
"""The library's functions, whose names begin with cublasLt, and what they take. All return a status."""


class Algorithm(ctypes.Structure):
    """What the library proposes (cublasLtMatmulHeuristicResult_t).   workspace: the bytes that it needs."""

    _fields_ = [
        ("data", c_uint64 * 8), ("workspace", c_size_t), ("status", c_int), ("waves", c_float), ("reserved", c_int * 4),
    ]  # fmt: skip


class CublasLt:
    """The library on the current GPU.   library: what ctypes has loaded."""

    def __init__(self, library):
        self.functions = {name: getattr(library, f"cublasLt{name}") for name in TAKES}
        for name, function in self.functions.items():
            function.argtypes, function.restype = TAKES[name], c_int
        self.handle = self.made("Create")

    def do(self, name, *arguments):
        """Call a function. Raises RuntimeError if that fails."""
        status = self.functions[name](*arguments)
        if status:
            raise failed(name, status)

    def made(self, name, *arguments):
        """The address of what a function makes."""
        made = c_void_p()
        self.do(name, ctypes.byref(made), *arguments)
        return made.value

    def say(self, name, of, attribute, value):
        """Set an attribute of something that the library made."""
        self.do(f"{name}SetAttribute", of, attribute, ctypes.byref(value), ctypes.sizeof(value))

    def plan(self, product, addresses):
        """The Plan of a Product whose A, B, C, bias and added matrix lie at these addresses, or at others aligned like them."""
        together = 0
        for address in addresses:
            together |= address
        aligned = tuple([alignment(address) for address in addresses]) if together & 255 else (256,) * len(addresses)
        found = product.plans.get((self.handle, aligned))
        if found is None:
            found = product.plans[self.handle, aligned] = Plan(self, product, addresses, aligned)
        return found


def alignment(address):
    """The largest power of 2 that divides an address, up to 256.

    >>> alignment(4096), alignment(24)
    (256, 8)
    """
    return min(address & -address, 256)


class Plan:
    """How the library computes a Product.   candidates: the Algorithms that may be tried;   algorithm: the one that is used."""

    def __init__(self, library, product, addresses, aligned):
        self.library, self.multiply = library, library.functions["Matmul"]
        self.made: list = []  # what the library must be told to forget
        weakref.finalize(self, forget, library, self.made).atexit = False
        read, written = product.dtypes
        scale = {"float16": "float32", "bfloat16": "float32"}.get(read, read)
        one, zero = [ctypes.addressof(x) for x in FACTORS[scale]]
        self.factors, self.bias, self.adds = (one, one if product.adds else zero), product.bias, product.adds
        self.b, self.a, self.c = self.described(product, read, written)
        compute = DOUBLE if scale in ("float64", "complex128") else TF32 if product.rounds and read == scale else SINGLE
        self.product = self.make("MatmulDesc", compute, KINDS[scale])
        for attribute, turned in zip((FIRST_TURNED, SECOND_TURNED), reversed(product.turned)):
            library.say("MatmulDesc", self.product, attribute, c_int32(turned))
        if product.bias or product.relu:
            library.say("MatmulDesc", self.product, THEN, c_uint32(ADD_BIAS * product.bias | RELU * product.relu))
        if product.bias:
            library.say("MatmulDesc", self.product, BIAS, c_void_p(addresses[3]))
        self.lock = Lock() if product.bias else None  # the library keeps one bias at a time
        self.last = addresses[3] if product.bias else None
        self.candidates = self.proposed(aligned)
        self.algorithm = self.candidates[0]

    @property
    def workspace(self):
        """The bytes that the algorithm needs."""
        return self.algorithm.workspace

    def make(self, name, *arguments):
        made = self.library.made(f"{name}Create", *arguments)
        self.made.append((name, made))
        return made

    def described(self, product, read, written):
        """The library's descriptions of B, A and C, by columns."""
        m, n, k = product.m, product.n, product.k
        sizes = (k, n, read), (m, k, read), (m, n, written)
        found = []
        for number, (rows, columns, dtype) in zip((1, 0, 2), sizes):
            extents = (rows, columns) if number < 2 and product.turned[number] else (columns, rows)
            found.append(self.make("MatrixLayout", KINDS[dtype], *extents, product.steps[number]))
            if product.batch > 1:
                self.library.say("MatrixLayout", found[-1], BATCH, c_int32(product.batch))
                self.library.say("MatrixLayout", found[-1], BETWEEN, c_int64(product.between[number]))
        return found

    def proposed(self, aligned):
        """The Algorithms for addresses so ``aligned``, the one first that the library thinks is the quickest."""
        a, b, d, *more = aligned
        c = more[-1] if self.adds else d
        library, found, count = self.library, (Algorithm * CANDIDATES)(), c_int()
        limits = library.made("MatmulPreferenceCreate")
        library.say("MatmulPreference", limits, MOST_BYTES, c_uint64(WORKSPACE))
        library.say("MatmulPreference", limits, REDUCTION, c_uint32(IN_SUMS_DTYPE))
        for attribute, most in zip(ALIGNED, (b, a, c, d)):
            library.say("MatmulPreference", limits, attribute, c_uint32(most))
        library.do(
            "MatmulAlgoGetHeuristic", library.handle, self.product, self.b, self.a, self.c, self.c, limits, CANDIDATES, found,
            ctypes.byref(count),
        )  # fmt: skip
        library.do("MatmulPreferenceDestroy", limits)
        known = [algorithm for algorithm in found[: count.value] if not algorithm.status]
        if not known:
            raise failed("MatmulAlgoGetHeuristic", 15)
        return known

    def settle(self, seconds):
        """Keep the candidate that takes least.   seconds(): how long it takes as things are; it may raise RuntimeError."""
        times = []
        for algorithm in self.candidates:
            self.algorithm = algorithm
            try:
                times.append(seconds())
            except RuntimeError:
                times.append(math.inf)
        times[0] /= SURE  # so that it is the first's, if it is hardly slower
        self.algorithm = self.candidates[times.index(min(times))]
        self.candidates = [self.algorithm]

    def run(self, addresses, workspace, stream):
        """C = A B of what lies at the addresses, in the order of the stream.   workspace: the address of so many bytes."""
        if self.lock is None:
            status = self.multiplied(addresses, workspace, stream)
        else:
            with self.lock:
                if addresses[3] != self.last:
                    self.library.say("MatmulDesc", self.product, BIAS, c_void_p(addresses[3]))
                    self.last = addresses[3]
                status = self.multiplied(addresses, workspace, stream)
        if status:
            raise failed("Matmul", status)

    def multiplied(self, addresses, workspace, stream):
        """Call the library; its status."""
        a, b, c = addresses[:3]
        one, factor = self.factors
        algorithm = self.algorithm
        return self.multiply(
            self.library.handle, self.product, one, b, self.b, a, self.a, factor, addresses[-1] if self.adds else c, self.c, c, self.c,
            ctypes.byref(algorithm), workspace, algorithm.workspace, stream,
        )  # fmt: skip


def failed(name, status):
    return RuntimeError(f"CUDA error: CUBLAS_STATUS_{STATUS.get(status, status)} when calling `cublasLt{name}`")


def forget(library, made):
    """Let the library forget what it made."""
    for name, address in made:
        library.functions[f"{name}Destroy"](address)
