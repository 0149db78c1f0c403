"""Every optimizer against PyTorch's: the weights after many steps, the state_dicts both ways, the errors, the hooks."""

import copy
import gc
import importlib
import pickle
import warnings
import weakref

import numpy
import pytest
import torch

import minitorch as mt

torch.set_num_threads(1)

LIBRARIES = {"torch": torch, "minitorch": mt}

# One row is a run: the algorithm, its options.
RUNS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.02}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.02}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.02}),
    ("SGD", {"lr": 0.01, "momentum": 0.5, "nesterov": True, "maximize": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "foreach": True, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "fused": True, "weight_decay": 0.02}),
    ("Adam", {"lr": 0.05}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("Adam", {"lr": 0.05, "amsgrad": True}),
    ("Adam", {"lr": 0.05, "amsgrad": True, "weight_decay": 0.1, "maximize": True}),
    ("Adam", {"lr": 0.05, "foreach": True}),
    ("Adam", {"lr": 0.05, "fused": True, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.05}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.3, "amsgrad": True}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.3, "maximize": True}),
    ("RMSprop", {"lr": 0.02}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.02, "alpha": 0.9, "eps": 1e-2}),
    ("RMSprop", {"lr": 0.02, "momentum": 0.9, "eps": 1e-3}),
    ("RMSprop", {"lr": 0.02, "centered": True, "eps": 1e-3}),
    ("RMSprop", {"lr": 0.02, "centered": True, "momentum": 0.9, "weight_decay": 0.1, "eps": 1e-2}),
    ("RMSprop", {"lr": 0.02, "maximize": True, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.02, "foreach": True}),
    ("Adagrad", {"lr": 0.1}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1}),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3}),
    ("Adagrad", {"lr": 0.1, "maximize": True}),
    ("Adagrad", {"lr": 0.1, "fused": True}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.7, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.1}),
    ("Adadelta", {"maximize": True, "eps": 1e-3}),
    ("Adamax", {"lr": 0.05}),
    ("Adamax", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adamax", {"lr": 0.05, "maximize": True}),
    ("NAdam", {"lr": 0.05}),
    ("NAdam", {"lr": 0.05, "betas": (0.8, 0.95), "weight_decay": 0.1, "momentum_decay": 0.02}),
    ("NAdam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("RAdam", {"lr": 0.05}),
    ("RAdam", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}),
    ("RAdam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("ASGD", {"lr": 0.1}),
    ("ASGD", {"lr": 0.1, "lambd": 0.01, "alpha": 0.5, "t0": 20, "weight_decay": 0.1}),
    ("ASGD", {"lr": 0.01, "maximize": True}),
    ("Rprop", {"lr": 0.05}),
    ("Rprop", {"lr": 0.05, "etas": (0.3, 1.5), "step_sizes": (1e-3, 0.2)}),
    ("Rprop", {"lr": 0.01, "maximize": True}),
]

ALGORITHMS = sorted({algorithm for algorithm, _ in RUNS})

SHAPES = [(3, 4), (4,), (), (0, 2), (2, 1, 3)]


def base(lib):
    """The module of the base class: an attribute of PyTorch's package that PyTorch deletes."""
    return importlib.import_module(f"{lib.__name__}.optim.optimizer")


def name_of(run):
    return run[0] + "".join(f"-{key}={value}" for key, value in run[1].items())


def start(dtype, seed=0):
    """The same weights, and where they are pulled to, for both libraries."""
    generator = numpy.random.default_rng(seed)
    return [
        (generator.standard_normal(shape).astype(dtype), generator.standard_normal(shape).astype(dtype))
        for shape in SHAPES
    ]


def leaf(lib, array):
    return lib.from_numpy(numpy.array(array)).requires_grad_()


class Problem:
    """Weights pulled towards targets by a force that also swings; the third weight has no gradient in some steps."""

    def __init__(self, lib, dtype, seed=0):
        self.lib = lib
        self.weights, self.targets, self.swings = [], [], []
        for w, target in start(dtype, seed):
            self.weights.append(leaf(lib, w))
            self.targets.append(lib.from_numpy(numpy.array(target)))
            self.swings.append(lib.from_numpy(numpy.array(target * 3)))
        self.t = 0

    def gradients(self):
        for i, (w, target, swing) in enumerate(zip(self.weights, self.targets, self.swings, strict=True)):
            wave = (-1) ** self.t / (1 + self.t % 5)
            w.grad = None if i == 2 and self.t % 3 == 0 else (w.detach() - target) * 0.5 + swing * wave
        self.t += 1

    def run(self, optimizer, steps):
        for _ in range(steps):
            self.gradients()
            optimizer.step()


def arrays(tensors):
    return [t.detach().numpy().copy() for t in tensors]


def assert_weights(expected, actual, dtype, rtol=None):
    rtol = rtol or {"float32": 1e-5, "float64": 1e-6}[dtype]
    for e, a in zip(arrays(expected), arrays(actual), strict=True):
        assert e.dtype == a.dtype and e.shape == a.shape
        numpy.testing.assert_allclose(a, e, rtol=rtol, atol=rtol * 1e-1)


def assert_same(expected, actual, rtol=1e-5):
    """Trees of dicts, lists and values: the same keys in the same order, types, dtypes, shapes, and values."""
    if isinstance(expected, torch.Tensor):
        assert isinstance(actual, mt.Tensor)
        assert str(expected.dtype) == str(actual.dtype)
        assert tuple(expected.shape) == tuple(actual.shape)
        assert actual.requires_grad == expected.requires_grad
        numpy.testing.assert_allclose(actual.detach().numpy(), expected.detach().numpy(), rtol=rtol, atol=rtol * 1e-1)
    elif isinstance(expected, dict):
        assert list(expected) == list(actual)
        for key in expected:
            assert_same(expected[key], actual[key], rtol)
    elif isinstance(expected, (list, tuple)):
        assert type(expected) is type(actual) and len(expected) == len(actual)
        for e, a in zip(expected, actual, strict=True):
            assert_same(e, a, rtol)
    else:
        assert type(expected) is type(actual)
        assert expected == actual


def translated(tree, lib):
    """A state_dict with its tensors copied into the other library."""
    if isinstance(tree, (torch.Tensor, mt.Tensor)):
        return lib.from_numpy(tree.detach().numpy().copy())
    if isinstance(tree, dict):
        return {key: translated(value, lib) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(translated(value, lib) for value in tree)
    return tree


def both(algorithm, options, dtype):
    problems = [Problem(lib, dtype) for lib in LIBRARIES.values()]
    optimizers = [getattr(p.lib.optim, algorithm)(p.weights, **options) for p in problems]
    return problems, optimizers


# ------------------------------------------------------------------------------------------------------- the algorithms


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("run", RUNS, ids=name_of)
def test_weights_and_state_after_100_steps(run, dtype):
    (expected, actual), optimizers = both(*run, dtype)
    for problem, optimizer in zip((expected, actual), optimizers, strict=True):
        problem.run(optimizer, 100)

    assert_weights(expected.weights, actual.weights, dtype)
    assert_same(*[o.state_dict() for o in optimizers], rtol={"float32": 2e-5, "float64": 1e-6}[dtype])


COMPLEX_RUNS = [run for run in RUNS if not run[1].get("fused")] + [("LBFGS", {"lr": 0.3, "line_search_fn": "strong_wolfe"})]


@pytest.mark.parametrize("run", COMPLEX_RUNS, ids=name_of)
def test_complex_weights_take_the_same_way(run):
    """Both parts of a number for themselves: the averages of squares are not those of the complex square."""
    algorithm, options = run
    found = []
    for lib in LIBRARIES.values():
        w = lib.tensor([1 + 2j, -0.3j, -2.0], dtype=lib.complex128, requires_grad=True)
        optimizer = getattr(lib.optim, algorithm)([w], **options)

        target = lib.tensor([0.5j, 1 + 1j, -1.0], dtype=lib.complex128)

        def closure(w=w, optimizer=optimizer, target=target):
            optimizer.zero_grad()
            loss = ((w - target).abs() ** 2).sum() + (w.real * w.imag).sum()
            loss.backward()
            return loss

        for _ in range(5):
            optimizer.step(closure)
        found.append((w, None if algorithm == "LBFGS" else optimizer.state_dict()))
    assert_same(*found, rtol=1e-9)


@pytest.mark.parametrize("run", RUNS, ids=name_of)
def test_state_dicts_go_both_ways_in_the_middle_of_a_run(run):
    algorithm, options = run
    (theirs, ours), (their_optimizer, our_optimizer) = both(algorithm, options, "float64")
    theirs.run(their_optimizer, 7)

    # PyTorch's run is taken over by ours …
    ours.t = theirs.t
    for w, t in zip(ours.weights, theirs.weights, strict=True):
        with mt.no_grad():
            w.copy_(mt.from_numpy(t.detach().numpy().copy()))
    our_optimizer.load_state_dict(translated(their_optimizer.state_dict(), mt))
    theirs.run(their_optimizer, 6)
    ours.run(our_optimizer, 6)
    rtol = 1e-6 if algorithm == "ASGD" else 1e-9  # eta is float32 until it is loaded
    assert_weights(theirs.weights, ours.weights, "float64", rtol)

    # … and given back, to an optimizer that has taken no step.
    again = Problem(torch, "float64")
    again.t = ours.t
    for w, t in zip(again.weights, ours.weights, strict=True):
        with torch.no_grad():
            w.copy_(torch.from_numpy(t.detach().numpy().copy()))
    third = getattr(torch.optim, algorithm)(again.weights, **options)
    third.load_state_dict(translated(our_optimizer.state_dict(), torch))
    again.run(third, 6)
    theirs.run(their_optimizer, 6)
    assert_weights(theirs.weights, again.weights, "float64", rtol)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_network_trains_alike(algorithm):
    generator = numpy.random.default_rng(1)
    x, y = generator.standard_normal((16, 3)), generator.standard_normal((16, 1))
    layers = [generator.standard_normal(shape) for shape in [(3, 8), (8,), (8, 1), (1,)]]

    losses = {}
    for name, lib in LIBRARIES.items():
        inputs, targets = lib.from_numpy(x.copy()), lib.from_numpy(y.copy())
        w1, b1, w2, b2 = [leaf(lib, array) for array in layers]
        optimizer = getattr(lib.optim, algorithm)([w1, b1, w2, b2], lr=0.02)
        losses[name] = []
        for _ in range(40):
            optimizer.zero_grad()
            loss = (((inputs @ w1 + b1).tanh() @ w2 + b2 - targets) ** 2).mean()
            loss.backward()
            optimizer.step()
            losses[name].append(loss.item())

    numpy.testing.assert_allclose(losses["minitorch"], losses["torch"], rtol=1e-6)
    assert losses["torch"][-1] < 0.99 * losses["torch"][0]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_lr_as_a_tensor(algorithm):
    weights = []
    for lib in LIBRARIES.values():
        problem = Problem(lib, "float32")
        lr = lib.tensor([0.05])
        optimizer = getattr(lib.optim, algorithm)(problem.weights, lr=lr)
        problem.run(optimizer, 5)
        lr.fill_(0.01)  # a tensor is read anew at each step
        problem.run(optimizer, 5)
        weights.append(problem.weights)
    assert_weights(*weights, "float32", rtol=2e-5)


def test_betas_as_tensors():
    weights = []
    for lib in LIBRARIES.values():
        problem = Problem(lib, "float64")
        betas = lib.tensor([0.8], dtype=lib.float64), lib.tensor(0.95, dtype=lib.float64)
        problem.run(lib.optim.Adam(problem.weights, lr=0.05, betas=betas), 5)
        weights.append(problem.weights)
    assert_weights(*weights, "float64")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_groups_have_their_own_numbers_and_may_be_changed(algorithm):
    weights = []
    for lib in LIBRARIES.values():
        problem = Problem(lib, "float64")
        a, b, c, d, e = problem.weights
        optimizer = getattr(lib.optim, algorithm)(
            [{"params": a}, {"params": (b, c), "lr": 0.2, "weight_decay": 0.1}], lr=0.01
        )
        problem.run(optimizer, 3)
        optimizer.param_groups[0]["lr"] = 0.3
        optimizer.param_groups[1]["maximize"] = True
        optimizer.add_param_group({"params": [d, e], "lr": 0.05})
        problem.run(optimizer, 3)
        weights.append(problem.weights)
    assert_weights(*weights, "float64")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_differentiable(algorithm):
    """Backward goes through the steps, to where the weights came from."""
    start, target = numpy.array([1.0, -2.0, 0.5]), numpy.array([0.3, 0.1, -0.7])
    gradients = []
    for lib in LIBRARIES.values():
        origin, goal = leaf(lib, start), lib.from_numpy(target.copy())
        w = origin.clone()
        w.retain_grad()
        optimizer = getattr(lib.optim, algorithm)([w], lr=0.1, differentiable=True)
        w.grad = (origin - goal) ** 3
        optimizer.step()
        (w * w).sum().backward()
        gradients.append(origin.grad)
    assert_weights([gradients[0]], [gradients[1]], "float64", rtol=1e-5)  # PyTorch's bias correction is float32 here


@pytest.mark.parametrize("algorithm", ["SGD", "Adam"])
def test_the_learning_rate_can_be_learnt(algorithm):
    gradients = []
    for lib in LIBRARIES.values():
        lr = lib.tensor(0.1, dtype=lib.float64, requires_grad=True)
        w = leaf(lib, numpy.array([1.0, -2.0, 0.5])).clone()
        w.retain_grad()
        optimizer = getattr(lib.optim, algorithm)([w], lr=lr, differentiable=True)
        w.grad = w.detach() ** 3
        optimizer.step()
        (w * w).sum().backward()
        gradients.append(lr.grad)
    assert_weights([gradients[0]], [gradients[1]], "float64", rtol=1e-5)  # PyTorch's bias correction is float32 here


def test_step_counts_are_float32_and_each_weight_has_its_own():
    _, optimizers = both("Adam", {}, "float64")
    for optimizer in optimizers:
        a, b = optimizer.param_groups[0]["params"][:2]
        for grads in (1, 1), (1, None), (1, None):
            a.grad = None if grads[0] is None else a.detach()
            b.grad = None if grads[1] is None else b.detach()
            optimizer.step()
    steps = [[o.state[p]["step"] for p in o.param_groups[0]["params"][:2]] for o in optimizers]
    assert [s.item() for s in steps[0]] == [s.item() for s in steps[1]] == [3.0, 1.0]
    assert [str(s.dtype) for s in steps[0]] == [str(s.dtype) for s in steps[1]] == ["torch.float32"] * 2
    assert len(optimizers[1].state) == 2


def test_steps_write_in_place_and_leave_leaves():
    for lib in LIBRARIES.values():
        w = leaf(lib, numpy.ones(3))
        seen = w.detach()
        w.grad = lib.ones(3, dtype=lib.float64)
        lib.optim.SGD([w], lr=0.5).step()
        assert seen.tolist() == [0.5, 0.5, 0.5]
        assert w.is_leaf and w.requires_grad and w.grad.tolist() == [1.0, 1.0, 1.0]


# --------------------------------------------------------------------------------------------------------------- L-BFGS


def rosenbrock(w):
    return 100 * ((w[1:] - w[:-1] ** 2) ** 2).sum() + ((1 - w[:-1]) ** 2).sum()


def bowl(w):
    return 4 * ((w - 1) ** 2).sum() + (w * w).sum() ** 2


@pytest.mark.parametrize("f", [rosenbrock, bowl])
@pytest.mark.parametrize(
    "options",
    [
        {"lr": 0.002},
        {"lr": 0.002, "max_iter": 7, "history_size": 3, "tolerance_change": 1e-5},
        {"line_search_fn": "strong_wolfe"},
        {"line_search_fn": "strong_wolfe", "max_iter": 6, "history_size": 2, "lr": 0.3},
        {"line_search_fn": "strong_wolfe", "max_eval": 9},
        {"line_search_fn": "strong_wolfe", "max_iter": 50, "tolerance_grad": 1e-2, "lr": 3},
    ],
    ids=str,
)
def test_lbfgs_takes_the_same_way(f, options):
    ways = []
    for lib in LIBRARIES.values():
        w = leaf(lib, numpy.array([-1.2, 1.0, 0.4, -0.3]))
        unused = leaf(lib, numpy.ones((2, 1)))
        optimizer = lib.optim.LBFGS([w, unused], **options)
        calls = []

        def closure(w=w, optimizer=optimizer, calls=calls):
            optimizer.zero_grad()
            loss = f(w)
            loss.backward()
            calls.append(loss.item())
            return loss

        for _ in range(4):
            returned = optimizer.step(closure).item()
        state = optimizer.state_dict()["state"][0]
        ways.append([calls, returned, w.tolist(), state["n_iter"], state["func_evals"], sorted(state)])

    numpy.testing.assert_allclose(ways[1][0], ways[0][0], rtol=1e-6)
    numpy.testing.assert_allclose(ways[1][2], ways[0][2], rtol=1e-6)
    assert ways[1][1] == pytest.approx(ways[0][1], rel=1e-6)
    assert ways[1][3:] == ways[0][3:]


def test_lbfgs_goes_on_from_pytorchs_state():
    results = []
    for lib in LIBRARIES.values():
        problems = []
        for library in (torch, lib):
            w = leaf(library, numpy.array([-1.2, 1.0, 0.4]))
            problems.append((w, library.optim.LBFGS([w], max_iter=5, line_search_fn="strong_wolfe")))

        def closure(w):
            w.grad = None
            loss = rosenbrock(w)
            loss.backward()
            return loss

        (first, optimizer), (second, its) = problems
        optimizer.step(lambda first=first: closure(first))
        its.load_state_dict(translated(optimizer.state_dict(), lib))
        with lib.no_grad():
            second.copy_(lib.from_numpy(first.detach().numpy().copy()))
        its.step(lambda second=second: closure(second))
        results.append(second.tolist())
    numpy.testing.assert_allclose(results[1], results[0], rtol=1e-9)


# ---------------------------------------------------------------------------------------- closures, zero_grad, printing


def test_closure_runs_with_gradients_on():
    for lib in LIBRARIES.values():
        w = leaf(lib, numpy.array([2.0]))
        optimizer = lib.optim.SGD([w], lr=0.25)

        def closure(lib=lib, w=w, optimizer=optimizer):
            assert lib.is_grad_enabled()
            optimizer.zero_grad()
            loss = (w * w).sum()
            loss.backward()
            return loss

        with lib.no_grad():
            assert optimizer.step(closure).item() == 4.0
            assert not lib.is_grad_enabled()
        assert w.tolist() == [1.0]
        assert optimizer.step() is None


def test_zero_grad():
    for lib in LIBRARIES.values():
        a, b = leaf(lib, numpy.ones(2)), leaf(lib, numpy.ones(2))
        optimizer = lib.optim.SGD([a, b])
        (a * 3).sum().backward()
        grad = a.grad
        optimizer.zero_grad(set_to_none=False)
        assert a.grad is grad and grad.tolist() == [0.0, 0.0] and b.grad is None

        (a.grad,) = lib.autograd.grad((a * a * 3).sum(), [a], create_graph=True)
        optimizer.zero_grad(set_to_none=False)
        assert a.grad.grad_fn is None and not a.grad.requires_grad
        optimizer.zero_grad()
        assert a.grad is None


@pytest.mark.parametrize("run", RUNS, ids=name_of)
def test_repr(run):
    expected, actual = [repr(optimizer) for optimizer in both(*run, "float32")[1]]
    assert expected == actual


def test_repr_of_groups_with_names():
    texts = []
    for lib in LIBRARIES.values():
        a, b = leaf(lib, numpy.ones(2)), leaf(lib, numpy.ones(3))
        groups = [{"params": [("a", a)], "tag": "first"}, {"params": [("b", b)], "lr": 0.5}]
        texts.append(repr(lib.optim.SGD(groups, lr=0.1)))
    assert texts[0] == texts[1]
    assert "param_names: ['b']" in texts[1]


# --------------------------------------------------------------------------------------------------------------- groups


def test_groups_from_every_kind_of_params():
    def groups(lib):
        a, b = leaf(lib, numpy.ones(2)), leaf(lib, numpy.ones(3))
        kinds = [
            [a, b], (a, b), iter([a, b]), [("a", a), ("b", b)], {"x": a, "y": b}.values(), {"x": a, "y": b}.items(),
            [{"params": a}, {"params": iter([b])}], [{"params": [("a", a)]}, {"params": [("b", b)], "lr": 2}],
        ]  # fmt: skip
        for params in kinds:
            optimizer = lib.optim.SGD(params, lr=0.1)
            for group in optimizer.param_groups:
                assert type(group["params"]) is list
            yield [
                {k: [p.numel() for p in v] if k == "params" else v for k, v in g.items()}
                for g in optimizer.param_groups
            ]

    for expected, actual in zip(groups(torch), groups(mt), strict=True):
        assert expected == actual


def test_duplicates_warn():
    for lib in LIBRARIES.values():
        w = leaf(lib, numpy.ones(2))
        with pytest.warns(
            UserWarning, match="optimizer contains a parameter group with duplicate parameters;"
        ) as found:
            optimizer = lib.optim.SGD([w, w])
        assert len(found) == 1
        assert optimizer.state_dict()["param_groups"][0]["params"] == [1, 1]


ERRORS = {
    "empty": lambda lib, o, w: o.SGD([]),
    "used up": lambda lib, o, w: o.SGD(x for x in ()),
    "a tensor": lambda lib, o, w: o.SGD(w),
    "a float32 tensor": lambda lib, o, w: o.Adam(lib.ones(2)),
    "a number": lambda lib, o, w: o.SGD([3]),
    "an array": lambda lib, o, w: o.SGD([numpy.ones(2)]),
    "a list in the list": lambda lib, o, w: o.SGD([[w]]),
    "a set in a group": lambda lib, o, w: o.SGD([{"params": {w}}]),
    "non-leaf": lambda lib, o, w: o.SGD([w * 2]),
    "in two groups": lambda lib, o, w: o.SGD([{"params": w}, {"params": [w]}]),
    "added twice": lambda lib, o, w: o.SGD([w]).add_param_group({"params": w}),
    "group not a dict": lambda lib, o, w: o.SGD([w]).add_param_group([w]),
    "names missing": lambda lib, o, w: o.SGD([("a", w), leaf(lib, numpy.ones(1))]),
    "group without names": lambda lib, o, w: o.SGD([("a", w)]).add_param_group({"params": leaf(lib, numpy.ones(1))}),
    "group with names": lambda lib, o, w: o.SGD([w]).add_param_group({"params": [("b", leaf(lib, numpy.ones(1)))]}),
    "required": lambda lib, o, w: o.Optimizer([w], {"lr": base(lib).required}),
    "base step": lambda lib, o, w: o.Optimizer([w], {}).step(),
    "load: groups": lambda lib, o, w: o.SGD([w]).load_state_dict({"state": {}, "param_groups": []}),
    "load: sizes": lambda lib, o, w: o.SGD([w]).load_state_dict({"state": {}, "param_groups": [{"params": [0, 1]}]}),
    "pre hook": lambda lib, o, w: hooked_wrongly(o.SGD([w])).step(),
    "sgd lr": lambda lib, o, w: o.SGD([w], lr=-1.0),
    "sgd lr of three": lambda lib, o, w: o.SGD([w], lr=lib.ones(3)),
    "sgd momentum": lambda lib, o, w: o.SGD([w], momentum=-1.0),
    "sgd decay": lambda lib, o, w: o.SGD([w], weight_decay=-1),
    "sgd nesterov": lambda lib, o, w: o.SGD([w], nesterov=True),
    "sgd nesterov, dampening": lambda lib, o, w: o.SGD([w], nesterov=True, momentum=0.9, dampening=0.1),
    "sgd lr of two": lambda lib, o, w: o.SGD([w], lr=lib.ones(2)),
    "sgd fused, foreach": lambda lib, o, w: o.SGD([w], fused=True, foreach=True),
    "sgd fused, differentiable": lambda lib, o, w: o.SGD([w], fused=True, differentiable=True),
    "adam lr": lambda lib, o, w: o.Adam([w], lr=-0.1),
    "adam lr nan": lambda lib, o, w: o.Adam([w], lr=float("nan")),
    "adam eps": lambda lib, o, w: o.Adam([w], eps=-1),
    "adam beta 0": lambda lib, o, w: o.Adam([w], betas=(1.0, 0.9)),
    "adam beta 1": lambda lib, o, w: o.Adam([w], betas=(0.9, -0.5)),
    "adam decay": lambda lib, o, w: o.Adam([w], weight_decay=-1),
    "adam betas mixed": lambda lib, o, w: o.Adam([w], betas=(0.9, lib.tensor(0.9))),
    "adam betas int": lambda lib, o, w: o.Adam([w], betas=(0, 0.9)),
    "adam betas of two": lambda lib, o, w: o.Adam([w], betas=(lib.tensor(0.9), lib.zeros(1, 2).sum(0))),
    "adam foreach, tensor lr": lambda lib, o, w: o.Adam([w], lr=lib.tensor(0.1), foreach=True),
    "adam foreach, tensor beta": lambda lib, o, w: o.Adam([w], betas=(lib.tensor(0.9),) * 2, foreach=True),
    "adam lr of two": lambda lib, o, w: o.Adam([w], lr=lib.ones(2)),
    "adam fused, foreach": lambda lib, o, w: o.Adam([w], fused=True, foreach=True),
    "adam fused, differentiable": lambda lib, o, w: o.Adam([w], fused=True, differentiable=True),
    "adam capturable": lambda lib, o, w: stepped(lib, o.Adam([w], capturable=True)),
    "adam foreach, differentiable": lambda lib, o, w: stepped(lib, o.Adam([w], foreach=True, differentiable=True)),
    "adamw eps": lambda lib, o, w: o.AdamW([w], eps=-1),
    "rmsprop lr": lambda lib, o, w: o.RMSprop([w], lr=-1),
    "rmsprop lr of two": lambda lib, o, w: o.RMSprop([w], lr=lib.ones(2)),
    "rmsprop eps": lambda lib, o, w: o.RMSprop([w], eps=-1),
    "rmsprop momentum": lambda lib, o, w: o.RMSprop([w], momentum=-1),
    "rmsprop decay": lambda lib, o, w: o.RMSprop([w], weight_decay=-1),
    "rmsprop alpha": lambda lib, o, w: o.RMSprop([w], alpha=-1),
    "rmsprop capturable": lambda lib, o, w: stepped(lib, o.RMSprop([w], capturable=True)),
    "lbfgs lr": lambda lib, o, w: o.LBFGS([w], lr=-1),
    "lbfgs groups": lambda lib, o, w: o.LBFGS([{"params": w}, {"params": leaf(lib, numpy.ones(1))}]),
    "lbfgs search": lambda lib, o, w: o.LBFGS([w], line_search_fn="golden").step(lambda: pulled(w)),
    "adadelta rho": lambda lib, o, w: o.Adadelta([w], rho=1.5),
    "adadelta eps": lambda lib, o, w: o.Adadelta([w], eps=-1),
    "adadelta decay": lambda lib, o, w: o.Adadelta([w], weight_decay=-1),
    "adadelta capturable": lambda lib, o, w: stepped(lib, o.Adadelta([w], capturable=True)),
    "adamax beta": lambda lib, o, w: o.Adamax([w], betas=(0.9, 1)),
    "adamax capturable": lambda lib, o, w: stepped(lib, o.Adamax([w], capturable=True)),
    "nadam decay": lambda lib, o, w: o.NAdam([w], momentum_decay=-1),
    "nadam capturable": lambda lib, o, w: stepped(lib, o.NAdam([w], capturable=True)),
    "radam eps": lambda lib, o, w: o.RAdam([w], eps=-1),
    "radam capturable": lambda lib, o, w: stepped(lib, o.RAdam([w], capturable=True)),
    "asgd decay": lambda lib, o, w: o.ASGD([w], weight_decay=-1),
    "asgd capturable": lambda lib, o, w: stepped(lib, o.ASGD([w], capturable=True)),
    "rprop etas": lambda lib, o, w: o.Rprop([w], etas=(1.5, 2)),
    "rprop capturable": lambda lib, o, w: stepped(lib, o.Rprop([w], capturable=True)),
    "adagrad lr": lambda lib, o, w: o.Adagrad([w], lr=-1),
    "adagrad lr of two": lambda lib, o, w: o.Adagrad([w], lr=lib.ones(2)),
    "adagrad lr decay": lambda lib, o, w: o.Adagrad([w], lr_decay=-1),
    "adagrad decay": lambda lib, o, w: o.Adagrad([w], weight_decay=-1),
    "adagrad start": lambda lib, o, w: o.Adagrad([w], initial_accumulator_value=-1),
    "adagrad eps": lambda lib, o, w: o.Adagrad([w], eps=-1),
    "adagrad fused, foreach": lambda lib, o, w: o.Adagrad([w], fused=True, foreach=True),
    "adagrad fused, differentiable": lambda lib, o, w: o.Adagrad([w], fused=True, differentiable=True),
}


def hooked_wrongly(optimizer):
    optimizer.register_step_pre_hook(lambda optimizer, args, kwargs: "neither None nor a pair")
    return optimizer


def pulled(w):
    loss = (w * w).sum()
    loss.backward()
    return loss


def stepped(lib, optimizer):
    for p in optimizer.param_groups[0]["params"]:
        p.grad = lib.ones_like(p.detach())
    optimizer.step()


def raised(lib, case):
    with pytest.raises(Exception) as found:  # noqa: B017  (which one is what is compared)
        ERRORS[case](lib, lib.optim, leaf(lib, numpy.ones(2)))
    return found.type, str(found.value).split("\n")[0]


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case):
    (expected, first_line), (actual, our_line) = raised(torch, case), raised(mt, case)
    assert expected is actual
    if case == "pre hook":  # names the function, whose address differs
        first_line, our_line = first_line.split(" must ")[1], our_line.split(" must ")[1]
    assert first_line == our_line


# ----------------------------------------------------------------------------------------------------------- state_dict


def trained(lib, algorithm="Adam", dtype="float64", steps=3, **options):
    problem = Problem(lib, dtype)
    optimizer = getattr(lib.optim, algorithm)(problem.weights, **options)
    problem.run(optimizer, steps)
    return problem, optimizer


def test_state_dict_numbers_parameters_through_groups():
    dicts = []
    for lib in LIBRARIES.values():
        a, b, c = [leaf(lib, numpy.ones(n)) for n in (1, 2, 3)]
        optimizer = lib.optim.SGD([{"params": [a, b]}, {"params": c, "lr": 0.5}], momentum=0.9)
        c.grad = lib.ones(3, dtype=lib.float64)
        optimizer.step()
        optimizer.state["anything"] = "kept"
        dicts.append(optimizer.state_dict())
    assert_same(*dicts)
    assert list(dicts[1]["state"]) == [2, "anything"]


def test_loading_casts_to_the_parameters_dtype_but_not_step():
    dicts = []
    for lib in LIBRARIES.values():
        saved = trained(lib, dtype="float64")[1].state_dict()
        saved["state"][0]["extra"] = {"deep": [lib.ones(2, dtype=lib.float64), 3]}
        saved["state"]["other"] = {"as": "it is"}
        optimizer = lib.optim.Adam(Problem(lib, "float32").weights)
        optimizer.load_state_dict(saved)
        dicts.append(optimizer.state_dict())
    assert_same(*dicts)
    assert str(dicts[1]["state"][0]["exp_avg"].dtype) == "torch.float32"


@pytest.mark.parametrize("fused", [False, True])
def test_loading_a_step_count_of_another_dtype(fused):
    dicts = []
    for lib in LIBRARIES.values():
        saved = trained(lib, fused=fused)[1].state_dict()
        saved["state"][0]["step"] = saved["state"][0]["step"].to(lib.float64)
        optimizer = lib.optim.Adam(Problem(lib, "float64").weights)
        optimizer.load_state_dict(saved)
        dicts.append(optimizer.state_dict())
    assert_same(*dicts)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_loading_what_an_old_version_saved(algorithm):
    """Options that didn't exist mean what they did then, and the step count was a number."""
    dicts = []
    for lib in LIBRARIES.values():
        saved = trained(lib, algorithm)[1].state_dict()
        for group in saved["param_groups"]:
            for option in ("amsgrad", "nesterov", "momentum", "centered", "maximize", "foreach", "capturable", "fused",
                           "differentiable", "decoupled_weight_decay"):  # fmt: skip
                if algorithm in ("SGD",) and option == "momentum":
                    continue
                group.pop(option, None)
        for state in saved["state"].values():
            if "step" in state:
                state["step"] = int(state["step"].item())
        optimizer = getattr(lib.optim, algorithm)(Problem(lib, "float64").weights, maximize=True)
        optimizer.load_state_dict(saved)
        dicts.append(optimizer.state_dict())
    assert_same(*dicts)


def test_loading_does_not_change_what_is_loaded():
    saved = trained(mt)[1].state_dict()
    before = copy.deepcopy(saved)
    problem = Problem(mt, "float64")
    optimizer = mt.optim.Adam(problem.weights)
    optimizer.load_state_dict(saved)
    optimizer.param_groups[0]["lr"] = 9.0
    assert saved["param_groups"] == before["param_groups"]


def test_param_names_are_saved_and_loaded():
    dicts = []
    for lib in LIBRARIES.values():
        named = lib.optim.SGD([("a", leaf(lib, numpy.ones(2)))], lr=0.1)
        plain = lib.optim.SGD([leaf(lib, numpy.ones(2))], lr=0.1)
        other = lib.optim.SGD([("b", leaf(lib, numpy.ones(2)))], lr=0.2)
        other.load_state_dict(plain.state_dict())
        dicts.append([named.state_dict(), other.state_dict()])
        other.load_state_dict(named.state_dict())
        dicts[-1].append(other.state_dict())
    assert_same(*dicts)
    assert [d["param_groups"][0]["param_names"] for d in dicts[1]] == [["a"], ["b"], ["a"]]


@pytest.mark.parametrize("make", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_copies_go_on_alone(algorithm, make):
    problem, optimizer = trained(mt, algorithm, dtype="float64", lr=0.05)
    twin = make(optimizer)
    before = arrays(problem.weights)

    for w, original in zip(twin.param_groups[0]["params"], problem.weights, strict=True):
        assert w is not original and w.requires_grad
        w.grad = mt.ones_like(original.detach())
        original.grad = mt.ones_like(original.detach())
    twin.step()
    assert all((a == b).all() for a, b in zip(before, arrays(problem.weights), strict=True))
    optimizer.step()
    assert_weights(problem.weights, twin.param_groups[0]["params"], "float64", rtol=1e-12)
    assert repr(twin) == repr(optimizer)


# ---------------------------------------------------------------------------------------------------------------- hooks


def test_hooks_run_around_the_step_in_order():
    logs = []
    for lib in LIBRARIES.values():
        log = []
        optimizer = lib.optim.SGD([leaf(lib, numpy.ones(2))])

        def note(name, log=log):
            return lambda *args: log.append((name, *[type(a).__name__ for a in args]))

        handles = [
            base(lib).register_optimizer_step_pre_hook(note("every pre")),
            base(lib).register_optimizer_step_post_hook(note("every post")),
            optimizer.register_step_pre_hook(note("pre")),
            optimizer.register_step_post_hook(note("post")),
            optimizer.register_state_dict_pre_hook(note("saving")),
            optimizer.register_state_dict_pre_hook(note("saving, first"), prepend=True),
            optimizer.register_state_dict_post_hook(note("saved")),
            optimizer.register_state_dict_post_hook(note("saved, first"), prepend=True),
            optimizer.register_load_state_dict_pre_hook(note("loading")),
            optimizer.register_load_state_dict_pre_hook(note("loading, first"), prepend=True),
            optimizer.register_load_state_dict_post_hook(note("loaded")),
            optimizer.register_load_state_dict_post_hook(note("loaded, first"), prepend=True),
        ]
        optimizer.step()
        optimizer.load_state_dict(optimizer.state_dict())
        optimizer.step(lambda log=log: log.append("closure"))
        for handle in handles:
            handle.remove()
        optimizer.step()
        optimizer.load_state_dict(optimizer.state_dict())
        logs.append(log)
    assert logs[0] == logs[1]
    assert len(logs[1]) == 4 + 8 + 5


def test_hooks_may_replace():
    for lib in LIBRARIES.values():
        optimizer = lib.optim.SGD([leaf(lib, numpy.ones(2))], lr=0.1)
        optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o,), {"closure": lambda: "replaced"}))
        assert optimizer.step(lambda: "given") == "replaced"

        optimizer.register_state_dict_post_hook(lambda o, d: {**d, "more": 1})
        assert optimizer.state_dict()["more"] == 1

        def lower(o, d):
            d = copy.deepcopy(d)
            d["param_groups"][0]["lr"] = 0.01
            return d

        optimizer.register_load_state_dict_pre_hook(lower)
        optimizer.load_state_dict(optimizer.state_dict())
        assert optimizer.param_groups[0]["lr"] == 0.01


