"""autograd.Function: what reaches backward, what comes of it, and what is refused, as in PyTorch."""

import gc
import weakref

import pytest
import torch

import minitorch as mt


def leaf(lib, *values):
    return lib.tensor(values or (1.0, 2.0), requires_grad=True)


def make(lib, forward, backward=None, **more):
    """A Function of two plain functions."""
    methods = {"forward": staticmethod(forward), **{name: staticmethod(method) for name, method in more.items()}}
    if backward is not None:
        methods["backward"] = staticmethod(backward)
    return type("F", (lib.autograd.Function,), methods)


def doubled(ctx, x, *rest):
    return x * 2


def gradients(lib, function, *args, times=1):
    """The outputs and the gradients of all leaves, of the outputs' sum times a number each."""
    outputs = function.apply(*args)
    many = outputs if isinstance(outputs, tuple) else (outputs,)
    loss = sum(((i + 2) * y * y).sum() for i, y in enumerate(many) if hasattr(y, "sum") and y.requires_grad)
    loss.backward()
    return outputs, [x.grad for x in args if hasattr(x, "grad")]


def cube(lib):
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x**2

    return make(lib, forward, backward)


def saved_output(lib):
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y, None)
        return y

    def backward(ctx, g):
        y, nothing = ctx.saved_tensors
        assert nothing is None
        return g * y

    return make(lib, forward, backward)


def product(lib):
    """Two outputs, two inputs, each saved."""

    def forward(ctx, x, z):
        y = x * z
        ctx.save_for_backward(x, z, y)
        return y, y.sin()

    def backward(ctx, g, h):
        x, z, y = ctx.saved_tensors
        g = g + h * y.cos()
        return g * z, g * x

    return make(lib, forward, backward)


def third(function, count=1):
    """Derivatives up to the third."""

    def program(lib):
        inputs = [leaf(lib, 0.5, 1.5), leaf(lib, -1.0, 0.7)][:count]
        outputs = function(lib).apply(*inputs)
        y = sum((y * y).sum() for y in (outputs if isinstance(outputs, tuple) else (outputs,)))
        results = []
        for _ in range(3):
            found = lib.autograd.grad(y, inputs, create_graph=True)
            results += found
            y = sum(g.sum() for g in found)
        return results

    return program


def needs(lib):
    seen = []

    def forward(ctx, *args):
        seen.append(ctx.needs_input_grad)
        return args[0] * args[1]

    function = make(lib, forward, lambda ctx, g: (seen.append(ctx.needs_input_grad), (g, g, None))[1])
    function.apply(leaf(lib), lib.ones(2), 3).sum().backward()
    with lib.no_grad():
        y = function.apply(leaf(lib), lib.ones(2), 3)
    return seen, y, function.apply(lib.ones(2), lib.ones(2), 3)


def missing_gradients(materialize):
    def program(lib):
        seen = []

        def forward(ctx, x):
            ctx.set_materialize_grads(materialize)
            return x * 2, x * 3, x.long()

        def backward(ctx, *gs):
            seen.append(gs)
            return gs[1]

        x = leaf(lib)
        outputs = make(lib, forward, backward).apply(x)
        outputs[1].sum().backward()
        return seen, x.grad, outputs

    return program


def non_differentiable(lib):
    seen = []

    def forward(ctx, x):
        y, z = x * 2, x * 3
        ctx.mark_non_differentiable(z)
        return y, z

    def backward(ctx, g, h):
        seen.append((g, h))
        return g * 2

    return gradients(lib, make(lib, forward, backward), leaf(lib)), seen


def other_things(lib):
    def forward(ctx, x, n, text, things):
        ctx.n = n
        ctx.shapes = ctx.saved = ctx.params = ctx.row = ctx.number = ctx.edges = text  # the user's names are the user's
        return x * n, text, None, things

    def backward(ctx, g, *rest):
        return g * ctx.n, None, None, None

    return gradients(lib, make(lib, forward, backward), leaf(lib), 3, "text", [lib.ones(1)])


def broadcast_gradient(lib):
    return gradients(lib, make(lib, doubled, lambda ctx, g: g.new_ones(4, 2)), leaf(lib))


def cast_gradient(lib):
    return gradients(lib, make(lib, doubled, lambda ctx, g: g.double()), leaf(lib))


