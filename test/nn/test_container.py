"""nn's containers, against PyTorch's: each program is run with both, and must return, warn and raise the same."""

import copy
from collections import OrderedDict
from functools import partial

import pytest

PROGRAMS = []


def rows(*cases):
    """The same program for several values, one row each."""

    def add(function):
        for i, case in enumerate(cases):
            PROGRAMS.append(pytest.param(partial(function, case=case), id=f"{function.__name__}-{i}"))
        return function

    return add


def program(function):
    PROGRAMS.append(pytest.param(function, id=function.__name__))
    return function


def layers(lib, n):
    return [lib.nn.Linear(2, 2 + i) for i in range(n)]


def widths(container):
    return [(name, module.out_features) for name, module in container.named_children()]


def attempt(call):
    """What ``call()`` returns, or what it raises."""
    try:
        return call()
    except Exception as error:
        return type(error).__name__, str(error).splitlines()[0]


INDICES = [0, 1, -1, -3, 3, -4, True, 1.0, "0", None, slice(1, 3), slice(None), slice(None, None, -1), slice(5, 9)]


# ---------------------------------------------------------------------------------------------------------
# Sequential and ModuleList


@rows("Sequential", "ModuleList")
def indexing(lib, case):
    make = getattr(lib.nn, case)
    results = []
    for index in INDICES:
        m = make(*layers(lib, 3)) if case == "Sequential" else make(layers(lib, 3))
        modules = list(m)

        def get(m=m, index=index, modules=modules):
            found = m[index]
            return modules.index(found) if found in modules else (type(found).__name__, widths(found))

        results.append(attempt(get))
    return results


@rows("Sequential", "ModuleList")
def setting(lib, case):
    make = getattr(lib.nn, case)
    results = []
    for index in (0, -1, 3, -4, 1):
        for value in ("module", "none", 5):
            m = make(*layers(lib, 3)) if case == "Sequential" else make(layers(lib, 3))
            new = {"module": lib.nn.Linear(2, 9), "none": None}.get(value, value)
            results.append((attempt(lambda m=m, i=index, new=new: m.__setitem__(i, new)), repr(m)))
    return results


@rows("Sequential", "ModuleList")
def deleting(lib, case):
    make = getattr(lib.nn, case)
    results = []
    for index in (0, 1, -1, 3, -4, slice(0, 2), slice(None, None, 2), slice(2, 9)):
        m = make(*layers(lib, 3)) if case == "Sequential" else make(layers(lib, 3))
        results.append((attempt(lambda m=m, i=index: m.__delitem__(i)), widths(m), len(m)))
    return results


@rows("Sequential", "ModuleList")
def popping(lib, case):
    make = getattr(lib.nn, case)
    results = []
    for index in (0, -1, 3, slice(0, 2)):
        m = make(*layers(lib, 3)) if case == "Sequential" else make(layers(lib, 3))
        results.append((attempt(lambda m=m, i=index: repr(m.pop(i))), widths(m)))
    return results


@rows("Sequential", "ModuleList")
def inserting(lib, case):
    make = getattr(lib.nn, case)
    results = []
    for index in (0, 1, 2, 3):
        m = make(*layers(lib, 3)) if case == "Sequential" else make(layers(lib, 3))
        m.insert(index, lib.nn.Linear(2, 9))
        results.append(widths(m))
    return results


@rows((-1, "module"), (-3, "module"), (4, "module"), (-4, "module"), (0, "number"), (0, "none"))
def inserting_in_a_sequential(lib, case):
    m = lib.nn.Sequential(*layers(lib, 3))
    value = {"module": lib.nn.Linear(2, 9), "number": 5, "none": None}[case[1]]
    return m.insert(case[0], value) is m, widths(m)


@rows("Sequential", "ModuleList")
def appending_and_extending(lib, case):
    make = getattr(lib.nn, case)
    m = make()
    results = [m.append(lib.nn.Linear(2, 2)) is m, m.extend(layers(lib, 2)) is m, widths(m)]
    m.extend(make(layers(lib, 1)) if case == "ModuleList" else make(*layers(lib, 1)))
    m += make(layers(lib, 1)) if case == "ModuleList" else make(*layers(lib, 1))
    results += [widths(m), len(m), [name for name in dir(m) if name.isdigit()]]
    results += [attempt(lambda: m.append(5)), attempt(lambda: m.extend(5)), attempt(lambda: m.extend([5]))]
    return results, [module.out_features for module in m]


@program
def a_list_extended_by_itself(lib):
    m = lib.nn.ModuleList(layers(lib, 2))
    m.extend(list(m))
    return len(m), len(list(m.parameters()))


