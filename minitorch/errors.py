"""NumPy's complaints in PyTorch's words: the first line as PyTorch has it, the second says what to do.

Only the error path comes here. Nothing is checked before an operation that NumPy will check itself.
"""

import warnings

__all__ = [
    "C_NAMES", "FREED", "INFERENCE_SAVED", "INFERENCE_VERSION", "INFERENCE_WANTING", "INFERENCE_WRITTEN",
    "LEAF_VIEW_WRITTEN", "LEAF_WRITTEN", "LinAlgError", "ONLY_CPU", "OutOfMemoryError", "SHARED_ELEMENTS",
    "TYPE_NAMES", "VIEW_DETACHED", "broadcast_error", "cast_error", "check_seed", "class_name", "complex_error",
    "complex_seed_error", "devices_error", "explain", "factor_error", "gradient_error", "no_gradient_error",
    "not_a_tensor", "not_implemented", "output_shape_error", "overwritten_error", "product_kernel",
    "refuse_mixture", "size_error", "view_error", "warned_of_no_leaf",
]  # fmt: skip


class OutOfMemoryError(RuntimeError):
    """A GPU's memory is full.   torch: OutOfMemoryError"""


FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). "
    "Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if "
    "you need to backward through the graph a second time or if you need to access saved tensors after calling backward.\n"
    "in a training loop this often means that a tensor of the last step is used again: detach() it"
)
LEAF_WRITTEN = (
    "a leaf Variable that requires grad is being used in an in-place operation.\n"
    "its gradient would be lost: write under torch.no_grad(), as optimizers do, or to a copy, x.clone()"
)
LEAF_VIEW_WRITTEN = (
    "a view of a leaf Variable that requires grad is being used in an in-place operation.\n"
    "its gradient would be lost: write under torch.no_grad(), as optimizers do, or to a copy, x.clone()"
)
AMBIGUOUS = (
    " Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view "
    "and the inplace either both inside the {0} block (if you don't want the inplace to be tracked) or both outside (if you want "
    "the inplace to be tracked)."
)
SEVERAL = (
    " This view is the output of a function that returns multiple views. Such functions do not allow the output views to be "
    "modified inplace. You should replace the inplace operation by an out-of-place one."
)
INFERENCE_SAVED = (
    "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in computation tracked "
    "by autograd. To work around this, you can make a clone to get a normal tensor and use it in autograd, or use "
    "`torch.no_grad()` instead of `torch.inference_mode()`."
)
INFERENCE_WRITTEN = (
    "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a normal tensor before "
    "doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details."
)
INFERENCE_WANTING = "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed."
INFERENCE_VERSION = "Inference tensors do not track version counter."
VIEW_DETACHED = (
    "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for training, and "
    "gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence detach_() cannot be called on these "
    "gradients. To fix this error, please refer to the Optimizer.zero_grad() function in torch/optim/optimizer.py as the solution."
)
SHARED_ELEMENTS = (
    "unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() "
    "the tensor before performing the operation.\nit comes of expand() or broadcasting"
)

BOOL_SUBTRACTION = "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead."
BOOL_NEGATION = (
    "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` or "
    "`logical_not()` operator instead."
)
TYPE_NAMES = {
    "float32": "Float", "float64": "Double", "float16": "Half", "bfloat16": "BFloat16", "int64": "Long", "int32": "Int",
    "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool", "complex64": "ComplexFloat",
    "complex128": "ComplexDouble", "uint16": "UInt16", "uint32": "UInt32", "uint64": "UInt64",
}  # fmt: skip
"""What PyTorch's messages call the dtypes, and what those call them that speak C++."""
C_NAMES = {
    "float32": "float", "float64": "double", "float16": "c10::Half", "bfloat16": "c10::BFloat16", "int64": "long int",
    "int32": "int", "int16": "short int", "int8": "signed char", "uint8": "unsigned char", "bool": "bool",
    "complex64": "c10::complex<float>", "complex128": "c10::complex<double>", "uint16": "short unsigned int",
    "uint32": "unsigned int", "uint64": "long unsigned int",
}  # fmt: skip


class _LinAlgError(RuntimeError):
    """Something that this matrix doesn't have: an inverse, a factorization. Named as PyTorch prints it."""


LinAlgError = _LinAlgError

