"""What a compiled function reaches and somebody changes between two calls, by whatever way it reaches it."""

import collections
import contextlib
import ctypes
import dataclasses
import functools
import sys
import types

import pytest
from courses import agrees

pytestmark = pytest.mark.usefixtures("answers")

SCALE = [2.0]
FILE = types.ModuleType("settings_of_a_test")


@pytest.fixture(autouse=True)
def forgotten():
    """What a course leaves in this file, and among the modules."""
    yield
    sys.modules.pop(FILE.__name__, None)
    for name in ("later", "max"):
        globals().pop(name, None)


def changed(make):
    """A course: ``make(torch)`` gives a function, and what is to be done to what it reaches after four calls."""

    def course(torch, compiled):
        SCALE[0], FILE.scale = 2.0, 2.0
        vars(FILE).pop("more", None)
        sys.modules[FILE.__name__] = FILE
        for name in ("later", "max"):
            globals().pop(name, None)
        function, change = make(torch)
        f = compiled(function)
        for k in range(8):
            if k == 4:
                change()
            yield f(torch.ones(2))

    return course


def other_scale():
    SCALE[0] = 3.0


# ------------------------------------------------------------------------------------------------------------ what there is


def keys(torch):
    flags = {"a": True}

    def rename():
        flags["b"] = flags.pop("a")

    return lambda x: x * 2 if "a" in flags else x * 3, rename


def turned_over(torch):
    sizes = {"x": 2.0, "y": 3.0}

    def turn():
        sizes["x"] = sizes.pop("x")

    return lambda x: x * next(iter(sizes.values())), turn


def a_dict_that_is_only_read(torch):
    sizes = {"x": 2.0}
    proxy = types.MappingProxyType(sizes)
    return lambda x: x * proxy["x"], lambda: sizes.update(x=3.0)


class Scaling:
    size = 2.0


def in_a_frozenset(torch):
    thing = Scaling()
    things = frozenset([thing])
    return lambda x: x * sum(each.size for each in things), lambda: setattr(thing, "size", 3.0)


def as_a_key(torch):
    thing = Scaling()
    things = {thing: 1}
    return lambda x: x * sum(each.size for each in things), lambda: setattr(thing, "size", 3.0)


def a_number_of_c(torch):
    number = ctypes.c_double(2.0)
    return lambda x: x * number.value, lambda: setattr(number, "value", 3.0)


# ------------------------------------------------------------------------------------------------------ what comes to be


def in_a_file(torch):
    return lambda x: x * getattr(FILE, "more", 1.0), lambda: setattr(FILE, "more", 3.0)


def of_an_object(torch):
    thing = Scaling()
    return lambda x: x * getattr(thing, "more", 1.0), lambda: setattr(thing, "more", 3.0)


def of_a_class(torch):
    class Thing:
        pass

    return lambda x: x * getattr(Thing, "more", 1.0), lambda: setattr(Thing, "more", 3.0)


def of_a_tensor(torch):
    w = torch.ones(2)
    return lambda x: x * w * getattr(w, "more", 1.0), lambda: setattr(w, "more", 3.0)


def of_a_parameter(torch):
    layer = torch.nn.LayerNorm(2)
    return lambda x: layer(x).detach() + getattr(layer.bias, "more", 1.0), lambda: setattr(layer.bias, "more", 3.0)


def of_a_function(torch):
    def f(x):
        return x * getattr(f, "more", 1.0)

    return f, lambda: setattr(f, "more", 3.0)


def by_name(torch):
    def f(x):
        try:
            return x * later  # noqa: F821
        except NameError:
            return x

    return f, lambda: globals().update(later=3.0)


def instead_of_a_builtin(torch):
    def f(x):
        return x * max(1.0, 2.0)

    def hide():
        globals()["max"] = min

    return f, hide


# ------------------------------------------------------------------------------------------------------- by whatever way


@contextlib.contextmanager
def scale():
    yield SCALE[0]


def by_a_context_manager(torch):
    def f(x):
        with scale() as size:
            return x * size

    return f, other_scale


@functools.singledispatch
def kind_of(x):
    return x * SCALE[0]


def by_the_kind_of_an_argument(torch):
    return lambda x: kind_of(x), other_scale


def by_a_decorator_of_the_library(torch):
    @torch.no_grad()
    def scale(x):
        return x * SCALE[0]

    return lambda x: scale(x), other_scale


def by_a_transform_of_the_library(torch):
    slope = torch.func.grad(lambda x: (x * SCALE[0]).sum())
    return lambda x: slope(x), other_scale


def imported(torch):
    def f(x):
        import settings_of_a_test

        return x * settings_of_a_test.scale

    return f, lambda: setattr(FILE, "scale", 3.0)


def imported_by_its_name(torch):
    def f(x):
        from settings_of_a_test import scale

        return x * scale

    return f, lambda: setattr(FILE, "scale", 3.0)


def by_a_pattern(torch):
    thing = types.SimpleNamespace(size=2.0)

    def f(x):
        match thing:
            case types.SimpleNamespace(size=size):
                return x * size

    return f, lambda: setattr(thing, "size", 3.0)


def by_the_class_of_a_class(torch):
    class Kind(type):
        size = 2.0

    class Thing(metaclass=Kind):
        pass

    return lambda x: x * Thing.size, lambda: setattr(Kind, "size", 3.0)


