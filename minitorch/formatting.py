"""From an array to the text that PyTorch prints for it.

Layer 1: arrays and a few plain facts go in, a string comes out; no Tensor is known here. An array is
anything with ``shape``, ``size``, ``take``, ``astype`` and ``tolist``: cut first, then a small list of
Python numbers is all that is looked at, so printing a huge tensor costs no more than printing a small one.

Three questions decide how a float tensor looks: are all its numbers whole ("1."), do they span more than
three decades ("1.0000e-05"), or neither ("0.5000")?  All its numbers get the width of the longest.

    tensor([[0.1000, 1.2000],        <- opening, numbers, closing
            [2.0000, 3.5000]], dtype=torch.float64, requires_grad=True)      <- what is out of the ordinary
"""

import math
from contextlib import contextmanager

__all__ = ["format_tensor", "get_printoptions", "printoptions", "set_printoptions"]


# ---------------------------------------------------------------------------------------------------------
# Options

_PROFILES: dict = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}

_options: dict = {**_PROFILES["default"], "sci_mode": None}


def set_printoptions(
    precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None
) -> None:
    """Change how tensors are printed, from now on.

    precision: digits after the point.   threshold: more elements than this are summarized.
    edgeitems: how many a summary shows at each end.   linewidth: where lines break.
    profile: "default", "short" or "full", set before the others.   sci_mode: None lets the numbers decide,
    and that is also what a call without it sets.   torch: set_printoptions

    >>> torch.set_printoptions(precision=2)
    >>> tensor([1.2345])
    tensor([1.23])
    >>> torch.set_printoptions(profile="default")
    """
    _options.update(_PROFILES.get(profile, {}))

    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    _options.update({name: value for name, value in given.items() if value is not None})
    _options["sci_mode"] = sci_mode


def get_printoptions() -> dict:
    """The options in force, in the form that ``set_printoptions(**options)`` takes.

    >>> get_printoptions()["linewidth"]
    80
    """
    return dict(_options)


@contextmanager
def printoptions(**changes):
    """``set_printoptions`` for the length of a ``with`` block.

    >>> with printoptions(sci_mode=True):
    ...     print(tensor([0.5]))
    tensor([5.0000e-01])
    """
    before = get_printoptions()
    set_printoptions(**changes)
    try:
        yield
    finally:
        set_printoptions(**before)


# ---------------------------------------------------------------------------------------------------------
# One number

class _Column:
    """How every number of one tensor is written: its notation, and the width all are padded to."""

    def __init__(self, values, floating):
        self.notation = ""  # str(value): integers and booleans
        shown = values

        if floating:
            # Zeros, infinities and nans don't choose the notation, nor the width.
            shown = [value for value in values if value != 0 and math.isfinite(value)]
            self.notation = _float_notation(shown)

        self.width = max([1, *(len(self.text(value)) for value in shown)])

    def text(self, value):
        if self.notation == "":
            return str(value)
        if self.notation == "whole":
            return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"
        return f"{value:.{_options['precision']}{self.notation}}"

    def padded(self, value):
        return self.text(value).rjust(self.width)


def _float_notation(values):
    """How these nonzero finite floats are written: "whole" (3.), "f" (3.1000) or "e" (3.1000e+00)."""
    if not values:
        return "whole"

    smallest = min(abs(value) for value in values)
    largest = max(abs(value) for value in values)
    scientific = _options["sci_mode"]
    if scientific is None:
        scientific = largest / smallest > 1000.0 or largest > 1.0e8 or smallest < 1.0e-4

    if scientific:
        return "e"
    return "whole" if all(value == math.ceil(value) for value in values) else "f"


class _ComplexColumn:
    """A real column and an imaginary one, joined by the sign: 1.+2.j"""

    def __init__(self, values):
        self.real = _Column([value.real for value in values], floating=True)
        self.imag = _Column([value.imag for value in values], floating=True)
        self.width = self.real.width + self.imag.width + 1

    def padded(self, value):
        imag = self.imag.text(value.imag) + "j"
        sign = "" if imag[0] in "+-" else "+"
        return self.real.padded(value.real) + sign + imag


# ---------------------------------------------------------------------------------------------------------
# All numbers