KERNELS = {
    "amax": "max_values_cpu", "amin": "min_values_cpu", "ceil": "ceil_vml_cpu", "det": "lu_cpu",
    "eig": "linalg_eig_out_cpu", "eigh": "linalg_eigh_cpu", "eigvals": "linalg_eig_out_cpu",
    "eigvalsh": "linalg_eigh_cpu", "erf": "erf_vml_cpu", "erfc": "erfc_vml_cpu", "floor": "floor_vml_cpu",
    "floor_divide": "div_floor_cpu", "geqrf": "geqrf_cpu", "ldl": "ldl_factor_kernel_cpu",
    "ldl_solve": "ldl_solve_kernel_cpu", "left_shift": "lshift_cpu", "linear": "addmm_impl_cpu_",
    "log_softmax": "log_softmax_lastdim_kernel_impl", "lu": "lu_cpu", "matmul": "addmm_impl_cpu_", "pow": "pow",
    "qr": "geqrf_cpu", "right_shift": "rshift_cpu", "round": "round_vml_cpu", "slogdet": "lu_cpu",
    "softmax": "softmax_lastdim_kernel_impl", "solve": "lu_cpu", "solve_triangular": "triangular_solve_cpu",
    "svd": "linalg_svd_cpu", "svdvals": "linalg_svd_cpu", "trunc": "trunc_vml_cpu",
}  # fmt: skip
"""What PyTorch's messages call the functions that lack a dtype; of others, the row's name and "_cpu"."""


COMPLEX_REFUSED = {
    "argmax": "argmax(): does not support complex input", "argmin": "argmin(): does not support complex input",
    "argsort": " Sort does not support complex dtypes on CPU", "ceil": "ceil is not supported for complex inputs",
    "clamp": "clamp is not supported for complex types", "floor": "floor is not supported for complex inputs",
    "maximum": "maximum not implemented for complex tensors.", "minimum": "minimum not implemented for complex tensors.",
    "relu": "clamp is not supported for complex types", "signbit": "signbit is not implemented for complex tensors.",
    "sign": "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn instead.",
    "topk_places": " topk does not support complex dtypes on CPU", "trunc": "trunc is not supported for complex inputs",
}  # fmt: skip
"""What PyTorch says of complex numbers where it doesn't just name the function that lacks them."""
RUNTIME = ("argmax", "argmin", "argsort", "maximum", "minimum", "topk_places")
"""Of these, it says so by a RuntimeError; of the others by its subclass NotImplementedError."""


def complex_error(row, dtype_name):
    """For an order, or what is made of one, asked of complex numbers."""
    kernel = KERNELS.get(row.name, f"{row.name}_cpu")
    text = COMPLEX_REFUSED.get(row.name, f"\"{kernel}\" not implemented for '{TYPE_NAMES[dtype_name]}'")
    kind = RuntimeError if row.name in RUNTIME else NotImplementedError
    return kind(f"{text}\ntake its parts, x.real and x.imag, or its size, x.abs()")


def explain(row, shapes, dtype_names, error):
    """The exception to raise for ``error``, which the forward of ``row`` raised."""
    if isinstance(error, IndexError):
        kind = RuntimeError if row.name in ("gather", "scatter", "scatter_add", "scatter_reduce") else IndexError
        return kind(
            str(error).replace("axis", "dimension") + f"\nindices must lie in the tensor, whose shape is {shapes[0]}"
        )
    if isinstance(error, (RuntimeError, NotImplementedError)):
        return error
    if row.kind == "elementwise" and isinstance(error, ValueError):
        found = broadcast_error(shapes)
        if found is not None:
            return found
    if row.name == "matmul" and isinstance(error, ValueError):
        found = broadcast_error([shape[:-2] for shape in shapes])
        if found is not None:
            return found
    if row.name == "sub" and "bool" in dtype_names:
        return RuntimeError(BOOL_SUBTRACTION)
    if row.name == "neg" and "bool" in dtype_names:
        return RuntimeError(BOOL_NEGATION)
    if isinstance(error, TypeError) and dtype_names:
        kernel = KERNELS.get(row.name, f"{row.name}_cpu")
        return not_implemented(kernel, TYPE_NAMES.get(dtype_names[0], dtype_names[0]))
    return RuntimeError(f"{row.name}: {error}\nfor inputs of shapes {', '.join(map(str, shapes))}")


HEAP_TYPE = 1 << 9
"""The flag of a class that a ``class`` statement made (Py_TPFLAGS_HEAPTYPE)."""


def class_name(x):
    """The type of ``x`` as C code names it: "list", "MyClass", but "numpy.ndarray"."""
    kind = type(x)
    if kind.__flags__ & HEAP_TYPE or kind.__module__ == "builtins":
        return kind.__name__
    return f"{kind.__module__}.{kind.__name__}"