def unused_input(lib):
    return gradients(lib, make(lib, lambda ctx, x, z: x * 2, lambda ctx, g: (g, None)), leaf(lib), leaf(lib))


def gradient_for_what_needs_none(lib):
    return gradients(lib, make(lib, lambda ctx, x, z: x * 2, lambda ctx, g: (g, g)), leaf(lib), lib.ones(2))


def input_returned(lib):
    x = leaf(lib)
    y = make(lib, lambda ctx, x: x, lambda ctx, g: g * 5).apply(x)
    y.sum().backward()
    return y is x, y.requires_grad, x.grad, y.data_ptr() == x.data_ptr(), x.is_leaf


def input_viewed(lib):
    x = leaf(lib)
    y = make(lib, lambda ctx, x: x.view(2, 1), lambda ctx, g: g.view(2) * 5).apply(x)
    y.sum().backward()
    return y, x.grad


def view_written(lib):
    y = make(lib, lambda ctx, x: x.view(2, 1), lambda ctx, g: g.view(2)).apply(leaf(lib))
    try:
        y.add_(1)
    except RuntimeError:
        return "refused"


def scaled(ctx, x):
    ctx.mark_dirty(x)
    return x.mul_(3)


def dirty(lib):
    x = leaf(lib)
    w = x * 1
    y = make(lib, scaled, lambda ctx, g: g * 7).apply(w)
    (w * w).sum().backward()
    return y is w, y, x.grad


def dirty_view(lib):
    x = leaf(lib)
    w = x * 1
    v = w[0:1]
    make(lib, scaled, lambda ctx, g: g * 7).apply(v)
    (w * lib.tensor([1.0, 10.0])).sum().backward()
    return w, v, x.grad


def dirty_and_another(lib):
    def forward(ctx, x, z):
        ctx.mark_dirty(x)
        ctx.save_for_backward(z)
        return x.mul_(z), z * 2

    x, z = leaf(lib), leaf(lib, 3.0, 4.0)
    w = x * 1
    y, u = make(lib, forward, lambda ctx, g, h: (g * ctx.saved_tensors[0], h * 2)).apply(w, z)
    (y * y + u).sum().backward()
    return y, u, x.grad, z.grad


def dirty_plain(lib):
    w = lib.ones(2)
    y = make(lib, lambda ctx, w, x: scaled(ctx, w).add_(x), lambda ctx, g: (None, g)).apply(w, leaf(lib))
    return y is w, y


def separate(lib):
    def forward(x, n=3):
        return x * n

    def setup_context(ctx, inputs, output):
        x, ctx.n = inputs[:2]
        ctx.count = len(inputs)
        ctx.save_for_backward(x, output)

    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return g * ctx.n + 0 * x * y, None

    function = make(lib, forward, backward, setup_context=setup_context)
    return [gradients(lib, function, leaf(lib), *rest) for rest in ((), (5,))]


def by_vjp(lib):
    return gradients(lib, make(lib, doubled, vjp=lambda ctx, g: g * 2), leaf(lib))


def without_recording(lib):
    x = leaf(lib)
    with lib.no_grad():
        y = cube(lib).apply(x)
    return y, cube(lib).apply(lib.ones(2))


def recorded_inside(lib):
    """Forward runs with gradients off, but may switch them on for its own use."""

    def forward(ctx, x):
        assert not lib.is_grad_enabled()
        with lib.enable_grad():
            inner = x.detach().requires_grad_()
            y = (inner**3).sum()
        (ctx.slope,) = lib.autograd.grad(y, inner)
        return y.detach()

    def backward(ctx, g):
        assert not lib.is_grad_enabled()
        return g * ctx.slope

    return gradients(lib, make(lib, forward, backward), leaf(lib))


def kept_by_the_author(lib):
    """A gradient that backward keeps for itself isn't written to."""
    cache = []

    def backward(ctx, g):
        cache.append(g * 2)
        return cache[-1]

    x = leaf(lib)
    function = make(lib, doubled, backward)
    (function.apply(x) + function.apply(x) * 3).sum().backward()
    (function.apply(x) * 5).sum().backward()
    return sorted(g.tolist() for g in cache), x.grad


def hooked(lib):
    x = leaf(lib)
    a, b = product(lib).apply(x, leaf(lib, 3.0, 4.0))
    a.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    (a + b).sum().backward()
    return x.grad


