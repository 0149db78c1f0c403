"""Functions that return derivatives of functions, and may be nested: grad(grad(f)).

The function is called on copies of its arguments that start a graph of their own, or, where an argument belongs to a
graph already, on a step from it. Whether the results must be differentiable again is then seen in the graph: it is so
if anything but those copies stands at its beginnings.   torch: _functorch/eager_transforms.py
"""

from functools import wraps

from ..autograd import grad as gradients_of
from ..creation import zeros_like
from ..engine import AccumulateGrad, Tensor, edge_of, enable_grad, is_grad_enabled
from ..ops.joining import stack
from .tree import flatten, rebuild

__all__ = ["grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize", "vjp"]


# ------------------------------------------------------------------------------------------------------------ gradients


def grad(func, argnums=0, has_aux=False):
    """The function that returns the gradient of ``func``, a function to one number, by its argument ``argnums``.

    argnums: a position, or a tuple of them. Arguments may be nested lists, tuples and dicts of tensors.
    has_aux: ``func`` returns (number, something else), and the gradient comes with the latter.   torch: func.grad

    >>> from minitorch.func import grad
    >>> grad(grad(lambda x: x ** 3))(tensor(2.))
    tensor(12.)
    """
    both = grad_and_value(func, argnums, has_aux)

    @wraps(func, updated=())
    def gradient(*args, **kwargs):
        result, value = both(*args, **kwargs)
        return (result, value[1]) if has_aux else result

    return gradient


def grad_and_value(func, argnums=0, has_aux=False):
    """As ``grad``; the function returns gradient and value, or (gradient, (value, aux)).   torch: func.grad_and_value"""

    @wraps(func, updated=())
    def both(*args, **kwargs):
        outside = is_grad_enabled()
        with enable_grad():
            args, chosen = _opened(args, argnums)
            output = func(*args, **kwargs)
            output, aux = _with_aux(output, "grad_and_value(f)(*args)") if has_aux else (output, None)
            _check_number(output)
            xs = flatten(chosen)
            again = outside and _reaches_more([output], xs)
            found = rebuild(chosen, _gradients([output], xs, None, again))
            value = _closed(output, again)
        return found, (value, _closed(aux, again)) if has_aux else value

    return both


def _check_number(output):
    if not isinstance(output, Tensor):
        raise RuntimeError(f"grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got {type(output)}")
    if output.dim() != 0:
        raise RuntimeError(
            "grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor with "
            f"{output.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
        )


def _with_aux(output, where):
    if not (isinstance(output, tuple) and len(output) == 2):
        raise RuntimeError(f"{where}: output of function f should be a tuple: (output, aux) if has_aux is True")
    return output


# ------------------------------------------------------------------------------------------------- times a vector, and whole


def vjp(func, *primals, has_aux=False):
    """``func(*primals)``, and the function that takes v to vᵀJ, a tuple: one gradient for each of ``primals``.

    torch: func.vjp

    >>> from minitorch.func import vjp
    >>> value, back = vjp(lambda x: x * x, tensor([1., 2.]))
    >>> back(tensor([1., 10.]))
    (tensor([ 2., 40.]),)
    """
    outside = is_grad_enabled()
    with enable_grad():
        args, _ = _opened(primals, tuple(range(len(primals))))
        output = func(*args)
        output, aux = _with_aux(output, "vjp(f, *primals)") if has_aux else (output, None)
    ys, xs = flatten(output), flatten(args)
    again = outside and _reaches_more(ys, xs)

    def back(cotangents, retain_graph=True, create_graph=None):
        seeds = flatten(cotangents)
        if len(seeds) != len(ys):
            raise RuntimeError(
                f"Expected pytree structure of cotangents to be the same as pytree structure of outputs to the function. "
                f"cotangents: {cotangents}, primal output: {output}"
            )
        differentiable = again or (is_grad_enabled() and any(s.requires_grad for s in seeds))
        with enable_grad():
            return rebuild(args, _gradients(ys, xs, seeds, differentiable, keep=retain_graph))

    result = _closed(output, again)
    return (result, back, _closed(aux, again)) if has_aux else (result, back)