def size_error(n, given, shape, function, argument):
    """For a size that isn't whole.   given: the arguments; shape: the same, or the sequence that they are."""
    at, what = next(k for k, x in enumerate(shape) if x is n), class_name(n)
    what = "NoneType" if n is None else "Tensor" if hasattr(n, "is_floating_point") else what
    hint = "a shape is made of whole numbers: n // 2, or int(n / 2)"
    if at:
        unpacked = f'failed to unpack the object at pos {at + 1} with error "type must be tuple of ints,but got {what}"'
        return TypeError(f"{function}(): argument '{argument}' {unpacked}\n{hint}")
    if shape is given and len(given) > 1:
        return TypeError(f"{function}() takes 1 positional argument but {len(given)} were given\n{hint}")
    found = what if shape is given else None
    text = f"must be tuple of ints, not {found}" if found else f"must be tuple of ints, but found element of type {what} at pos 0"
    return TypeError(f"{function}(): argument '{argument}' (position 1) {text}\n{hint}")


def not_a_tensor(function, argument, position, x):
    """For something else where a tensor belongs."""
    return TypeError(
        f"{function}(): argument '{argument}' (position {position}) must be Tensor, not {class_name(x)}\n"
        "make it a tensor first: torch.tensor(...)"
    )


def not_implemented(kernel, type_name):
    """For a dtype that a function of PyTorch's lacks; ``kernel`` is what its messages call that function."""
    return NotImplementedError(
        f"\"{kernel}\" not implemented for '{type_name}'\nconvert the tensor first, e.g. with .float()"
    )


def product_kernel(ranks):
    """What PyTorch's messages call the function that multiplies tensors of these ranks."""
    if ranks == [1, 1]:
        return "dot"
    if 1 in ranks[:2]:
        return "addmv_impl_cpu"
    return "bmm" if min(ranks[:2]) > 2 else "addmm_impl_cpu_"


def refuse_mixture(dtype_names):
    """Raise RuntimeError if a product of matrices is asked of several dtypes, which PyTorch doesn't mix there.

    The third, where there are three, is that of a bias.
    """
    if len(set(dtype_names)) == 1:
        return
    first, second, *bias = dtype_names
    wanted = f"expected m1 and m2 to have the same dtype, but got: {C_NAMES[first]} != {C_NAMES[second]}"
    if bias:
        name, wrong = ("self", bias[0]) if bias[0] != second else ("mat1", first)
        wanted = f"{name} and mat2 must have the same dtype, but got {TYPE_NAMES[wrong]} and {TYPE_NAMES[second]}"
    raise RuntimeError(f"{wanted}\nconvert one of them with .to(dtype)")


def warned_of_no_leaf(tensor):
    """None, the gradient of a tensor without one; with a warning if none will ever arrive."""
    if not tensor.is_leaf and not tensor.retains_grad:
        warnings.warn(
            "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be populated during "
            "autograd.backward(). Call .retain_grad() on it before backward, or look at the leaf that it was computed from.",
            stacklevel=3,
        )


def broadcast_error(shapes):
    """The first dims that can't be broadcast against each other, if there are any."""
    result = ()
    for shape in shapes:
        length = max(len(result), len(shape))
        a = (1,) * (length - len(result)) + tuple(result)
        b = (1,) * (length - len(shape)) + tuple(shape)
        for d in reversed(range(length)):
            if a[d] != b[d] and 1 not in (a[d], b[d]):
                return RuntimeError(
                    f"The size of tensor a ({a[d]}) must match the size of tensor b ({b[d]}) at non-singleton dimension {d}\n"
                    f"the shapes are {tuple(result)} and {tuple(shape)}: dims are matched from the last, and each must be equal "
                    "or 1. Use view, unsqueeze or transpose to line them up."
                )
        result = tuple(max(n, m) if 0 not in (n, m) else 0 for n, m in zip(a, b, strict=True))
    return None


def no_gradient_error(kinds, dtype):
    """For integers and booleans that are asked for a gradient."""
    return RuntimeError(
        f"only Tensors of {kinds} dtype can require gradients\nthis tensor has dtype {dtype}: convert it with .float()"
    )


def complex_seed_error(dtype):
    """For a backward that starts at a complex number, without a gradient."""
    return RuntimeError(
        f"grad can be implicitly created only for real scalar outputs but got {dtype}\n"
        "start from a real number, such as x.abs(), or pass gradient="
    )


def check_seed(i, gradient, output):
    """Raise RuntimeError if one of the two is complex and the other isn't."""
    if (gradient.is_complex() or output.is_complex()) and gradient.dtype is not output.dtype:
        raise RuntimeError(
            "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in dtype: "
            f"grad_output[{i}] has a dtype of {gradient.dtype} and output[{i}] has a dtype of {output.dtype}."
        )