def used_many_times(lib):
    x, z = leaf(lib), leaf(lib, 3.0, 4.0)
    a, b = product(lib).apply(x, z)
    c, d = product(lib).apply(a, b)
    (a * c + b * d + a).sum().backward()
    return x.grad, z.grad


def only_some_inputs(lib):
    x, z = leaf(lib), leaf(lib, 3.0, 4.0)
    a, b = product(lib).apply(x, z)
    return lib.autograd.grad((a * b).sum(), z, retain_graph=True), lib.autograd.grad((a * b).sum(), [a, b, x])


def in_a_deep_chain(lib):
    x = leaf(lib)
    y = x
    function = make(lib, lambda ctx, x: x + 1, lambda ctx, g: g)
    for _ in range(3000):
        y = function.apply(y)
    y.sum().backward()
    return y, x.grad


def facts(lib):
    """What the history of an output tells."""
    x = leaf(lib)
    node = cube(lib).apply(x).grad_fn
    multi = product(lib).apply(x, leaf(lib))[1].grad_fn
    return (node.name(), multi.name(), [n.name().split("::")[-1] for n, _ in node.next_functions], node.saved_tensors[0] is x,
            node.needs_input_grad, str(node).split(" at")[0])  # fmt: skip


def backward_to_one_input(lib):
    """Its backward gives the gradients of both; only one of them is wanted."""
    a, b, hooked = leaf(lib), leaf(lib, 3.0, 4.0), []
    b.register_hook(lambda g: hooked.append(g.tolist()))
    product(lib).apply(a, b)[0].sum().backward(inputs=[a])
    found = lib.autograd.grad(product(lib).apply(a, b)[0].sum(), a)
    return a.grad, b.grad, found, hooked


