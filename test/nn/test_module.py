"""nn.Module, against PyTorch's: each program below is run with both, and must return, warn and raise the same."""

import copy
import gc
import pickle
import timeit
import weakref
from collections import OrderedDict, namedtuple
from functools import partial

import pytest

import minitorch
from minitorch.graph import CHANGES
from minitorch.nn.members import watch

PROGRAMS = []


def program(function):
    PROGRAMS.append(pytest.param(function, id=function.__name__))
    return function


def rows(*cases):
    """The same program for several values, one row each."""

    def add(function):
        for i, case in enumerate(cases):
            PROGRAMS.append(pytest.param(partial(function, case=case), id=f"{function.__name__}-{i}"))
        return function

    return add


def net_class(lib):
    """A module with a bit of everything."""

    class Net(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = lib.nn.Linear(2, 3)
            self.inner = lib.nn.Sequential(lib.nn.Linear(3, 3), lib.nn.Tanh())
            self.again = self.first
            self.empty = None
            self.scale = lib.nn.Parameter(lib.tensor([2.0]))
            self.register_parameter("missing", None)
            self.register_buffer("seen", lib.zeros(1))
            self.register_buffer("scratch", lib.ones(2), persistent=False)
            self.register_buffer("nothing", None)
            self.number = 7

        def forward(self, x):
            return self.inner(self.first(x)) * self.scale

    return Net


def net(lib):
    return net_class(lib)()


# ---------------------------------------------------------------------------------------------------------
# The tree


@rows("named_parameters", "named_buffers", "named_modules", "named_children")
def names(lib, case):
    return [name for name, _ in getattr(net(lib), case)()]


@rows({"recurse": False}, {"prefix": "p"}, {"prefix": "p", "recurse": False}, {"remove_duplicate": False})
def names_with_options(lib, case):
    m = net(lib)
    return [[name for name, _ in members(**case)] for members in (m.named_parameters, m.named_buffers)]


@rows({"prefix": "p"}, {"remove_duplicate": False})
def module_names_with_options(lib, case):
    return [(name, type(module).__name__) for name, module in net(lib).named_modules(**case)]


@program
def counts(lib):
    m = net(lib)
    lists = [m.parameters(), m.parameters(recurse=False), m.buffers(), m.children(), m.modules()]
    return [len(list(each)) for each in lists], len(list(m.modules(remove_duplicate=False)))


@program
def the_same_objects(lib):
    m = net(lib)
    return [
        m.first is m._modules["first"], m.scale is m._parameters["scale"], m.seen is m._buffers["seen"],
        next(m.children()) is m.first, next(m.parameters()) is m.scale, m.again is m.first,
        isinstance(m.scale, lib.nn.Parameter), m.empty, m.missing, m.nothing, m.number,
    ]  # fmt: skip


@rows("", "first", "inner.0", "inner.5", "scale", "nope", "inner.nope", "first.weight.data")
def get_submodule(lib, case):
    return repr(net(lib).get_submodule(case))


@rows("scale", "first.weight", "inner.0.bias", "first", "seen", "nope", "inner.7.weight", "first.nope")
def get_parameter(lib, case):
    return net(lib).get_parameter(case)


@rows("seen", "scratch", "scale", "nope", "inner.nope", "number")
def get_buffer(lib, case):
    return net(lib).get_buffer(case)


@rows(("first", False), ("inner.0", True), ("inner.new", False), ("inner.new", True), ("", False), ("scale", False))
def set_submodule(lib, case):
    m = net(lib)
    m.set_submodule(case[0], lib.nn.ReLU(), strict=case[1])
    return repr(m)


@program
def set_submodule_that_is_none(lib):
    net(lib).set_submodule("first", 3)


# ---------------------------------------------------------------------------------------------------------
# Attributes


@rows("scale", "first", "seen", "number", "missing", "nothing", "empty")
def delete(lib, case):
    m = net(lib)
    delattr(m, case)
    return hasattr(m, case), list(m.state_dict()), [name for name, _ in m.named_modules()], case in dir(m)


@program
def delete_what_is_not_there(lib):
    del net(lib).nope


@rows("nope", "weight", "_nope", "0")
def get_what_is_not_there(lib, case):
    return getattr(net(lib), case)


@rows("scale", "missing", "first", "seen", "nothing", "number", "new", "scratch")
def assign_anything(lib, case):
    results = []
    values = {
        "parameter": lib.nn.Parameter(lib.ones(2)), "module": lib.nn.ReLU(), "buffer": lib.nn.Buffer(lib.ones(3)),
        "fleeting": lib.nn.Buffer(lib.ones(3), persistent=False), "tensor": lib.ones(4), "none": None, "int": 3,
        "list": [1], "class": lib.nn.ReLU, "double": lib.ones(1, dtype=lib.float64),
    }  # fmt: skip
    for kind, value in values.items():
        m = net(lib)
        try:
            setattr(m, case, value)
            same = getattr(m, case) is value or kind in ("buffer", "fleeting")
            books = [case in book for book in (m._parameters, m._modules, m._buffers)]
            results.append((kind, same, books, list(m.state_dict()), [name for name, _ in m.named_modules()]))
        except Exception as error:
            results.append((kind, type(error).__name__, str(error).splitlines()[0]))
    return results


@program
def a_parameter_takes_a_place_and_keeps_its_order(lib):
    m = net(lib)
    m.other = lib.nn.Parameter(lib.zeros(1))
    m.scale = lib.nn.Parameter(lib.zeros(1))
    m.first = lib.nn.Parameter(lib.zeros(1))
    return list(m._parameters), list(m._modules), "first" in m._modules


@rows("_parameters", "_modules", "_buffers")
def write_to_a_book(lib, case):
    m = net(lib)
    book = getattr(m, case)
    name = {"_parameters": "scale", "_modules": "first", "_buffers": "seen"}[case]
    new = {"_parameters": lib.nn.Parameter(lib.ones(2)), "_modules": lib.nn.ReLU(), "_buffers": lib.ones(2)}[case]
    results = []
    book[name] = new
    results.append(getattr(m, name) is new)
    book.update(fresh=new)
    results.append(m.fresh is new)
    results.append(book.pop("fresh") is new and not hasattr(m, "fresh"))
    results.append(book.setdefault("later", new) is new and m.later is new)
    del book["later"]
    results.append(hasattr(m, "later"))
    book |= {"more": new}
    results.append((m.more is new, book.popitem()[0], hasattr(m, "more"), book.pop("more", 5)))
    setattr(m, case, {"only": new})
    results.append((list(getattr(m, case)), m.only is new, hasattr(m, name)))
    getattr(m, case).clear()
    results.append((len(getattr(m, case)), hasattr(m, "only"), isinstance(getattr(m, case), dict)))
    return results


@program
def plain_dict_entries(lib):
    m = net(lib)
    m.__dict__["hidden"] = lib.nn.Linear(1, 1)
    object.__setattr__(m, "secret", lib.nn.Parameter(lib.ones(1)))
    return len(list(m.parameters())), type(m.hidden).__name__, type(m.secret).__name__, "hidden" in dir(m)


@program
def dir_lists_members(lib):
    names = dir(net(lib))
    return [name in names for name in ("scale", "first", "seen", "missing", "number", "forward", "nope")]


@program
def dir_leaves_out_numbers(lib):
    return [name for name in dir(lib.nn.Sequential(lib.nn.ReLU())) if name[0].isdigit()]


@rows("parameter", "module", "buffer", "nn.Buffer", "number")
def assign_before_init(lib, case):
    class Early(lib.nn.Module):
        def __init__(self):
            if case == "parameter":
                self.x = lib.nn.Parameter(lib.ones(1))
            elif case == "module":
                self.x = lib.nn.ReLU()
            elif case == "buffer":
                self.register_buffer("x", lib.ones(1))
            elif case == "nn.Buffer":
                self.x = lib.nn.Buffer(lib.ones(1))
            else:
                self.x = 5
                super().__init__()

    return Early().x


@program
def register_parameter_before_init(lib):
    class Early(lib.nn.Module):
        def __init__(self):
            self.register_parameter("x", None)

    Early()


@rows(((1, 2), {}), ((), {"bias": True}), ((), {}))
def arguments_to_init(lib, case):
    class Plain(lib.nn.Module):
        def __init__(self):
            super().__init__(*case[0], **case[1])

    return repr(Plain())


@program
def call_super_init(lib):
    order = []

    class Other:
        def __init__(self, value):
            order.append(value)

    class Both(lib.nn.Module, Other):
        call_super_init = True

        def __init__(self):
            super().__init__(3)
            self.weight = lib.nn.Parameter(lib.ones(1))

    return order, len(list(Both().parameters())), order


@rows("register_parameter", "register_buffer", "register_module", "add_module")
def register_with_wrong_arguments(lib, case):
    results = []
    values = [None, lib.ones(1), 3, "x", lib.nn.ReLU(), lib.nn.ReLU]
    for name in ("a.b", "", 5, None, "number", "scale", "first", "seen", "forward", "fine"):
        for value in values:
            m = net(lib)
            try:
                getattr(m, case)(name, value)
                results.append((name, getattr(m, name) is value))
            except Exception as error:
                results.append((name, type(error).__name__, str(error).splitlines()[0]))
    return results


@program
def register_a_computed_parameter(lib):
    m = lib.nn.Module()
    weight = lib.nn.Parameter(lib.ones(2))
    with lib.no_grad():
        made = lib.nn.Parameter(weight * 2)
    m.register_parameter("made", made)
    m.weight = weight
    return [name for name, _ in m.named_parameters()]


@program
def persistence(lib):
    m = net(lib)
    results = [sorted(m._non_persistent_buffers_set)]
    m.scratch = lib.zeros(2)
    m.seen = lib.zeros(2)
    results.append(list(m.state_dict()))
    m.scratch = lib.nn.Buffer(lib.zeros(2))
    m.seen = lib.nn.Buffer(lib.zeros(2), persistent=False)
    results.append(list(m.state_dict()))
    m.register_buffer("seen", lib.zeros(1))
    results.append([name for name in m.state_dict() if "." not in name])
    del m.scratch
    results.append(sorted(m._non_persistent_buffers_set))
    return results


@program
def getattr_of_ones_own(lib):
    class Wrapper(lib.nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(self.module, name)

    wrapper = Wrapper(lib.nn.Linear(2, 3))
    return wrapper.in_features, wrapper.weight is wrapper.module.weight, hasattr(wrapper, "nope")


@program
def a_property_that_fails(lib):
    class Broken(lib.nn.Module):
        @property
        def size(self):
            return self.nope

    return Broken().size


@program
def clone_by_books(lib):
    """As meta-learning libraries copy a module: the parameters in the copy are computed tensors."""
    m = lib.nn.Linear(2, 1)
    clone = m.__new__(type(m))
    clone.__dict__ = m.__dict__.copy()
    clone._parameters = clone._parameters.copy()
    for name, parameter in m._parameters.items():
        clone._parameters[name] = parameter * 2
    x = lib.ones(2)
    clone(x).sum().backward()
    return (clone(x) - 2 * m(x)).item(), m.weight.grad, type(clone.weight).__name__


# ---------------------------------------------------------------------------------------------------------
# Parameters


@program
def parameter_facts(lib):
    p = lib.nn.Parameter(lib.tensor([1.0, 2.0]))
    frozen = lib.nn.Parameter(lib.tensor([1, 2]), requires_grad=False)
    empty = lib.nn.Parameter()
    return [
        repr(p), repr(frozen), p.is_leaf, p.requires_grad, frozen.requires_grad, empty.shape, type(p * 2).__name__,
        type(p.data).__name__, type(p.detach()).__name__, isinstance(p, lib.Tensor), str(p.dtype), repr(p.grad),
        issubclass(lib.nn.Parameter, lib.Tensor),
    ]  # fmt: skip


@program
def a_parameter_shares_memory(lib):
    data = lib.zeros(2)
    p = lib.nn.Parameter(data)
    data[0] = 5
    with lib.no_grad():
        p[1] = 7
    return p, data, lib.nn.Parameter(p) is p


@program
def a_parameter_under_no_grad(lib):
    with lib.no_grad():
        return lib.nn.Parameter(lib.ones(1)).requires_grad


@program
def an_integer_parameter(lib):
    lib.nn.Parameter(lib.tensor([1, 2]))


@rows(copy.deepcopy, copy.copy, lambda p: pickle.loads(pickle.dumps(p)))
def copies_of_a_parameter(lib, case):
    p = lib.nn.Parameter(lib.tensor([1.0, 2.0]))
    (p * 3).sum().backward()
    frozen = lib.nn.Parameter(lib.ones(1), requires_grad=False)
    q = case(p)
    result = [type(q).__name__, q, q is p, case(frozen).requires_grad, q.is_leaf]
    with lib.no_grad():
        q.zero_()
    return result, p


@program
def deepcopy_keeps_sharing(lib):
    p = lib.nn.Parameter(lib.ones(1))
    q, r = copy.deepcopy([p, p])
    return q is r


@program
def buffer_facts(lib):
    b, fleeting = lib.nn.Buffer(lib.ones(2)), lib.nn.Buffer(lib.ones(2), persistent=False)
    return [isinstance(b, lib.nn.Buffer), isinstance(lib.ones(1), lib.nn.Buffer), isinstance(b, lib.Tensor), repr(b),
            b.persistent, fleeting.persistent, b.requires_grad, isinstance(b, lib.nn.Parameter)]  # fmt: skip


# ---------------------------------------------------------------------------------------------------------
# Modes, conversion, gradients


@program
def train_and_eval(lib):
    m = net(lib)
    results = [m.training, m.eval() is m, [each.training for each in m.modules()]]
    m.inner.train()
    results.append([each.training for each in m.modules()])
    return results, m.train(False).training


@rows(1, "yes", None)
def train_with_something_else(lib, case):
    net(lib).train(case)


@program
def freeze(lib):
    m = net(lib)
    m.first.requires_grad_(False)
    results = [[p.requires_grad for p in m.parameters()]]
    return results, [p.requires_grad for p in m.requires_grad_().parameters()], m.requires_grad_(False) is m


@rows(True, False)
def zero_grad(lib, case):
    m = net(lib)
    m(lib.ones(4, 2)).sum().backward()
    m.scale.grad = None
    m.zero_grad(set_to_none=case)
    return [p.grad for p in m.parameters()]


@program
def zero_grad_default(lib):
    m = lib.nn.Linear(1, 1)
    m(lib.ones(1)).backward()
    m.zero_grad()
    return m.weight.grad


@program
def zero_grad_of_a_recorded_gradient(lib):
    m = lib.nn.Linear(1, 1)
    (m.weight.grad,) = lib.autograd.grad((m.weight * m.weight * m.weight).sum(), m.weight, create_graph=True)
    recorded = m.weight.grad.requires_grad
    m.zero_grad(set_to_none=False)
    return recorded, m.weight.grad


@rows(
    lambda lib, m: m.to(lib.float64),
    lambda lib, m: m.to(dtype=lib.float64),
    lambda lib, m: m.to("cpu"),
    lambda lib, m: m.to(lib.device("cpu")),
    lambda lib, m: m.to("cpu", lib.float64),
    lambda lib, m: m.to("cpu", lib.float64, True),
    lambda lib, m: m.to(lib.float64, True),
    lambda lib, m: m.to(device="cpu", dtype=lib.float16),
    lambda lib, m: m.to("cpu", dtype=lib.float16, non_blocking=True),
    lambda lib, m: m.to(lib.ones(1, dtype=lib.float64)),
    lambda lib, m: m.to(None, lib.float64),
    lambda lib, m: m.to(None),
    lambda lib, m: m.double(),
    lambda lib, m: m.half(),
    lambda lib, m: m.bfloat16(),
    lambda lib, m: m.double().float(),
    lambda lib, m: m.cpu(),
    lambda lib, m: m.type(lib.float64),
    lambda lib, m: m.share_memory(),
    lambda lib, m: m.to(lib.int64),
    lambda lib, m: m.to([1]),
    lambda lib, m: m.to(lib.ones(1, dtype=lib.int64)),
)
def convert(lib, case):
    m = net(lib)
    m.register_buffer("count", lib.tensor([3]))
    m.scale.grad = lib.ones(1)
    before = list(m.parameters())
    converted = case(lib, m)
    same = [p is q for p, q in zip(before, m.parameters(), strict=True)]
    facts = [(name, str(t.dtype), t.requires_grad) for name, t in (*m.named_parameters(), *m.named_buffers())]
    return converted is m, same, facts, m.scale, m.scale.grad, m.count, m.seen is m._buffers["seen"]


@program
def to_with_no_arguments_makes_no_copy(lib):
    m = lib.nn.Linear(2, 2)
    data = m.weight.data
    m.to(lib.float32)
    with lib.no_grad():
        data.zero_()
    return m.weight


@program
def to_empty(lib):
    m = net(lib)
    converted = m.to_empty(device="cpu")
    return converted is m, [tuple(p.shape) for p in m.parameters()], [p.requires_grad for p in m.parameters()]


@program
def apply_order(lib):
    seen = []
    m = net(lib)
    return m.apply(lambda module: seen.append(type(module).__name__)) is m, seen


@program
def apply_to_tensors(lib):
    m = net(lib)
    m._apply(lambda t: t * 0 + 1)
    return dict(m.named_parameters()), dict(m.named_buffers())


# ---------------------------------------------------------------------------------------------------------
# State


@rows({}, {"prefix": "p."}, {"keep_vars": True}, {"destination": OrderedDict(old=1)})
def state_dict(lib, case):
    m = net(lib)
    destination = case.get("destination")
    state = m.state_dict(**{**case, **({"destination": destination.copy()} if destination else {})})
    return state, list(state), type(state).__name__, getattr(state, "_metadata", None)


@program
def state_dict_shares_memory(lib):
    m = net(lib)
    m.state_dict()["scale"].fill_(9)
    return m.scale, m.state_dict(keep_vars=True)["scale"] is m.scale


def state_for(lib, **changes):
    state = OrderedDict(net(lib).state_dict())
    for name, value in changes.items():
        if value == "drop":
            del state[name.replace("__", ".")]
        else:
            state[name.replace("__", ".")] = value(lib) if callable(value) else value
    return state


@rows(
    {},
    {"scale": "drop"},
    {"first__weight": "drop", "inner__0__bias": "drop"},
    {"extra": lambda lib: lib.ones(1)},
    {"inner__9__weight": lambda lib: lib.ones(1), "first__other": lambda lib: lib.ones(1)},
    {"scratch": lambda lib: lib.ones(2)},
    {"missing": lambda lib: lib.ones(2)},
    {"scale": lambda lib: lib.ones(3), "first__bias": lambda lib: lib.ones(1, 3)},
    {"scale": lambda lib: [1.0]},
    {"scale": lambda lib: lib.ones(1, dtype=lib.float64), "seen": lambda lib: lib.tensor([4])},
    {"scale": "drop", "extra": lambda lib: lib.ones(1), "seen": lambda lib: lib.ones(5)},
    {"_extra_state": 5},
    {"scale": lambda lib: lib.nn.Parameter(lib.tensor([5.0]), requires_grad=False)},
)
def load_state_dict(lib, case):
    results = []
    for strict in (True, False):
        for assign in (False, True):
            m = net(lib)
            state = state_for(lib, **case)
            scale = m.scale
            try:
                keys = m.load_state_dict(state, strict=strict, assign=assign)
                results.append((repr(keys), str(keys), keys.missing_keys, keys.unexpected_keys))
            except Exception as error:
                results.append((type(error).__name__, str(error)))
            results.append((m.scale is scale, m.state_dict(), m.scale.requires_grad, type(m.scale).__name__))
    return results


@rows(None, [1], "x")
def load_something_else(lib, case):
    net(lib).load_state_dict(case)


@program
def load_a_scalar_from_one_element(lib):
    m = lib.nn.Module()
    m.x = lib.nn.Parameter(lib.tensor(1.0))
    return repr(m.load_state_dict({"x": lib.tensor([4.0])})), m.x


@program
def load_into_a_frozen_or_a_computed_parameter(lib):
    m = lib.nn.Linear(2, 2)
    m.requires_grad_(False)
    m.load_state_dict({"weight": lib.ones(2, 2, requires_grad=True) * 2, "bias": lib.zeros(2)})
    return m.weight, m.weight.is_leaf


@program
def load_does_not_change_what_it_is_given(lib):
    m = net(lib)
    m.register_load_state_dict_pre_hook(lambda module, state, *rest: state.pop("scale"))
    state = m.state_dict()
    return repr(m.load_state_dict(state, strict=False)), list(state), state._metadata


def stateful_class(lib):
    class Stateful(lib.nn.Module):
        _version = 3

        def __init__(self, value):
            super().__init__()
            self.value = value

        def get_extra_state(self):
            return {"value": self.value}

        def set_extra_state(self, state):
            self.value = state["value"]

    return Stateful


@program
def extra_state(lib):
    Stateful = stateful_class(lib)
    m = lib.nn.Sequential(Stateful(1), lib.nn.Linear(1, 1))
    state = m.state_dict()
    other = lib.nn.Sequential(Stateful(2), lib.nn.Linear(1, 1))
    result = [list(state), state["0._extra_state"], repr(other.load_state_dict(state)), other[0].value]
    del state["0._extra_state"]
    return result, repr(other.load_state_dict(state, strict=False)), state._metadata


@program
def missing_extra_state(lib):
    stateful_class(lib)(1).load_state_dict({})


@program
def a_class_that_renames_its_old_keys(lib):
    class Renamed(lib.nn.Linear):
        _version = 2

        def _load_from_state_dict(self, state, prefix, metadata, *rest):
            if metadata.get("version", 1) < 2:
                state[prefix + "weight"] = state.pop(prefix + "w")
            super()._load_from_state_dict(state, prefix, metadata, *rest)

        def _save_to_state_dict(self, destination, prefix, keep_vars):
            super()._save_to_state_dict(destination, prefix, keep_vars)
            destination[prefix + "more"] = lib.ones(1)

    m = lib.nn.Sequential(Renamed(1, 1))
    old = OrderedDict({"0.w": lib.tensor([[4.0]]), "0.bias": lib.zeros(1)})
    result = [repr(m.load_state_dict(old)), m[0].weight, list(m.state_dict()), m.state_dict()._metadata]
    return result, repr(m.load_state_dict(m.state_dict(), strict=False))


@program
def state_hooks(lib):
    calls = []
    m = net(lib)
    m.register_state_dict_pre_hook(lambda module, prefix, keep: calls.append(("pre", prefix, keep)))
    m.inner.register_state_dict_post_hook(lambda module, state, prefix, meta: calls.append((list(state), prefix, meta)))
    handle = m._register_state_dict_hook(lambda module, state, prefix, meta: {"only": list(state), "prefix": prefix})
    results = [m.state_dict(), calls]
    handle.remove()
    m.register_state_dict_post_hook(lambda module, state, prefix, meta: state.pop("scale") and None)
    results.append(list(m.state_dict(prefix="", keep_vars=True)))
    return results


@program
def a_post_hook_that_returns(lib):
    m = net(lib)
    m.register_state_dict_post_hook(lambda module, state, prefix, meta: state)
    m.state_dict()


@program
def load_hooks(lib):
    calls = []
    m = net(lib)

    def rename(module, state, prefix, meta, strict, missing, unexpected, errors):
        calls.append((type(module).__name__, list(state), prefix, meta, strict, missing, unexpected, errors))
        state["inner.0.weight"] = state.pop("inner.0.w")

    def after(module, keys):
        calls.append((type(module).__name__, list(keys.missing_keys), list(keys.unexpected_keys)))
        keys.missing_keys.clear()

    m.register_load_state_dict_pre_hook(rename)
    m.inner._register_load_state_dict_pre_hook(lambda *args: calls.append(("inner", len(args))))
    m.inner._register_load_state_dict_pre_hook(lambda *args: calls.append(("inner", len(args))), with_module=True)
    m.register_load_state_dict_post_hook(after)
    m.inner.register_load_state_dict_post_hook(lambda module, keys: calls.append(list(keys.missing_keys)))
    state = state_for(lib, scale="drop", inner__0__weight="drop", inner__0__w=lambda lib: lib.ones(3, 3))
    return repr(m.load_state_dict(state)), calls, m.inner[0].weight


@program
def a_load_hook_that_returns(lib):
    m = net(lib)
    m.register_load_state_dict_post_hook(lambda module, keys: keys)
    m.load_state_dict(m.state_dict())


@program
def a_copied_module_calls_load_hooks_with_itself(lib):
    m = lib.nn.Linear(1, 1)
    seen = []
    m.register_load_state_dict_pre_hook(lambda module, *rest: seen.append(module))
    other = copy.deepcopy(m)
    other.load_state_dict(m.state_dict())
    return seen[0] is other, len(seen)


# ---------------------------------------------------------------------------------------------------------
# Printing


@program
def representations(lib):
    class Lines(lib.nn.Module):
        def extra_repr(self):
            return "one\ntwo"

    class Line(lib.nn.Module):
        def extra_repr(self):
            return "one, two=2"

    class Renamed(lib.nn.Module):
        def _get_name(self):
            return "Other"

    class Gap(lib.nn.Module):
        def __repr__(self):
            return "Gap\n\nend"

    nothing = lib.nn.Module()
    with_children = Line()
    with_children.child, with_children.lines, with_children.none = Line(), Lines(), None
    with_children._modules["gone"] = None
    deep = lib.nn.Sequential(lib.nn.Sequential(Lines(), Gap()), with_children, Renamed())
    return repr(net(lib)), [repr(m) for m in (nothing, Lines(), Line(), with_children, deep)], str(deep)


# ---------------------------------------------------------------------------------------------------------
# Calling, and hooks


@program
def no_forward(lib):
    lib.nn.Module()(1)


@program
def arguments_arrive(lib):
    class Echo(lib.nn.Module):
        def forward(self, a, *args, b=1, **kwargs):
            return a, args, b, kwargs

    return Echo()(1, 2, 3, b=4, c=5)


@program
def an_instance_can_have_its_own_forward(lib):
    m = lib.nn.Identity()
    m.forward = lambda x: x + 1
    return m(1)


def log_hooks(calls, name, result=None):
    """A hook that writes down what it is called with."""

    def hook(module, *args):
        calls.append((name, type(module).__name__, *[show(a) for a in args]))
        return result(*args) if callable(result) else result

    return hook


def show(value):
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (tuple, list)):
        return tuple(show(v) for v in value)
    if isinstance(value, dict):
        return {k: show(v) for k, v in value.items()}
    return value


def adder(lib):
    class Add(lib.nn.Module):
        def forward(self, x, y=0):
            return x + y

    return Add()


@program
def forward_hooks_in_order(lib):
    calls = []
    m = adder(lib)
    m.register_forward_hook(log_hooks(calls, "b"))
    m.register_forward_pre_hook(log_hooks(calls, "pre b"))
    m.register_forward_hook(log_hooks(calls, "a"), prepend=True)
    m.register_forward_pre_hook(log_hooks(calls, "pre a", lambda args: args[0] * 10), prepend=True)
    m.register_forward_hook(log_hooks(calls, "c", lambda args, out: out + 0.5))
    m.register_forward_hook(log_hooks(calls, "kw", lambda args, kwargs, out: out * 2), with_kwargs=True)
    m.register_forward_pre_hook(
        log_hooks(calls, "pre kw", lambda args, kwargs: (args, {"y": kwargs["y"] + 1})), with_kwargs=True
    )
    return show(m(lib.tensor(1.0), y=2)), calls


@rows((1, 2, 3), 5, "x", (1,))
def a_kwargs_hook_that_returns_something_else(lib, case):
    m = adder(lib)
    m.register_forward_pre_hook(lambda module, args, kwargs: case, with_kwargs=True)
    m(1)


@program
def hooks_are_removed(lib):
    calls = []
    m = adder(lib)
    first = m.register_forward_hook(log_hooks(calls, "first"))
    second = m.register_forward_pre_hook(log_hooks(calls, "second"), with_kwargs=True)
    m(1)
    first.remove()
    m(2)
    with second:
        m(3)
    m(4)
    first.remove()
    left = [m._forward_hooks, m._forward_pre_hooks, m._forward_pre_hooks_with_kwargs]
    return calls, [len(hooks) for hooks in left]


@program
def always_called_hooks(lib):
    calls = []
    m = adder(lib)
    m.register_forward_hook(log_hooks(calls, "sometimes"))
    m.register_forward_hook(log_hooks(calls, "always"), always_call=True)
    m.register_forward_hook(log_hooks(calls, "kw"), always_call=True, with_kwargs=True)
    m(1)
    try:
        m("a", y=2)
    except TypeError:
        calls.append("raised")
    return calls


@program
def an_always_called_hook_that_fails(lib):
    m = adder(lib)
    m.register_forward_hook(lambda module, args, out: 1 / 0, always_call=True)
    m("a", 2)


@program
def a_hook_that_fails_is_not_called_again(lib):
    calls = []
    m = adder(lib)
    m.register_forward_hook(lambda module, args, out: calls.append(1) or 1 / 0, always_call=True)
    try:
        m(1)
    except ZeroDivisionError:
        return calls


@program
def global_forward_hooks(lib):
    hooks = global_hooks(lib)
    calls = []
    m = lib.nn.Sequential(adder(lib), lib.nn.Identity())
    m[0].register_forward_hook(log_hooks(calls, "own"))
    m[0].register_forward_pre_hook(log_hooks(calls, "own pre"))
    handles = [
        hooks.register_module_forward_hook(log_hooks(calls, "every")),
        hooks.register_module_forward_hook(log_hooks(calls, "every kw"), with_kwargs=True, always_call=True),
        hooks.register_module_forward_pre_hook(log_hooks(calls, "every pre")),
    ]
    try:
        m(lib.tensor(1.0))
    finally:
        for handle in handles:
            handle.remove()
    m(lib.tensor(2.0))
    return calls


@program
def registration_hooks(lib):
    hooks = global_hooks(lib)
    calls = []

    def watch(module, name, value):
        calls.append((type(module).__name__, name, type(value).__name__))

    replace = lib.nn.Parameter(lib.tensor([9.0]))
    handles = [
        hooks.register_module_parameter_registration_hook(watch),
        hooks.register_module_buffer_registration_hook(watch),
        hooks.register_module_module_registration_hook(watch),
        hooks.register_module_parameter_registration_hook(lambda m, name, p: replace if name == "scale" else None),
    ]
    try:
        m = net(lib)
        m.first = None
        m.register_module("last", lib.nn.ReLU())
    finally:
        for handle in handles:
            handle.remove()
    lib.nn.Linear(1, 1)
    return calls, m.scale


def global_hooks(lib):
    return lib.nn.hooks if lib is minitorch else lib.nn.modules.module


# ---------------------------------------------------------------------------------------------------------
# Hooks in backward


def scaled(lib, forward):
    """A module with a parameter w = 2 and the given forward(w, *args, **kwargs)."""

    class Scaled(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = lib.nn.Parameter(lib.tensor(2.0))

        def forward(self, *args, **kwargs):
            return forward(self.w, *args, **kwargs)

    return Scaled()


Pair = namedtuple("Pair", "a b")


@rows(
    (lambda w, x: x * w, "x", lambda out: out),
    (lambda w, x, y: x * y * w, "xy", lambda out: out),
    (lambda w, x, y: x * w, "xy", lambda out: out),
    (lambda w, x, y: x * w * y, "xc", lambda out: out),
    (lambda w, x, y: x[y] * w, "xi", lambda out: out),
    (lambda w, x, y: x * y * w, "x3", lambda out: out),
    (lambda w, x: x[0] * w, "l", lambda out: out),
    (lambda w, x: x * w, "c", lambda out: out),
    (lambda w: w * 3, "", lambda out: out),
    (lambda w, x: (x * w, x + 1), "x", lambda out: out[0]),
    (lambda w, x: (x * w, x + 1), "x", lambda out: out[1] * 3),
    (lambda w, x: (x * w, x + 1), "x", lambda out: out[0] + out[1]),
    (lambda w, x: (x * w, w.detach(), 3), "x", lambda out: out[0]),
    (lambda w, x: {"out": x * w}, "x", lambda out: out["out"]),
    (lambda w, x: [x * w], "x", lambda out: out[0]),
    (lambda w, x: Pair(x * w, 4), "x", lambda out: out.a),
    (lambda w, x: x, "x", lambda out: out),
    (lambda w, x: w, "x", lambda out: out),
)
def backward_hooks(lib, case):
    forward, letters, use = case
    x, y = lib.tensor([1.0, 3.0], requires_grad=True), lib.tensor([2.0, 5.0], requires_grad=True)
    inputs = {"x": x, "y": y, "c": lib.tensor([4.0, 4.0]), "i": lib.tensor([1, 0]), "3": 3, "l": [x]}
    m = scaled(lib, forward)
    calls = []
    m.register_full_backward_hook(log_hooks(calls, "after"))
    m.register_full_backward_pre_hook(log_hooks(calls, "before"))
    out = m(*[inputs[letter] for letter in letters])
    use(out).sum().backward()
    return calls, x.grad, y.grad, m.w.grad, type(out).__name__


@program
def backward_hooks_with_keyword_arguments(lib):
    calls = []
    m = scaled(lib, lambda w, x=None: x * w)
    m.register_full_backward_hook(log_hooks(calls, "after"))
    m(x=lib.ones(2, requires_grad=True)).sum().backward()
    return calls


@rows(None, (None,), "seven", "list", (1, 2), ())
def what_a_backward_hook_returns(lib, case):
    results = []
    for register in ("register_full_backward_hook", "register_full_backward_pre_hook"):
        x = lib.tensor([1.0, 3.0], requires_grad=True)
        m = scaled(lib, lambda w, x: x * w)
        value = {"seven": (lib.tensor([7.0, 8.0]),), "list": [lib.tensor([7.0, 8.0])]}.get(case, case)
        getattr(m, register)(lambda module, *gradients, value=value: value)
        try:
            m(x).sum().backward()
            if case != (None,):
                results.append((x.grad, m.w.grad))
        except Exception as error:
            results.append((type(error).__name__, str(error).splitlines()[0]))
    return results


@rows(None, (None,), "seven", ())
def what_a_backward_hook_without_input_gradients_returns(lib, case):
    m = scaled(lib, lambda w, x: x * w)
    value = (lib.ones(2),) if case == "seven" else case
    m.register_full_backward_hook(lambda module, grad_input, grad_output: value)
    m(lib.ones(2)).sum().backward()
    return m.w.grad


@program
def backward_hooks_in_order(lib):
    hooks = global_hooks(lib)
    calls = []
    m = lib.nn.Sequential(scaled(lib, lambda w, x: x * w), lib.nn.Identity())
    m[0].register_full_backward_hook(log_hooks(calls, "b", lambda gi, go: (gi[0] * 10,)))
    m[0].register_full_backward_hook(log_hooks(calls, "a"), prepend=True)
    m[0].register_full_backward_hook(log_hooks(calls, "c"))
    m[0].register_full_backward_pre_hook(log_hooks(calls, "pre b"))
    m[0].register_full_backward_pre_hook(log_hooks(calls, "pre a", lambda go: (go[0] + 1,)), prepend=True)
    handles = [
        hooks.register_module_full_backward_hook(log_hooks(calls, "every")),
        hooks.register_module_full_backward_pre_hook(log_hooks(calls, "every pre")),
    ]
    x = lib.tensor([1.0, 3.0], requires_grad=True)
    try:
        m(x).sum().backward()
    finally:
        for handle in handles:
            handle.remove()
    m(x).sum().backward()
    return calls, x.grad, m[0].w.grad


@program
def backward_twice(lib):
    calls = []
    m = scaled(lib, lambda w, x: x * w)
    m.register_full_backward_hook(log_hooks(calls, "after"))
    x = lib.tensor([1.0, 3.0], requires_grad=True)
    out = m(x)
    out.sum().backward(retain_graph=True)
    (out * 2).sum().backward()
    return calls, x.grad


@program
def the_second_derivative_under_a_hook(lib):
    calls = []
    m = scaled(lib, lambda w, x: x * x * w)
    m.register_full_backward_hook(log_hooks(calls, "after"))
    x = lib.tensor([1.0, 3.0], requires_grad=True)
    (g,) = lib.autograd.grad(m(x).sum(), x, create_graph=True)
    (h,) = lib.autograd.grad(g.sum(), x)
    return calls, g.detach(), h


@program
def no_backward_hook_without_grad(lib):
    calls = []
    m = scaled(lib, lambda w, x: x * w)
    m.register_full_backward_hook(log_hooks(calls, "after"))
    with lib.no_grad():
        out = m(lib.tensor([1.0, 3.0], requires_grad=True))
    return calls, out


@program
def forward_hooks_see_what_backward_hooks_watch(lib):
    calls = []
    m = scaled(lib, lambda w, x: x * w)
    m.register_full_backward_hook(log_hooks(calls, "after"))
    m.register_forward_hook(log_hooks(calls, "forward", lambda args, out: out * 3))
    m.register_forward_pre_hook(log_hooks(calls, "pre", lambda args: args[0] * 5))
    x = lib.tensor([1.0, 3.0], requires_grad=True)
    m(x).sum().backward()
    return calls, x.grad


# ---------------------------------------------------------------------------------------------------------
# Copies


def rich(lib):
    m = lib.nn.Sequential(lib.nn.Linear(2, 3), lib.nn.Tanh(), lib.nn.BatchNorm1d(3))
    m.register_buffer("scratch", lib.ones(2), persistent=False)
    m.shared = m[0]
    m.tied = m[0].weight
    m.note = {"a": [1, 2]}
    return m


@rows(copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)), copy.copy)
def copies(lib, case):
    m = rich(lib)
    m.eval()
    other = case(m)
    with lib.no_grad():
        other[0].bias.fill_(5)
    other.extra = lib.nn.Parameter(lib.ones(1))
    shared = [other.shared is other[0], other.tied is other[0].weight, other[0] is m[0], other.note is m.note]
    return [repr(other), other.state_dict(), shared, m[0].bias, other.training, other._non_persistent_buffers_set,
            [name for name, _ in other.named_parameters()], other(lib.ones(1, 2))]  # fmt: skip