def test_an_optimizer_of_ones_own():
    """Written as PyTorch's users do it: a step of its own; the hooks run around that one too."""
    for lib in LIBRARIES.values():

        class Sign(lib.optim.Optimizer):
            def __init__(self, params, lr=0.1):
                super().__init__(params, {"lr": lr})

            @lib.no_grad()
            def step(self, closure=None):
                self._accelerator_graph_capture_health_check()
                for group in self.param_groups:
                    for p in group["params"]:
                        if p.grad is not None:
                            self.state[p]["seen"] = self.state[p].get("seen", 0) + 1
                            p.add_(p.grad.sign(), alpha=-group["lr"])

        w = leaf(lib, numpy.array([1.0, -1.0]))
        optimizer, log = Sign([w], lr=0.5), []
        optimizer.register_step_post_hook(lambda o, args, kwargs, log=log: log.append("post"))
        (w * w).sum().backward()
        optimizer.step()
        assert w.tolist() == [0.5, -0.5]
        assert log == ["post"]
        assert optimizer.state_dict()["state"] == {0: {"seen": 1}}


def test_optimizers_are_freed_without_the_collector():
    """No cycles: a training loop that makes optimizers doesn't wait for the garbage collector to free them."""
    gc.disable()
    try:
        problem, optimizer = trained(mt)
        optimizer.load_state_dict(optimizer.state_dict())
        reference = weakref.ref(optimizer)
        del optimizer
        assert reference() is None
    finally:
        gc.enable()