def gradient_error(shape, dtype_name, found_shape, found_dtype_name):
    """For a ``.grad`` that isn't like its tensor."""
    if shape != found_shape:
        return RuntimeError(
            f"attempting to assign a gradient of size '{list(found_shape)}' to a tensor of size '{list(shape)}'. Please ensure that the "
            "gradient and the tensor are the same size"
        )
    return RuntimeError(
        f"attempting to assign a gradient with dtype '{C_NAMES[found_dtype_name]}' to a tensor with grad_dtype "
        f"'{TYPE_NAMES[dtype_name]}'. The gradient must match the tensor's grad_dtype (defaults to the tensor's dtype). You can set the "
        "tensor's grad_dtype attribute with a specific dtype, or None to allow any dtype. Set grad_dtype with caution. Diverging the "
        "dtypes of a tensor and its gradient may break downstream systems that assume they match."
    )


def view_error(made, output, indirect):
    """For a view that can't follow a write: how it was ``made``, which ``output`` of which step it is, such as "1 of Split"
    (None if no step was remembered); and whether the write was to another view of its memory."""
    written = "its base or another view of its base has been" if indirect else "is being"
    block = "inference_mode" if made == "inference" else "no_grad"
    if made == "several" and output is not None:
        text = f"Output {output} is a view and {written} modified inplace."
    else:
        start = "A view was" if output is None else f"Output {output} is a view of a view which was"
        text = (
            f"{start} created in inference mode and {written} modified inplace in normal mode."
            if made == "inference"
            else f"{start} created in no_grad mode and {written} modified inplace with grad mode enabled."
        )
    return RuntimeError(text + (SEVERAL if made == "several" else AMBIGUOUS.format(block)))


ONLY_CPU = "this installation computes on the CPU only: ask torch.cuda.is_available() first"


def devices_error(first, second):
    """For tensors on two devices."""
    return RuntimeError(
        f"Expected all tensors to be on the same device, but found at least two devices, {first} and {second}!\n"
        "move one of them first: x.to(y.device)"
    )


def cast_error(kind, dtype_name):
    """For a write in place of a result whose dtype has a higher category."""
    return RuntimeError(
        f"result type {kind} can't be cast to the desired output type {TYPE_NAMES[dtype_name]}\n"
        "an operation in place can't change the tensor's dtype: write x = x + y instead of x += y"
    )


def output_shape_error(shape, shapes, error):
    """For a write in place of a result that is larger than the place."""
    result = ()
    for s in shapes:
        length = max(len(result), len(s))
        a, b = (1,) * (length - len(result)) + tuple(result), (1,) * (length - len(s)) + tuple(s)
        result = tuple(m if n == 1 else n for n, m in zip(a, b, strict=True))
    if result == tuple(shape):
        return RuntimeError(str(error))
    return RuntimeError(
        f"output with shape {list(shape)} doesn't match the broadcast shape {list(result)}\n"
        "an operation in place can't change the tensor's shape: write x = x + y instead of x += y"
    )


def overwritten_error(dtype_name, shape, producer, found, expected):
    """A value that backward needs was written to after it was computed."""
    what = f"torch.{TYPE_NAMES[dtype_name]}Tensor {list(shape)}"
    origin = f", which is output 0 of {producer}," if producer else ""
    return RuntimeError(
        f"one of the variables needed for gradient computation has been modified by an inplace operation: [{what}]{origin} is "
        f"at version {found}; expected version {expected} instead. Hint: enable anomaly detection to find the operation that "
        "failed to compute its gradient, with torch.autograd.set_detect_anomaly(True, check_nan=False).\n"
        "replace the operation in place (x += y, x.relu_(), x[i] = y) by one that makes a new tensor, or write to a clone()"
    )


NO_FACTORS = {
    "cholesky": "The factorization could not be completed because the input is not positive-definite (the leading minor of order "
    "{0} is not positive-definite).",
    "eigh": "The algorithm failed to converge because the input matrix is ill-conditioned or has too many repeated eigenvalues "
    "(error code: {0}).",
    "inv": "The diagonal element {0} is zero, the inversion could not be completed because the input matrix is singular.",
    "lu": "U[{0},{0}] is zero and using it on lu_solve would result in a division by zero. If you still want to perform the "
    "factorization, consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)",
    "solve": "The solver failed because the input matrix is singular.",
    "svd": "The algorithm failed to converge because the input matrix contained non-finite values.",
}


def factor_error(reason, name, info, batched):
    """For the first matrix of a batch whose ``info``, a list, isn't 0; ``name`` is that of the function."""
    i = next(i for i, code in enumerate(info) if code)
    place = f"(Batch element {i}): " if batched else ""
    kind = RuntimeError if reason == "lu" else LinAlgError
    return kind(f"{name}: {place}{NO_FACTORS[reason].format(info[i])}")
