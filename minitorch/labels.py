"""The names that PyTorch prints for the steps of a graph: ``grad_fn=<SumBackward0>``.

A name is the row's label, "Backward" and a number, which tells apart the forms of one operation: the sum of all is 0, over
some dims 1. What a step's name depends on is in its params, and the shapes and numbers that it saved. Those are gone once the
graph was freed; the first form is then named.

torch: the order of overloads in native_functions.yaml
"""

__all__ = ["node_name"]


def node_name(row, params, saved):
    """PyTorch's name for a step that ran ``row`` with ``params`` and kept ``saved``, (out, *inputs), or None if it was freed.

    >>> x = torch.ones(2, 3, requires_grad=True)
    >>> x.sum(0).grad_fn.name(), x[0].grad_fn.name(), (2 ** x).grad_fn.name()
    ('SumBackward1', 'SelectBackward0', 'PowBackward2')
    """
    special = NAMES.get(row.name)
    return f"{row.label}Backward0" if special is None else special(params, saved or ())


def shape_at(saved, position):
    """The shape of an input, None if it wasn't kept."""
    if len(saved) <= position:
        return None
    kept = saved[position]
    return kept[0].shape if kept.__class__ is tuple else getattr(kept, "shape", None)


def is_number(saved, position):
    return len(saved) > position and isinstance(saved[position], (int, float))


def over_dims(label):
    """A reduction of all dims, or of some."""

    def name(params, saved):
        shape = shape_at(saved, 1)
        whole = shape is None or (len(params[0]) == len(shape) and not params[1])
        return f"{label}Backward{0 if whole else 1}"

    return name


def power(params, saved):
    if is_number(saved, 1):
        return "PowBackward2"
    return "PowBackward1" if len(saved) > 2 and saved[2] is not None and not is_number(saved, 2) else "PowBackward0"


def basic_slice(params, saved):
    """The last of the steps that a key stands for."""
    shape = shape_at(saved, 1) or ()
    (key,) = params
    kinds, dim = ["Slice"], 0
    for entry in key:
        if entry is None:
            kinds.append("Unsqueeze")
            continue
        if isinstance(entry, int):
            kinds.append("Select")
        elif dim >= len(shape) or entry != (0, shape[dim], 1):
            kinds.append("Slice")
        dim += 1
    return f"{kinds[-1]}Backward0"


def reshaped(params, saved):
    """Dims of size 1 added or dropped, or another shape."""
    before, after = shape_at(saved, 1), params[0]
    if before is None or before == after or [n for n in before if n != 1] != [n for n in after if n != 1]:
        return "ViewBackward0"
    return "UnsqueezeBackward0" if len(after) > len(before) else "SqueezeBackward0" if len(after) < len(before) else "ViewBackward0"


def permuted(params, saved):
    """Two dims swapped, or any order; a matrix's ``.T`` is any order, as in PyTorch."""
    (dims,) = params
    moved = [d for d, place in enumerate(dims) if d != place]
    return "TransposeBackward0" if len(moved) == 2 and len(dims) > 2 else "PermuteBackward0"


def product(params, saved):
    """Of two matrices, or of two batches of them."""
    shape = shape_at(saved, 1) or shape_at(saved, 2)
    return "MmBackward0" if shape is None or len(shape) == 2 else "BmmBackward0"


NAMES = {
    "assign": lambda params, saved: "CopyBackwards",
    "clamp": lambda params, saved: "ClampBackward1",
    "linear": lambda params, saved: "AddmmBackward0" if len(saved) != 3 else "MmBackward0",
    "matmul": product,
    "mean": over_dims("Mean"),
    "permute": permuted,
    "pow": power,
    "reshape": reshaped,
    "slice": basic_slice,
    "sum": over_dims("Sum"),
    "write": lambda params, saved: "CopySlices",
}
"""The rows whose name depends on more than the row."""