PROGRAMS = {
    "cube": lambda lib: gradients(lib, cube(lib), leaf(lib)),
    "saved output": lambda lib: gradients(lib, saved_output(lib), leaf(lib)),
    "two outputs": lambda lib: gradients(lib, product(lib), leaf(lib), leaf(lib, 3.0, 4.0)),
    "third derivatives": third(cube),
    "third derivatives, saved output": third(saved_output),
    "third derivatives, two outputs": third(product, 2),
    "needs": needs,
    "zeros for missing": missing_gradients(True),
    "none for missing": missing_gradients(False),
    "non-differentiable": non_differentiable,
    "other things": other_things,
    "broadcast gradient": broadcast_gradient,
    "cast gradient": cast_gradient,
    "unused input": unused_input,
    "gradient for what needs none": gradient_for_what_needs_none,
    "input returned": input_returned,
    "input viewed": input_viewed,
    "view written": view_written,
    "dirty": dirty,
    "dirty view": dirty_view,
    "dirty and another": dirty_and_another,
    "dirty without gradient": dirty_plain,
    "separate context": separate,
    "vjp": by_vjp,
    "no recording": without_recording,
    "recorded inside": recorded_inside,
    "kept by the author": kept_by_the_author,
    "hooks": hooked,
    "many times": used_many_times,
    "only some": only_some_inputs,
    "backward to one input": backward_to_one_input,
    "deep": in_a_deep_chain,
    "facts": facts,
    "integer output": lambda lib: make(lib, lambda ctx, x: x.long()).apply(leaf(lib)),
    "number": lambda lib: make(lib, lambda ctx, x: 3).apply(leaf(lib)),
    "nothing": lambda lib: make(lib, lambda ctx, x: None).apply(leaf(lib)),
    "list": lambda lib: make(lib, lambda ctx, x: [x * 2]).apply(leaf(lib)),
    "tensors in a list": lambda lib: make(lib, lambda ctx, xs: xs[0] * 2).apply([leaf(lib)]),
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_as_in_torch(program, agree):
    agree(program)


def run(lib, backward, *args, forward=doubled):
    make(lib, forward, backward).apply(*(args or (leaf(lib),))).sum().backward()


def freed(lib):
    y = cube(lib).apply(leaf(lib)).sum()
    y.backward()
    y.backward()


def freed_saved(lib):
    y = cube(lib).apply(leaf(lib))
    y.sum().backward()
    return y.grad_fn.saved_tensors


def nothing_saved(lib):
    x = leaf(lib)
    y = make(lib, doubled, lambda ctx, g: g * 2).apply(x)
    y.sum().backward()
    y.sum().backward()
    return x.grad


def overwritten(which):
    def program(lib):
        q = leaf(lib) * 1
        y = (cube if which == "input" else saved_output)(lib).apply(q)
        (q if which == "input" else y).mul_(2)
        y.sum().backward()

    return program


def once(lib, seen_by):
    from importlib import import_module

    mark = import_module(f"{lib.__name__}.autograd.function").once_differentiable

    @mark
    def backward(ctx, g):
        return g * 2

    x = leaf(lib)
    y = make(lib, doubled, backward).apply(x)
    (g,) = lib.autograd.grad((y * y).sum(), x, create_graph=True)
    return g.sum().backward() if seen_by == "differentiated" else g.detach()


ERRORS = {
    "too many": lambda lib: run(lib, lambda ctx, g: (g, g)),
    "too few": lambda lib: run(lib, lambda ctx, g: g, leaf(lib), leaf(lib), forward=lambda ctx, x, z: x * z),
    "for a number": lambda lib: run(lib, lambda ctx, g: (g, g), leaf(lib), 3),
    "a float": lambda lib: run(lib, lambda ctx, g: 3.0),
    "a list": lambda lib: run(lib, lambda ctx, g: [g]),
    "shape": lambda lib: run(lib, lambda ctx, g: lib.ones(3)),
    "fewer dims": lambda lib: run(lib, lambda ctx, g: lib.tensor(1.0)),
    "second shape": lambda lib: run(
        lib,
        lambda ctx, n, g: (None, None, lib.ones(3)),
        1,
        leaf(lib),
        leaf(lib),
        forward=lambda ctx, n, x, z: (x * z, 1)[0],
    ),
    "no forward": lambda lib: lib.autograd.Function.apply(leaf(lib)),
    "no backward": lambda lib: run(lib, None),
    "saved number": lambda lib: run(lib, None, forward=lambda ctx, x: ctx.save_for_backward(x, 3)),
    "freed": freed,
    "freed, saved": freed_saved,
    "nothing saved": nothing_saved,
    "overwritten input": overwritten("input"),
    "dirty, not returned": lambda lib: run(
        lib, None, leaf(lib) * 1, forward=lambda ctx, x: (ctx.mark_dirty(x), x * 2)[1]
    ),
    "dirty leaf": lambda lib: run(lib, None, forward=scaled),
    "once": lambda lib: once(lib, "used"),
    "once, differentiated": lambda lib: once(lib, "differentiated"),
    "error inside": lambda lib: run(lib, lambda ctx, g: 1 // 0),
}


@pytest.mark.parametrize("program", ERRORS.values(), ids=ERRORS)
def test_errors(program, agree):
    agree(lambda lib: renamed(program, lib))


def renamed(program, lib):
    """PyTorch calls the Node of an operation in C++ by another name than its class in one message: drop it in both."""
    try:
        return program(lib)
    except RuntimeError as error:
        first = str(error).split("\n")[0]
        for name in ("Mul,", "MulBackward0,"):
            first = first.replace(f"of {name}", "of it,")
        raise RuntimeError(first.split(" Hint:")[0]) from None


def test_an_overwritten_output_is_noticed():
    for lib in (torch, mt):
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            overwritten("output")(lib)


def test_an_object_can_not_be_called():
    with pytest.raises(RuntimeError, match="Legacy autograd function with non-static forward method is deprecated"):
        mt.autograd.Function()(mt.ones(1))


@pytest.mark.parametrize("function", [cube, saved_output, product])
def test_a_graph_is_freed_with_its_last_output(function):
    """No circle: what was saved goes at once, without the garbage collector."""
    gc.disable()
    try:
        inputs = [leaf(mt), leaf(mt)][: 2 if function is product else 1]
        outputs = function(mt).apply(*inputs)
        node = weakref.ref(outputs[0].grad_fn if isinstance(outputs, tuple) else outputs.grad_fn)
        del outputs
        assert node() is None
    finally:
        gc.enable()


def test_gradcheck_of_functions():
    x, z = (mt.tensor(v, dtype=mt.float64, requires_grad=True) for v in ([0.3, -1.2], [0.5, 2.0]))
    for function, inputs in ((cube, (x,)), (saved_output, (x,)), (product, (x, z))):
        assert mt.autograd.gradcheck(function(mt).apply, inputs)
        assert mt.autograd.gradgradcheck(function(mt).apply, inputs)