@rows("Sequential", "ModuleList")
def membership_and_truth(lib, case):
    make = getattr(lib.nn, case)
    first = lib.nn.Linear(1, 1)
    m = make(first) if case == "Sequential" else make([first])
    return first in m, lib.nn.Linear(1, 1) in m, bool(m), bool(make()), m[0] is first


@program
def sequential_forms(lib):
    named = lib.nn.Sequential(OrderedDict([("a", lib.nn.Linear(2, 3)), ("b", lib.nn.Tanh())]))
    empty = lib.nn.Sequential()
    results = [repr(named), repr(named[0:1]), named.a is named[0], list(named.state_dict()), repr(empty), empty(7)]
    results += [attempt(lambda: lib.nn.Sequential([lib.nn.Tanh()])), attempt(lambda: lib.nn.Sequential(3))]
    results += [attempt(lambda: lib.nn.Sequential(None)(1))]
    x = lib.tensor([[1.0, 2.0]])
    del named[0]
    return results, repr(named), named(x)


@program
def a_sequential_computes(lib):
    m = lib.nn.Sequential(lib.nn.Linear(2, 3), lib.nn.Tanh(), lib.nn.Linear(3, 1))
    out = m(lib.tensor([[1.0, 2.0]]))
    out.sum().backward()
    return [round(v, 5) for v in m[0].weight.grad.flatten().tolist()], round(out.item(), 5)


@rows(0, -1, 1, 3, 2.5, "x")
def sequential_times(lib, case):
    m = lib.nn.Sequential(*layers(lib, 2))
    first = m[0]
    results = [attempt(lambda: widths(m * case)), attempt(lambda: widths(case * m))]
    results += [attempt(lambda: (m * case)[0] is first)]

    def in_place():
        nonlocal m
        same = m
        m *= case
        return m is same, [module.out_features for module in m], list(m._modules)

    return results, attempt(in_place)


@program
def sequential_plus(lib):
    a, b = lib.nn.Sequential(*layers(lib, 2)), lib.nn.Sequential(*layers(lib, 1))
    both = a + b
    results = [widths(both), both[2] is b[0], type(both).__name__]
    results += [attempt(lambda: a + [lib.nn.Tanh()]), attempt(lambda: a.__iadd__([lib.nn.Tanh()]))]
    a += b
    return results, widths(a)


@program
def list_plus(lib):
    a = lib.nn.ModuleList(layers(lib, 2))
    both = a + layers(lib, 1)
    return widths(both), type(both).__name__, len(a), repr(a + a)


@program
def a_subclass_sliced(lib):
    class Named(lib.nn.Sequential):
        pass

    class Several(lib.nn.ModuleList):
        pass

    return type(Named(*layers(lib, 3))[:2]).__name__, type(Several(layers(lib, 3))[:2]).__name__


@program
def a_list_prints_runs(lib):
    same = [lib.nn.Linear(2, 2) for _ in range(3)]
    block = [lib.nn.Sequential(lib.nn.Linear(2, 2), lib.nn.Tanh()) for _ in range(2)]
    lists = [lib.nn.ModuleList(given) for given in ([], same, same[:1], [*same, lib.nn.Tanh(), *same], [*block, *same])]
    nested = lib.nn.Sequential(lib.nn.ModuleList(block), lib.nn.ModuleDict({"inner": lib.nn.ModuleList(same)}))
    return [repr(each) for each in lists], repr(nested)


@program
def a_list_cannot_be_called(lib):
    lib.nn.ModuleList(layers(lib, 1))(1)


# ---------------------------------------------------------------------------------------------------------
# ModuleDict


@program
def module_dict(lib):
    first, second = lib.nn.Linear(2, 2), lib.nn.Tanh()
    m = lib.nn.ModuleDict({"first": first, "second": second})
    results = [repr(m), len(m), list(m), "first" in m, "nope" in m, list(m.keys()), m["first"] is first]
    results += [[name for name, _ in m.items()], list(m.values())[1] is second, list(m.state_dict())]
    m["third"] = lib.nn.ReLU()
    m["first"] = lib.nn.ReLU()
    results += [repr(m), m.pop("third") is not None, list(m)]
    del m["second"]
    results += [list(m), attempt(lambda: m["second"]), attempt(lambda: m.pop("second")), hasattr(m, "second")]
    m.clear()
    return results, len(m), repr(m), hasattr(m, "first")