@program
def a_state_of_ones_own(lib):
    class Lean(lib.nn.Linear):
        def __getstate__(self):
            state = self.__dict__.copy()
            state["cache"] = None
            return state

        def __setstate__(self, state):
            self.__dict__.update(state)

    Lean.__qualname__ = Lean.__name__ = f"Lean_{lib.__name__}"
    globals()[Lean.__name__] = Lean
    Lean.__module__ = __name__
    m = Lean(1, 1)
    other = copy.deepcopy(m)
    other.weight = lib.nn.Parameter(lib.tensor([[4.0]]))
    other.bias.data.zero_()
    return other(lib.ones(1)), other.cache, other.state_dict(), m.weight.item() == 4.0


@program
def hooks_are_copied(lib):
    m = adder(lib)
    m.register_forward_hook(lambda module, args, out: out + 100)
    other = copy.deepcopy(m)
    return other(1), len(other._forward_hooks)


@pytest.mark.parametrize("program", PROGRAMS)
def test_agrees_with_torch(agree, program):
    agree(program)


# ---------------------------------------------------------------------------------------------------------
# What PyTorch hasn't


def small():
    nn = minitorch.nn
    return nn.Sequential(nn.Linear(2, 3), nn.ModuleDict({"head": nn.Sequential(nn.Tanh(), nn.Linear(3, 1))}))