def test_no_warning_in_ordinary_use():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for algorithm in ALGORITHMS:
            trained(mt, algorithm)


# ------------------------------------------------------------------------------------------------- memory of every kind

QUICK = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 1.0, "momentum": 0.9}),
    ("SGD", {"lr": 1, "momentum": 0.5}),
    ("Adam", {"lr": 0.05, "betas": (0.0, 0.9)}),
    ("AdamW", {"lr": 0.05}),
    ("RMSprop", {"lr": 0.02}),
    ("Adagrad", {"lr": 0.1}),
]


@pytest.mark.parametrize("run", QUICK, ids=name_of)
def test_large_transposed_and_strided_weights(run):
    """Updates of large weights are taken in blocks, where they are contiguous."""
    algorithm, options = run
    generator = numpy.random.default_rng(3)
    w = generator.standard_normal((120, 700)).astype("float32")
    gradients = [generator.standard_normal((120, 700)).astype("float32") for _ in range(4)]
    views = [lambda x: x.clone(), lambda x: x.t().contiguous().t(), lambda x: x.repeat(1, 2)[:, ::2]]

    results = []
    for lib in LIBRARIES.values():
        weights = [view(lib.from_numpy(w.copy())).detach().requires_grad_() for view in views]
        optimizer = getattr(lib.optim, algorithm)(weights, **options)
        for step, gradient in enumerate(gradients):
            for i, p in enumerate(weights):
                p.grad = views[(i + step) % 3](lib.from_numpy(gradient.copy()))
            optimizer.step()
        results.append(weights)
    assert not results[1][1].is_contiguous()
    assert_weights(*results, "float32")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("run", QUICK, ids=name_of)