@rows(
    lambda lib: 5,
    lambda lib: [1],
    lambda lib: [("a",)],
    lambda lib: [("a", lib.nn.Tanh(), 3)],
    lambda lib: [("a", 3)],
    lambda lib: {"a": 3},
    lambda lib: {3: lib.nn.Tanh()},
    lambda lib: {"a.b": lib.nn.Tanh()},
    lambda lib: {"": lib.nn.Tanh()},
    lambda lib: {"keys": lib.nn.Tanh()},
    lambda lib: {"type": lib.nn.Tanh()},
    lambda lib: [("b", lib.nn.Tanh()), ["a", lib.nn.ReLU()]],
    lambda lib: OrderedDict(b=lib.nn.Tanh(), a=lib.nn.ReLU()),
    lambda lib: lib.nn.ModuleDict({"b": lib.nn.Tanh(), "a": lib.nn.ReLU()}),
    lambda lib: {"b": None, "a": lib.nn.ReLU()},
)
def update_a_module_dict(lib, case):
    m = lib.nn.ModuleDict({"old": lib.nn.Linear(1, 1)})
    return attempt(lambda: m.update(case(lib))), repr(m), attempt(lambda: repr(lib.nn.ModuleDict(case(lib))))


# ---------------------------------------------------------------------------------------------------------
# ParameterList


@program
def parameter_list(lib):
    p = lib.nn.Parameter(lib.ones(2, 3))
    m = lib.nn.ParameterList([p, lib.zeros(1), 5, "x", lib.zeros((), dtype=lib.float64)])
    results = [repr(m), len(m), m[0] is p, type(m[1]).__name__, m[1].requires_grad, m[2], m[-2], list(m.state_dict())]
    results += [m.append(lib.ones(1)) is m, m.extend([lib.ones(1), 7]) is m, len(m), [type(v).__name__ for v in m]]
    m += [lib.ones(4)]
    m[2] = lib.ones(5)
    m[0] = lib.ones(6)
    results += [repr(m), [name for name, _ in m.named_parameters()], type(m[1:3]).__name__, repr(m[1:3])]
    results += [repr(m[::-2]), [attempt(lambda i=i: m[i]) for i in (99, -99, "0", 1.5)]]
    results += [attempt(lambda: m.extend(lib.ones(2))), attempt(lambda: m.extend(5)), attempt(lambda: m(1))]
    results += [attempt(lambda: m.__setitem__(0, 5)), repr(lib.nn.ParameterList()), len(copy.deepcopy(m))]
    return results, [name for name in dir(m) if name.isdigit()]


# ---------------------------------------------------------------------------------------------------------
# ParameterDict


@program
def parameter_dict(lib):
    p = lib.nn.Parameter(lib.ones(2, 3))
    m = lib.nn.ParameterDict({"b": p, "a": lib.zeros(1), "number": 5})
    results = [repr(m), len(m), list(m), m["b"] is p, type(m["a"]).__name__, m.b is p, "b" in m, "nope" in m]
    results += [list(m.keys()), [k for k, _ in m.items()], len(list(m.values())), list(reversed(m))]
    results += [m.get("nope"), m.get("nope", 3), m.get("number"), m.setdefault("number", 6), m.setdefault("new", 7)]
    results += [m.setdefault("tensor", lib.zeros(2)) is m["tensor"], list(m.state_dict())]
    results += [attempt(lambda: m["nope"]), attempt(lambda: m[3]), attempt(lambda: m.pop("nope"))]
    results += [attempt(lambda: m(1)), m.pop("number"), list(m), [k for k in m.popitem()][0], list(m)]
    other = m.copy()
    results += [other is m, other["b"] is p, list(other), repr(m.fromkeys(["x", "y"], 3))]
    del m["b"]
    results += [list(m), [name for name, _ in m.named_parameters()], attempt(lambda: m.__delitem__("b"))]
    m.clear()
    return results, len(m), repr(m), list(m.parameters()), len(copy.deepcopy(other))


@program
def parameter_dict_unions(lib):
    a = lib.nn.ParameterDict({"x": lib.zeros(1), "y": lib.zeros(2)})
    b = lib.nn.ParameterDict({"y": lib.ones(3), "z": lib.ones(4)})
    results = [repr(a | b), repr(b | a), list(a), list(b)]
    a |= b
    return results, repr(a)


@rows(
    lambda lib: 5,
    lambda lib: [1],
    lambda lib: [("a",)],
    lambda lib: [("a", 1, 2)],
    lambda lib: {"z": lib.ones(1), "y": 2},
    lambda lib: OrderedDict(z=lib.ones(1), y=2),
    lambda lib: [("z", lib.ones(1)), ("y", 2)],
    lambda lib: lib.nn.ParameterDict([("z", lib.ones(1)), ("y", 2)]),
    lambda lib: {3: lib.ones(1)},
    lambda lib: {"a.b": lib.ones(1)},
    lambda lib: {"keys": lib.ones(1)},
)
def update_a_parameter_dict(lib, case):
    m = lib.nn.ParameterDict({"old": lib.ones(1)})
    updated = attempt(lambda: m.update(case(lib)))
    return updated, list(m.state_dict()), attempt(lambda: repr(lib.nn.ParameterDict(case(lib))))


@pytest.mark.parametrize("program", PROGRAMS)
def test_agrees_with_torch(agree, program):
    agree(program)