def notes_of(call):
    with pytest.raises(Exception) as caught:
        call()
    return getattr(caught.value, "__notes__", [])


def test_an_error_names_the_layer_it_came_from():
    nn, x = minitorch.nn, minitorch.ones(5, 4)
    model = nn.Sequential(nn.Identity(), nn.Sequential(nn.Identity(), nn.Linear(3, 2)))
    assert ["in 1.1 (Linear(in_features=3, out_features=2, bias=True))"] == notes_of(lambda: model(x))
    assert ["in 1 (Linear(in_features=3, out_features=2, bias=True))"] == notes_of(lambda: model[1](x))
    assert ["in Linear(in_features=3, out_features=2, bias=True)"] == notes_of(lambda: model[1][1](x))


def test_an_error_of_a_module_with_children_names_its_class():
    class Outer(minitorch.nn.Module):
        def __init__(self):
            super().__init__()
            self.block = small()

        def forward(self, x):
            raise ValueError("here")

    model = minitorch.nn.Sequential(Outer())
    assert ["in 0 (Outer(...))"] == notes_of(lambda: model(1))


def test_a_note_of_the_users_stays():
    class Noting(minitorch.nn.Module):
        def forward(self, x):
            error = ValueError("here")
            error.add_note("mine")
            raise error

    assert ["mine", "in 0 (Noting())"] == notes_of(lambda: minitorch.nn.Sequential(Noting())(1))


