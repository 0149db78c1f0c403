"""A function of one element as a function of a batch.   torch: _functorch/vmap.py"""

from functools import partial, wraps

from ..engine import Tensor
from ..ops.joining import stack
from ..random import set_states_of_all, states_of_all
from .tree import flatten, like, rebuild

__all__ = ["vmap"]


def vmap(func, in_dims=0, out_dims=0, randomness="error", *, chunk_size=None):
    """The function that calls ``func`` on every slice of its arguments and stacks the results.

    in_dims: the dim to take slices of, None for the same argument each time: for all arguments, or nested as they are.
    out_dims: the dim of the results to stack at. Keyword arguments are given as they are.
    randomness: what draws from the default generator come to, "different" for each slice, the "same", or an "error".
    Here it is a loop over the slices: the numbers are PyTorch's, the speed is that of the loop.   torch: vmap, func.vmap

    >>> from minitorch.func import vmap
    >>> vmap(torch.dot)(tensor([[1., 2.], [3., 4.]]), tensor([[1., 1.], [2., 0.]]))
    tensor([3., 6.])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}"
        )
    if chunk_size is not None and not chunk_size > 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @wraps(func, updated=())
    def mapped(*args, **kwargs):
        leaves, dims = _dims_of(func, in_dims, args)
        results, before = [], None if randomness == "different" else states_of_all()
        for i in range(_batch_size(leaves, dims)):
            if i and randomness == "same":
                set_states_of_all(before)
            slices = [x if d is None else x.select(d, i) for x, d in zip(leaves, dims, strict=True)]
            results.append(func(*rebuild(args, slices), **kwargs))
            if randomness == "error":
                _refuse_draws(before)
        return _stacked(func, results, out_dims)

    return mapped


def _refuse_draws(before):
    """Raise RuntimeError, as if nothing had been drawn, if the default generator went on since its state ``before``."""
    if states_of_all() != before:
        set_states_of_all(before)
        raise RuntimeError(
            "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' "
            "randomness flags on vmap or perform the randomness operation out of vmap"
        )


def _dims_of(func, in_dims, args):
    """The leaves of ``args``, and the dim to slice each along, or None."""
    where = f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(
            f"{where}: expected `in_dims` to be int or a (potentially nested) tuple "
            f"matching the structure of inputs, got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({_name(func)})(<inputs>): got no inputs. Maybe you forgot to add "
            f"inputs, or you are trying to vmap over a function with no inputs. The latter is unsupported."
        )
    dims = like(args, in_dims)
    if dims is None:
        raise ValueError(f"{where}: in_dims is not compatible with the structure of `inputs`.")
    leaves = flatten(args)
    for x, dim in zip(leaves, dims, strict=True):
        _check_dim(where, x, dim)
    return leaves, dims


def _check_dim(where, x, dim):
    if dim is None:
        return
    if not isinstance(dim, int):
        raise ValueError(f"{where}: Got in_dim={dim} for an input but in_dim must be either an integer dimension or None.")
    if not isinstance(x, Tensor):
        raise ValueError(
            f"{where}: Got in_dim={dim} for an input but the input is of type {type(x)}. "
            "We cannot vmap over non-Tensor arguments, please use None as the respective in_dim"
        )
    if not -x.dim() <= dim < x.dim():
        raise ValueError(
            f"{where}: Got in_dim={dim} for some input, but that input is a Tensor of dimensionality {x.dim()} "
            f"so expected in_dim to satisfy -{x.dim()} <= in_dim < {x.dim()}."
        )


def _batch_size(leaves, dims):
    sizes = [x.size(d) for x, d in zip(leaves, dims, strict=True) if d is not None]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if len(set(sizes)) > 1:
        raise ValueError(
            f"vmap: Expected all tensors to have the same size in the mapped "
            f"dimension, got sizes {sizes} for the mapped dimension"
        )
    if sizes[0] == 0:
        raise NotImplementedError("vmap over no slices is not supported: what the function returns is not known")
    return sizes[0]


def _stacked(func, results, out_dims):
    first = results[0]
    if isinstance(first, Tensor) and isinstance(out_dims, tuple) and len(out_dims) == 1:
        out_dims = out_dims[0]
    dims = like(first, out_dims)
    if dims is None:
        raise ValueError(
            f"vmap({_name(func)}, ..., out_dims={out_dims})(<inputs>): "
            f"out_dims is not compatible with the structure of `outputs`."
        )
    columns = zip(*(flatten(result) for result in results), strict=True)
    return rebuild(first, [_joined(func, column, dim) for column, dim in zip(columns, dims, strict=True)])


def _joined(func, column, dim):
    if dim is None:
        return column[0]
    if not isinstance(column[0], Tensor):
        raise ValueError(
            f"vmap({_name(func)}, ...): `{_name(func)}` must only return Tensors, got type {type(column[0])}. "
            "Did you mean to set out_dims= to None for output?"
        )
    return stack(column, dim)


def _name(func):
    if isinstance(func, partial):
        return f"functools.partial({_name(func.func)}, ...)"
    return getattr(func, "__name__", None) or repr(func)
