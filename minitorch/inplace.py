"""Writing into a tensor's memory, and what that does to its history.

``x.mul_(y)`` runs the same row as ``x * y``, with the memory of ``x`` as the place for the result, and then ``x`` has that
history. If ``x`` is a view, its base is from now on itself with that region replaced; other views of the base notice, for
its Node is another, and follow it anew when they are next used.

torch: torch/csrc/autograd/VariableTypeUtils.h (check_inplace, rebase_history), CopySlices
"""

from . import errors, primitives
from .backends import ACCELERATORS, ARRAY_TYPES
from .graph import GRAD, AccumulateGrad, Node, Stub, edge_of, edges_of, refused_view, remembered
from .modes import MODE, tell
from .promotion import all_fit, explained, fit, on_one_device, wrapped_numbers
from .symbolic import bare, begun

__all__ = ["refuse_write", "remember_write", "write"]


def write(x, row, inputs, params=()):
    """Write what ``row`` makes of ``inputs`` into the memory of ``x``, and give ``x`` that history. Returns ``x``.

    Raises RuntimeError where PyTorch does: for a leaf that wants its gradient, for results of another shape or of a
    higher category of dtype, for memory that several elements share.
    """
    mode, target = MODE, x._array
    if 0 in target.strides and shares_elements(target):
        raise RuntimeError(errors.SHARED_ELEMENTS)
    arrays = [i._array if hasattr(i, "_array") else i for i in inputs]
    if ACCELERATORS and (moved := on_one_device(row, inputs, arrays)) is not None:
        inputs = moved
        arrays = [i._array if hasattr(i, "_array") else i for i in inputs]
    given = params
    if mode.listeners:
        (params, given), arrays = begun(row, params), bare(arrays)
    forward = row.forward
    if row.ready is not None and not all_fit(row.ready, arrays):
        inputs, arrays, forward = fit(row, inputs)
    if x._storage.inference and not mode.inference:
        raise RuntimeError(errors.INFERENCE_WRITTEN)
    if not mode.grad:
        store(target, row, forward, arrays, given)
        x._storage.version += 1
    else:
        view = x._view
        if view is not None and view.made is not GRAD and (x._node is not None or view.base._node is not None):
            raise refused_view(x, False)
        old = edge_of(x)
        wanted, edges = edges_of(inputs)
        wanted &= row.wants
        if wanted or old is not None or (view is not None and view.base._node is not None):
            refuse_write(x, old)
        if wanted and row.kind == "elementwise" and row is not primitives.assign and has_others(inputs, wanted, target.dtype):
            return write(x, primitives.assign, (x, narrowed(x, row, inputs, given)))
        kept = kept_inputs(x, row, inputs, wanted) if wanted else inputs
        store(target, row, forward, arrays, given)
        x._storage.version += 1
        if wanted:
            remember_write(x, remembered(row, kept, params, x, wanted, edges))
        elif old is not None:  # nothing of what x was is left: its history gets a gradient of zero
            remember_write(x, Node(primitives.assign, (), [old, None], [None, None, None], 1))
    if mode.listeners:
        tell(row, inputs, params, x, True)
    return x


def has_others(inputs, wanted, dtype):
    """Whether the inputs that want a gradient have another dtype as well.   wanted: which they are, as a set of bits."""
    return any([wanted >> i & 1 and x._array.dtype != dtype for i, x in enumerate(inputs)])


def narrowed(x, row, inputs, params):
    """What a row makes of inputs of several dtypes, in that of ``x``: the way back casts each gradient to the dtype of its input."""
    made = x._apply(row, inputs, params)
    if made.dtype.category > x.dtype.category:
        raise errors.cast_error(errors.TYPE_NAMES[made.dtype.name], x.dtype.name)
    return made.to(x.dtype)


def shares_elements(array):
    """Whether a dim of the array repeats one element, as an expanded one does."""
    return array.size > 0 and any([n > 1 and s == 0 for n, s in zip(array.shape, array.strides, strict=True)])


def store(target, row, forward, arrays, params):
    """Run ``forward`` into the array ``target``."""
    xp = ARRAY_TYPES[target.__class__]
    try:
        if row.writes:
            result = forward(xp, *arrays, *params, out=target)
        else:
            result = forward(xp, *arrays, *params)
        if result is not target:
            xp.copyto(target, result)
    except OverflowError:
        store(target, row, forward, wrapped_numbers(arrays), params)
    except IndexError as error:
        raise explained(row, arrays, error) from None
    except TypeError as error:
        if "Cannot cast" not in str(error):
            raise explained(row, arrays, error) from None
        cast_within_category(target, xp.asarray(forward(xp, *arrays, *params)), xp)
    except ValueError as error:
        shapes = [a.shape for a in arrays if a.__class__ in ARRAY_TYPES]
        raise errors.broadcast_error(shapes) or errors.output_shape_error(target.shape, shapes, error) from None


def cast_within_category(target, result, xp):
    """Store a result of another dtype. Raises RuntimeError if its category is higher than that of the place."""
    found, wanted = xp.dtype_of(result), xp.dtype_of(target)
    if found.category > wanted.category:
        raise errors.cast_error(errors.TYPE_NAMES[found.name], wanted.name)
    xp.copyto(target, xp.cast(result, wanted))


def refuse_write(x, node):
    """Raise RuntimeError if writing to ``x`` would need history where there can be none."""
    view = x._view
    if view is None:
        if isinstance(node, AccumulateGrad):
            raise RuntimeError(errors.LEAF_WRITTEN)
        return
    if view.made is not GRAD:
        raise refused_view(x, False)
    if isinstance(node, AccumulateGrad) or (node is not None and isinstance(view.base._node, AccumulateGrad)):
        raise RuntimeError(errors.LEAF_VIEW_WRITTEN)


def kept_inputs(x, row, inputs, wanted):
    """``inputs`` to save. Those that vjps read and that lie in the memory of ``x``, as ``x`` itself and its views, are copies."""
    storage, kept = x._storage, inputs
    for p in row.saved_for(wanted, len(inputs), inputs):
        if p and getattr(inputs[p - 1], "_storage", None) is storage:
            kept = list(inputs) if kept is inputs else kept
            kept[p - 1] = x._wrap(inputs[p - 1]._array.copy())
    return kept


def remember_write(x, node):
    """``node`` is the history of ``x`` now. If ``x`` is a view, its base is itself, with this region replaced."""
    view = x._view
    if view is None:
        x._node = node
        return
    base = view.base
    edges = [base._node, node]
    base._node = Node(
        primitives.write, (view.path,), edges, [None, Stub(base), Stub(x)], 2 if base._node is None else 3
    )