def test_an_error_that_was_caught_and_raised_anew_belongs_to_the_outer_module():
    class Outer(minitorch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = minitorch.nn.Linear(2, 2)

        def forward(self, x):
            try:
                return self.layer(x)
            except RuntimeError as error:
                raise ValueError("bad x") from error

    assert ["in Outer(...)"] == notes_of(lambda: Outer()(minitorch.ones(3)))


def test_endless_recursion_is_reported_as_such():
    class Endless(minitorch.nn.Module):
        def forward(self, x):
            return self(x)

    with pytest.raises(RecursionError):
        Endless()(1)


def watched(model):
    """A model that a compiled function depends on."""
    for module in model.modules():
        watch(module)
    return model


@pytest.mark.parametrize("change", [
    lambda m: m.eval(), lambda m: m.requires_grad_(False), lambda m: m.double(),
    lambda m: setattr(m, "extra", minitorch.nn.Parameter(minitorch.ones(1))), lambda m: m.append(minitorch.nn.ReLU()),
    lambda m: m.register_buffer("b", minitorch.ones(1)), lambda m: delattr(m[0], "bias"), lambda m: m.pop(0),
    lambda m: m[0]._parameters.update(weight=minitorch.nn.Parameter(minitorch.ones(1))),
    lambda m: setattr(m[0], "bias", None), lambda m: setattr(m[0], "training", False),
])  # fmt: skip
def test_a_change_of_structure_is_counted(change):
    model = watched(small())
    before = CHANGES[0]
    change(model)
    assert CHANGES[0] > before


def test_a_plain_attribute_is_counted_and_reading_is_not():
    model = watched(small())
    before = CHANGES[0]
    model.steps = 5
    assert CHANGES[0] == before + 1
    before = CHANGES[0]
    list(model.parameters()), model.state_dict(), model.zero_grad(), model.train()
    model.steps = model.steps
    assert CHANGES[0] == before


def test_what_nobody_watches_is_not_counted():
    model, extra, twin = small(), minitorch.nn.Parameter(minitorch.ones(1)), copy.deepcopy(watched(small()))
    before = CHANGES[0]
    minitorch.nn.Sequential(minitorch.nn.CrossEntropyLoss(label_smoothing=0.1), minitorch.nn.ReLU())
    model.steps, model.extra = 5, extra
    del model[0].bias, twin.eval()[0]
    assert CHANGES[0] == before


def test_a_state_that_is_put_into_a_watched_module_is_counted():
    model, other = watched(small()), small().eval()
    before = CHANGES[0]
    model.__setstate__(other.__dict__)
    assert CHANGES[0] > before
    before = CHANGES[0]
    model.steps = 5
    assert CHANGES[0] > before and not model.training


def test_an_update_of_the_data_in_its_place_is_no_change_of_structure():
    weight = small()[0].weight
    before, wanted = CHANGES[0], weight.detach() - 0.5
    weight.data -= 0.5
    assert weight.equal(wanted) and CHANGES[0] == before
    weight.data = weight.data - 1.0
    assert weight.equal(wanted - 1.0) and CHANGES[0] > before


def test_a_module_is_freed_at_once():
    gc.disable()
    try:
        model = small()
        reference = weakref.ref(model)
        del model
        assert reference() is None
    finally:
        gc.enable()


def test_an_error_suggests_the_right_name():
    with pytest.raises(AttributeError) as caught:
        _ = small().forwad
    assert caught.value.name == "forwad"


def nanoseconds(statement, **names):
    """The least of several measurements, for other work on the machine only ever adds."""
    return min(timeit.repeat(statement, globals=names, number=2000, repeat=15)) / 2000 * 1e9


def test_a_call_and_an_attribute_cost_little():
    layer, empty = minitorch.nn.Linear(2, 2), minitorch.nn.Identity()
    assert nanoseconds("m(1)", m=empty) - nanoseconds("m.forward(1)", m=empty) < 1000
    assert nanoseconds("m.weight", m=layer) < 250
    assert nanoseconds("m.count = 1", m=layer) < 2000


# ---------------------------------------------------------------------------------------------------------
# The older backward hook


def hooked(t, result=None):
    """A layer of one operation with the older hook, its input not a leaf, and what the hook saw."""
    seen = []
    layer = t.nn.ReLU()
    handle = layer.register_backward_hook(lambda module, into, out: seen.append((type(module).__name__, into, out)) or result)
    x = t.tensor([0.5, -1.0], requires_grad=True)
    return layer, x, seen, handle


def test_old_backward_hook_sees_the_last_operation(agree):
    def program(t):
        layer, x, seen, handle = hooked(t)
        layer(x * 2).sum().backward()
        handle.remove()
        layer(x * 2).sum().backward()
        return seen, x.grad

    agree(program)


def test_old_backward_hook_replaces_the_gradient(agree):
    def program(t):
        layer, x, _, _ = hooked(t, (t.ones(2),))
        layer(x * 2).sum().backward()
        return x.grad

    agree(program)


@pytest.mark.parametrize("first", ["register_backward_hook", "register_full_backward_hook"])
def test_a_module_has_one_kind_of_backward_hook(agree, first):
    def program(t):
        layer = t.nn.ReLU()
        for name in (first, "register_full_backward_hook", "register_backward_hook"):
            getattr(layer, name)(print)

    agree(program)


@pytest.mark.parametrize("mode", ["zeros", "circular"])
def test_a_convolution_with_a_standardized_weight(agree, mode):
    def program(t):
        class Standardized(t.nn.Conv1d):
            def forward(self, x):
                return self._conv_forward(x, self.weight.detach() * 0 + 1, self.bias.detach() * 0)

        return Standardized(2, 1, 3, padding=1, padding_mode=mode)(t.ones(1, 2, 4))

    agree(program)


def test_compile_leaves_the_numbers(agree):
    def program(t):
        layer = t.nn.ReLU()
        return t.__name__ and (layer.compile() if t is minitorch else None), layer(t.ones(2))

    agree(program)


def test_share_memory():
    module = minitorch.nn.Linear(2, 3).share_memory()
    assert all(p.is_shared() for p in module.parameters())
    module(minitorch.ones(2)).sum().backward()
    assert module.bias.grad.tolist() == [1, 1, 1]