def jvp(func, primals, tangents, *, strict=False, has_aux=False):
    """``func(*primals)``, and J · tangents, how the output changes along them.   torch: func.jvp

    vᵀJ is linear in v, so its derivative by v along the tangents is J · tangents.
    """
    if not isinstance(primals, tuple):
        raise RuntimeError(
            "jvp(f, primals, tangents): Expected primals to be a tuple. "
            "E.g. it should be valid to call f(*primals)."
        )
    if len(flatten(tangents)) != len(flatten(primals)):
        raise RuntimeError(
            "jvp(f, primals, tangents): Expected primals and tangents to have the same python structure."
        )
    outside = is_grad_enabled()
    with enable_grad():
        args, _ = _opened(primals, tuple(range(len(primals))))
        output = func(*args)
        output, aux = _with_aux(output, "jvp(f, primals, tangents)") if has_aux else (output, None)
        ys, xs, along = flatten(output), flatten(args), flatten(tangents)
        again = outside and (_reaches_more(ys, xs) or any(t.requires_grad for t in along))
        change = _pushing(ys, xs)(along, again)
    result = _closed(output, again), rebuild(output, change)
    return (*result, _closed(aux, again)) if has_aux else result


def linearize(func, *primals):
    """``func(*primals)``, and the function that takes tangents to J · tangents, without running ``func`` again.

    Raises RuntimeError for tangents of another shape or dtype than the primals'.   torch: func.linearize

    >>> from minitorch.func import linearize
    >>> value, along = linearize(lambda x: x * x, tensor([1., 2.]))
    >>> along(tensor([1., 10.])), along(tensor([1., 0.]))
    (tensor([ 2., 40.]), tensor([2., 0.]))
    """
    outside = is_grad_enabled()
    with enable_grad():
        args, _ = _opened(primals, tuple(range(len(primals))))
        output = func(*args)
        ys, xs = flatten(output), flatten(args)
        again = outside and _reaches_more(ys, xs)
        push = _pushing(ys, xs)

    def along(*tangents):
        given = flatten(tangents)
        if len(given) != len(xs):
            raise RuntimeError(f"Expected the tangents {tangents} to have the same argspec as the primals {primals}")
        for i, (t, x) in enumerate(zip(given, xs, strict=True)):
            for name, mine, other in (("shape", t.shape, x.shape), ("dtype", t.dtype, x.dtype)):
                if mine != other:
                    raise RuntimeError(
                        f"tangent:{i} with {name} {mine} in flattened pytree doesn't match the {name} {other} of the "
                        "corresponding primal."
                    )
        with enable_grad():
            return rebuild(output, push(given, again, keep=True))

    return _closed(output, again), along


def _pushing(ys, xs):
    """The function that takes tangents of ``xs`` to those of ``ys``."""
    seeds = [zeros_like(y).requires_grad_() for y in ys]
    rows = _gradients(ys, xs, seeds, True)

    def push(along, again, keep=False):
        reached = [(row, t) for row, t in zip(rows, along, strict=True) if row.requires_grad]
        if not reached:
            return [zeros_like(y) for y in ys]
        return _gradients([row for row, _ in reached], seeds, [t for _, t in reached], again, keep)

    return push


def jacrev(func, argnums=0, has_aux=False, *, chunk_size=None, _preallocate_and_copy=False):
    """The function that returns the Jacobian of ``func``, (*output.shape, *input.shape), a row of backward at a time.

    Nested arguments and outputs give nested Jacobians, inputs inside outputs.   torch: func.jacrev

    >>> from minitorch.func import jacrev
    >>> jacrev(lambda x: x * x)(tensor([1., 2.]))
    tensor([[2., 0.],
            [0., 4.]])
    """

    @wraps(func, updated=())
    def jacobian(*args, **kwargs):
        outside = is_grad_enabled()
        with enable_grad():
            args, chosen = _opened(args, argnums)
            output = func(*args, **kwargs)
            output, aux = _with_aux(output, "vjp(f, *primals)") if has_aux else (output, None)
            xs = flatten(chosen)
            again = outside and _reaches_more(flatten(output), xs)
            found = rebuild(output, [rebuild(chosen, _rows(y, xs, again)) for y in flatten(output)])
        return (found, _closed(aux, again)) if has_aux else found

    return jacobian