def _edges(array):
    """(the array without the middle of its long dimensions, which dimensions those are).

    With edgeitems 3, shape (1000, 4) gives shape (6, 4) and [True, False].
    """
    count = _options["edgeitems"]
    if array.size <= _options["threshold"]:
        return array, [False] * len(array.shape)

    cut = [size > 2 * count for size in array.shape]
    for dim, is_cut in enumerate(cut):
        if is_cut:
            size = array.shape[dim]
            array = array.take([*range(count), *range(size - count, size)], axis=dim)
    return array, cut


def _numbers(array, kind, indent):
    """The numbers in brackets; ``indent`` is the column of the first bracket."""
    if _options["edgeitems"] == 0 and array.shape and array.size > _options["threshold"]:
        return "[...]"

    array, cut = _edges(array)
    if kind == "float":
        array = array.astype("float64")  # exact, and a half type's own scalars are strangers to format()
    values = array.reshape(-1).tolist()

    column = _ComplexColumn(values) if kind == "complex" else _Column(values, floating=kind == "float")
    return _brackets(array.tolist(), cut, indent, column)


def _brackets(rows, cut, indent, column):
    if not cut:
        return column.padded(rows)
    if len(cut) == 1:
        return _line(rows, cut[0], indent, column)

    parts = [_brackets(row, cut[1:], indent + 1, column) for row in rows]
    if cut[0]:
        parts.insert(_options["edgeitems"], "...")

    # A blank line stands between matrices, two between boxes of them, and so on.
    between = "," + "\n" * (len(cut) - 1) + " " * (indent + 1)
    return "[" + between.join(parts) + "]"


def _line(values, is_cut, indent, column):
    """One row of numbers, broken where the line is full."""
    texts = [column.padded(value) for value in values]
    if is_cut:
        texts.insert(_options["edgeitems"], " ...")

    per_line = max(1, (_options["linewidth"] - indent) // (column.width + len(", ")))
    lines = [", ".join(texts[start : start + per_line]) for start in range(0, len(texts), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


# ---------------------------------------------------------------------------------------------------------
# The whole tensor

_COMPLEX_DEFAULT = {"float32": "complex64", "float64": "complex128"}


def format_tensor(
    array, *, dtype, default_dtype="float32", device=None, grad_fn=None, requires_grad=False, prefix="tensor("
) -> str:
    """The text of a tensor: its numbers, then whatever about it isn't the default.

    dtype, default_dtype: names, "torch.float32" or "float32".   device: None for the default one.
    grad_fn: the node's name, "AddBackward0".   prefix: "tensor(" or a subclass's name with its parenthesis.
    torch: Tensor.__repr__

    >>> torch.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    >>> torch.tensor([0.5, 1e-5], requires_grad=True)
    tensor([5.0000e-01, 1.0000e-05], requires_grad=True)
    """
    name, default = str(dtype).split(".")[-1], str(default_dtype).split(".")[-1]
    indent = len(prefix)
    ordinary = {default, _COMPLEX_DEFAULT.get(default, "complex64"), "int64", "bool"}
    remarks = [f"device='{device}'"] if device is not None else []

    if array.size == 0:
        # Nothing inside tells the shape, nor integers from floats.
        text, ordinary = "[]", {default}
        show_size = len(array.shape) != 1
    else:
        text = _numbers(array, _kind_of(name), indent)
        show_size = _options["edgeitems"] == 0

    if show_size:
        remarks.append(f"size={tuple(array.shape)}")
    if name not in ordinary:
        remarks.append(f"dtype=torch.{name}")
    if grad_fn is not None:
        remarks.append(f"grad_fn=<{grad_fn}>")
    elif requires_grad:
        remarks.append("requires_grad=True")

    return _with_remarks(prefix + text, remarks, indent)


def _kind_of(name):
    if "complex" in name:
        return "complex"
    return "float" if "float" in name else "integer"


def _with_remarks(text, remarks, indent):
    """Append the remarks, each on a new line where the last one has no room for it."""
    used = len(text) - text.rfind("\n") + 1
    for remark in remarks:
        if used + len(remark) + 2 > _options["linewidth"]:
            text += ",\n" + " " * indent + remark
            used = indent + len(remark)
        else:
            text += ", " + remark
            used += len(remark) + 2
    return text + ")"