# -------------------------------------------------------------------------------------------------------- of an argument


@dataclasses.dataclass
class Fields:
    x: object

    def scaled(self):
        return self.x * SCALE[0]


class Named(collections.namedtuple("Named", "x")):
    def scaled(self):
        return self.x * SCALE[0]


class Entries(dict):
    def scaled(self):
        return self["x"] * SCALE[0]


def a_method_of_an_argument(make):
    def course(torch, compiled):
        SCALE[0] = 2.0
        f = compiled(lambda batch: batch.scaled() + 1)
        for k in range(8):
            if k == 4:
                SCALE[0] = 3.0
            yield f(make(x=torch.ones(2)))

    return course


def an_attribute_of_an_argument(make):
    def course(torch, compiled):
        f = compiled(lambda batch: batch.scaled() * batch.size)
        for k in range(8):
            batch = make(x=torch.ones(2))
            batch.size = 2.0 + k // 4
            yield f(batch)

    return course


def a_class_of_tensors(torch):
    class Scaled(torch.Tensor):
        def scaled(self):
            return self.as_subclass(torch.Tensor) * SCALE[0]

    w = torch.ones(2).as_subclass(Scaled)
    return lambda x: x + w.scaled(), other_scale


# ---------------------------------------------------------------------------------------------- what a number says it is


def by_the_type_of_a_number(torch, compiled):
    f = compiled(lambda x, rate: x * rate if type(rate) is float else x * 100)
    for k in range(6):
        yield f(torch.ones(2), 0.1 * (k + 1))


def by_the_class_of_a_number(torch, compiled):
    f = compiled(lambda x, rate: x * rate if rate.__class__ is float else x * 100)
    for k in range(6):
        yield f(torch.ones(2), 0.1 * (k + 1))


def by_the_type_of_a_count(torch, compiled):
    state = {"steps": 0}

    def f(x):
        state["steps"] += 1
        return x * state["steps"] if type(state["steps"]) is int else x * 100

    f = compiled(f)
    for _ in range(6):
        yield f(torch.ones(2)), state


# ------------------------------------------------------------------------------------------------------ what it gives back


def what_it_was_given(torch, compiled):
    f = compiled(lambda batch: batch)
    for _ in range(5):
        batch = {"x": torch.ones(2)}
        f(batch)["n"] = 5
        yield batch


def what_it_holds(torch, compiled):
    state = {"x": torch.ones(2)}
    f = compiled(lambda x: (x * state["x"], state))
    for k in range(5):
        y, held = f(torch.ones(2))
        held["x"] = torch.ones(2) * (k + 2)
        yield y, state


def a_tensor_with_an_attribute(torch, compiled):
    def f(x):
        y = x * 2
        y.kind = "doubled"
        return y

    f = compiled(f)
    for _ in range(5):
        yield f(torch.ones(2)).kind


@dataclasses.dataclass(frozen=True)
class Doubled:
    x: object
    times: int = dataclasses.field(init=False, default=0)

    def __post_init__(self):
        object.__setattr__(self, "x", self.x * 2)
        object.__setattr__(self, "times", 2)


def an_object_that_makes_something_of_its_fields(torch, compiled):
    f = compiled(lambda x: Doubled(x))
    for _ in range(5):
        made = f(torch.ones(2))
        yield made.x, made.times


class Attributes(dict):
    def __getattr__(self, name):
        return self[name]


def a_dict_with_attributes(torch, compiled):
    def f(x):
        made = Attributes(x=x * 2)
        made.__dict__["kind"] = "doubled"
        return made

    f = compiled(f)
    for _ in range(5):
        made = f(torch.ones(2))
        yield made.x, vars(made)


def a_dict_that_makes_entries(torch, compiled):
    def f(x):
        made = collections.defaultdict(list)
        made["x"] = x * 2
        return made

    f = compiled(f)
    for _ in range(5):
        made = f(torch.ones(2))
        yield made["y"], made["x"]


CHANGED = [
    keys, turned_over, a_dict_that_is_only_read, in_a_frozenset, as_a_key, a_number_of_c, in_a_file, of_an_object, of_a_class,
    of_a_tensor, of_a_parameter, of_a_function, by_name, instead_of_a_builtin, by_a_context_manager, by_the_kind_of_an_argument,
    by_a_decorator_of_the_library, by_a_transform_of_the_library, imported, imported_by_its_name, by_a_pattern,
    by_the_class_of_a_class, a_class_of_tensors,
]  # fmt: skip

COURSES = {
    **{make.__name__: changed(make) for make in CHANGED},
    **{f"a method of {make.__name__}": a_method_of_an_argument(make) for make in (Fields, Named, Entries)},
    **{f"an attribute of {make.__name__}": an_attribute_of_an_argument(make) for make in (Fields, Entries)},
    **{course.__name__: course for course in (
        by_the_type_of_a_number, by_the_class_of_a_number, by_the_type_of_a_count, what_it_was_given, what_it_holds,
        a_tensor_with_an_attribute, an_object_that_makes_something_of_its_fields, a_dict_with_attributes, a_dict_that_makes_entries,
    )},
}  # fmt: skip


@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
def test_agrees_with_pytorch(course):
    agrees(course)
