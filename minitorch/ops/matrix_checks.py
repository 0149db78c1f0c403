"""What the functions of linear algebra ask of their arguments, in PyTorch's words."""

__all__ = ["at_least_matrices", "refuse_integers", "refuse_narrow", "same_dtype", "square"]


def at_least_matrices(A, name, argument="A"):
    if A.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor {argument} must have at least 2 dimensions.")


def square(A, name):
    """Raise RuntimeError unless ``A`` consists of square matrices."""
    at_least_matrices(A, name)
    n, m = A.shape[-2:]
    if n != m:
        raise RuntimeError(f"{name}: A must be batches of square matrices, but they are {n} by {m} matrices")


def refuse_integers(A, name):
    if A._array.dtype.kind in "biu":
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {A._type_name()}\nconvert it first, with .float()"
        )


def refuse_narrow(A, name):
    """Raise RuntimeError for integers and for types narrower than float."""
    refuse_integers(A, name)
    if A.dtype.itemsize == 2:
        raise RuntimeError(
            f"{name}: Low precision dtypes not supported. Got {A._type_name()}\nconvert it first, with .float()"
        )


def same_dtype(A, B, name, first="A"):
    if A.dtype is not B.dtype:
        raise RuntimeError(
            f"{name}: Expected {first} and B to have the same dtype, but found {first} of type {A._type_name()} and B of type "
            f"{B._type_name()} instead"
        )
