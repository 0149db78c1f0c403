"""Names for what a program reads and writes: those that the user knows, where there are any.

    parameters and buffers    fc.weight           states     fc.weight.exp_avg
    gradients                 fc.weight.grad      arguments  x
    between the kernels       %12, as the graph prints it
"""

from types import ModuleType

from ..engine import Tensor
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from ..symbolic import Reading
from .state_threading import Threaded, unthreaded
from .tree import LEAF

__all__ = ["Names", "names_of_backward", "names_of_forward"]


class Names:
    """The names of the Values of a graph, and of Places.

    inputs, outputs: a name for each.   of(x): of a Value.   at(place, values): of a Place that some of these values lie in.
    """

    def __init__(self, native, inputs, outputs):
        self.native, self.inputs, self.outputs = native, inputs, outputs
        graph = native.graph
        self.values = dict(zip(graph.inputs, inputs, strict=True))
        self.values.update({step.out: f"%{k}" for k, step in enumerate(graph.steps, len(graph.inputs))})

    def of(self, x):
        place = self.native.plan.places.get(x)
        if place is not None and place.kind != "arena":
            return (self.inputs if place.kind == "input" else self.outputs)[place.at]
        return self.values.get(x, "copy")

    def at(self, place, values):
        for x in values:
            base = self.native.found[x].base
            found = self.native.plan.places.get(base)
            in_arena = found is not None and found.kind == place.kind == "arena"
            if found == place or in_arena and 0 <= place.at - found.at < base.size * base.dtype.itemsize:
                return self.of(base)
        return "?"


def known_names(watch, function):
    """{id of a tensor: its name} for a function's variables, and for all modules and optimizers that it reaches."""
    found: dict = {}
    seen = list(variables(function))
    models = [(name, x) for name, x in seen if isinstance(x, Module)]
    owners = [(f"{name}." if len(models) > 1 else "", x) for name, x in models]
    owners += [("", x) for x in watch.kept if isinstance(x, Module)]
    for name, x in seen:
        if isinstance(x, Tensor):
            found.setdefault(id(x), name)
    for owner, module in owners:
        for name, x in (*module.named_parameters(), *module.named_buffers()):
            found.setdefault(id(x), owner + name)
    for thing in watch.kept:
        for p, state in thing.state.items() if isinstance(thing, Optimizer) else ():
            for key, x in state.items():
                found.setdefault(id(x), f"{found.get(id(p), 'parameter')}.{key}")
    return found


def variables(function):
    """(name, value) of what a function finds outside itself, and of what lies in lists, dicts and objects there."""
    plain = getattr(function, "__func__", function)
    cells = zip(plain.__code__.co_freevars, plain.__closure__ or ()) if hasattr(plain, "__code__") else ()
    todo = [("self", getattr(function, "__self__", None))]
    for name, cell in cells:
        try:
            todo.append((name, cell.cell_contents))
        except ValueError:  # nothing is in it yet
            continue
    space = getattr(plain, "__globals__", {})
    todo += [(name, space[name]) for name in (plain.__code__.co_names if space else ()) if name in space]
    for name, thing in todo:
        yield name, thing
        if isinstance(thing, (list, tuple)):
            yield from [(f"{name}[{k}]", x) for k, x in enumerate(thing)]
        elif isinstance(thing, dict):
            yield from [(f"{name}[{key!r}]", x) for key, x in thing.items()]
        elif not isinstance(thing, (Module, ModuleType, type)):
            yield from [(f"{name}.{key}", x) for key, x in getattr(thing, "__dict__", {}).items()]


def argument_names(function, form):
    """A name for each tensor among the arguments, in order."""
    if function.__class__ is Threaded:
        kind, (first, *args), kwargs = form
        count = len(function.places)
        known = [found for (_, name), part in zip(function.places, args) for found in leaves(part, name)]
        return known + argument_names(function.function, (kind, (first, *args[count:]), kwargs))
    _, args, kwargs = form
    plain = type(function).forward if isinstance(function, Module) else getattr(function, "__func__", function)
    code, skipped = getattr(plain, "__code__", None), int(plain is not function)
    names = code.co_varnames[skipped : code.co_argcount] if code else ()
    found = []
    for k, part in enumerate(args[1:]):
        found += leaves(part, names[k] if k < len(names) else f"args[{k}]")
    for key, part in zip(kwargs[1], kwargs[2:]):
        found += leaves(part, key)
    return found


def leaves(form, name):
    """A name for each tensor in one argument."""
    if form is LEAF:
        return [name]
    if form.__class__ is not tuple:
        return []
    kind, *parts = form
    if issubclass(kind, (list, tuple)):
        named = [(f"{name}[{k}]", part) for k, part in enumerate(parts)]
    elif issubclass(kind, dict):
        named = [(f"{name}[{key!r}]", part) for key, part in zip(parts[0], parts[1:])]
    else:  # a dataclass
        named = [(f"{name}.{key}", part) for key, part in zip(parts[0], parts[1:])]
    return [found for inner, part in named for found in leaves(part, inner)]


def names_of_forward(program):
    """The Names of a program's own code."""
    recording, known = program.recording, known_names(program.watch, unthreaded(program.function))
    arguments = argument_names(program.function, program.key[0])
    inputs = []
    for k, (kind, which) in enumerate(recording.externals):
        if kind == "argument":
            inputs.append(arguments[which])
        elif kind == "grad":
            inputs.append(f"{known.get(id(which), f'tensor{k}')}.grad")
        else:
            inputs.append(known.get(id(which), f"tensor{k}"))
    for source, made in recording.sources:
        if made:
            draw = source.text if source.__class__ is Reading else f"draw{len(inputs)}"
            inputs.append(source[1] if source.__class__ is tuple else draw)
    gradients = [f"{known.get(id(leaf), 'tensor')}.grad" for leaf, _, state in recording.gradients if state == "new"]
    results = len(program.fresh) - len(gradients) - program.kept
    outputs = [*gradients, *[f"result{k}" for k in range(results)], *[f"saved{k}" for k in range(program.kept)]]
    return Names(program.native, inputs, outputs)


def names_of_backward(program, forward):
    """The Names of the code that goes backward, in terms of those of forward."""
    back = program.backward
    inputs = [forward.inputs[k] if kind == "input" else forward.outputs[k] for kind, k in back.saved]
    inputs += [f"result{k}.grad" for k, *_ in back.seeds]
    ends = [f"{forward.inputs[k]}.grad" for k in program.recording.ends]
    return Names(back.native, inputs, ends)