def _rows(y, xs, again):
    """For each of ``xs`` the derivatives of all elements of ``y``."""
    rows = [_gradients([element], xs, None, again, keep=True) for element in y.reshape(-1).unbind()]
    return [
        stack([row[i] for row in rows]).reshape(*y.shape, *x.shape) if rows else x.new_zeros((*y.shape, *x.shape))
        for i, x in enumerate(xs)
    ]


def jacfwd(func, argnums=0, has_aux=False, *, randomness="error"):
    """The same Jacobian as ``jacrev``'s. PyTorch's takes a column at a time, forward.   torch: func.jacfwd"""
    return jacrev(func, argnums, has_aux)


def hessian(func, argnums=0):
    """The function that returns the second derivatives of ``func``: jacfwd(jacrev(func)).   torch: func.hessian

    >>> from minitorch.func import hessian
    >>> hessian(lambda x: (x ** 3).sum())(tensor([1., 2.]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


# -------------------------------------------------------------------------------------------------------------- the graph


def _opened(args, argnums):
    """``args`` with those at ``argnums`` started anew, and these alone: one, or a tuple of them."""
    wanted = argnums if isinstance(argnums, tuple) else (argnums,)
    if not wanted:
        raise RuntimeError("argnums must be non-empty")
    places = []
    for n in wanted:
        if not isinstance(n, int):
            kind = "argnums must be int or Tuple[int, ...]" if n is argnums else "argnum must be int"
            raise RuntimeError(f"{kind}, got: {type(n)}")
        if not -len(args) <= n < len(args):
            raise RuntimeError(f"Got argnum={n}, but only {len(args)} positional inputs")
        places.append(n % len(args))
    if len(set(places)) != len(places):
        raise RuntimeError(f"argnums elements must be unique, got {tuple(places)}")
    args = list(args)
    for n in places:
        args[n] = rebuild(args[n], [_started(x) for x in flatten(args[n])])
    chosen = tuple(args[n] for n in places)
    return tuple(args), chosen if isinstance(argnums, tuple) else chosen[0]


def _started(x):
    if not isinstance(x, Tensor):
        raise ValueError(f"Thing passed to transform API must be Tensor, got {type(x)}")
    return x.view_as(x) if x.requires_grad else x.detach().requires_grad_()


def _reaches_more(outputs, xs):
    """Whether the graph of ``outputs`` begins at anything but ``xs``."""
    if not all(x.is_leaf for x in xs):
        return True
    own = {edge_of(x) for x in xs}
    todo, seen = [edge_of(y) for y in outputs if isinstance(y, Tensor)], set()
    while todo:
        node = todo.pop()
        if node is None or node in seen or node in own:
            continue
        if isinstance(node, AccumulateGrad):
            return True
        seen.add(node)
        todo += [edge for edge, _ in node.next_functions]
    return False


def _gradients(ys, xs, seeds, again, keep=False):
    """Those of ``xs``, zeros where ``ys`` don't depend on one."""
    pairs = [(y, None if seeds is None else seeds[i]) for i, y in enumerate(ys) if y.requires_grad]
    if not pairs:
        return [zeros_like(x) for x in xs]
    found = gradients_of(
        [y for y, _ in pairs], xs, None if seeds is None else [s for _, s in pairs], retain_graph=True if keep or again else None,
        create_graph=again, allow_unused=True,
    )  # fmt: skip
    return [zeros_like(x) if g is None else g for g, x in zip(found, xs, strict=True)]


def _closed(value, again):
    """``value`` as the caller gets it: without the graph that began here, unless it goes on outside."""
    if again:
        return value
    return rebuild(value, [x.detach() if isinstance(x, Tensor) else x for x in flatten(value)])