def test_half_types(run, dtype):
    algorithm, options = run
    results = []
    for lib in LIBRARIES.values():
        kind = getattr(lib, dtype)
        w = lib.from_numpy(numpy.linspace(-2, 2, 12)).to(kind).requires_grad_()
        options = {"eps": 1e-3, **options} if algorithm != "SGD" else options
        optimizer = getattr(lib.optim, algorithm)([w], **options)
        for step in range(4):
            w.grad = (lib.from_numpy(numpy.linspace(1, -1, 12)) * (step - 1.5)).to(kind)
            optimizer.step()
        assert all(value.dtype is kind for key, value in optimizer.state[w].items() if key != "step")
        results.append(w.detach().float())
    # two units in the last place of what is about 2
    assert_weights([results[0]], [results[1]], "float32", rtol={"float16": 2e-3, "bfloat16": 1.6e-2}[dtype])


@pytest.mark.parametrize("run", QUICK, ids=name_of)
def test_a_write_is_noticed_by_backward(run):
    algorithm, options = run
    for lib in LIBRARIES.values():
        w = leaf(lib, numpy.array([1.0, 2.0, 3.0]))
        optimizer = getattr(lib.optim, algorithm)([w], **options)
        for _ in range(3):
            y = (w**2).sum()
            w.grad = lib.ones_like(w.detach())
            optimizer.step()
            with pytest.raises(RuntimeError, match="has been modified by an inplace operation"):
                y.backward()


def test_a_rate_that_learns_elsewhere():
    """A learning rate that requires a gradient, in an optimizer that is not differentiable, is a number."""
    for algorithm in "SGD", "Adam", "RMSprop":
        weights = []
        for lib in LIBRARIES.values():
            problem = Problem(lib, "float64")
            lr = lib.tensor(0.05, dtype=lib.float64, requires_grad=algorithm != "RMSprop")
            problem.run(getattr(lib.optim, algorithm)(problem.weights, lr=lr), 5)
            weights.append(problem.weights)
        assert_weights(*weights, "float64")


def test_sparse_gradients_are_named_where_they_are_missing():
    with pytest.raises(NotImplementedError, match="sparse gradients"):
        mt.optim.SparseAdam([mt.ones(2).requires_grad_()])
