"""A program's answer to a call, written out: one Python function that checks, fetches, runs and leaves behind.

A small step computes for a microsecond, so each look into a dict counts. The function asks no question twice and has no
loops; here of ``step(x)`` with one parameter and an SGD optimizer, shortened:

    def answer(args, kwargs):
        if mode.grad is not True or mode.listeners or mode.eager or CHANGES[0] != seen[0]: return MISS
        if len(args) != 1: return MISS
        x0 = args[0]
        a0 = x0._array
        if a0.shape != shape1 or a0.dtype is not dtype2 and a0.dtype != dtype2 or a0.strides != strides3: return MISS
        if values4 != list(group5.values()) and not rates6.renewed(): return MISS
        table[3] = id(a0)                                native code finds the data of an array object
        o0 = empty((), dtype7)
        table[9] = id(o0)
        main(pool, address)
        storage8.version += 1
        return wrap(o0)

It returns MISS where anything is not as it was recorded: then ``Compiled`` takes the long way.
"""

import math
from math import inf, nan
from operator import is_
from sys import getrefcount

from .. import primitives
from ..backends import backend_of, for_device
from ..compiler.settled import numbers_of
from ..compiler.traced_memory import layout, owner_of
from ..device import CPU
from ..dtypes import float64, get_default_dtype
from ..engine import MODE, AccumulateGrad, Tensor, edge_of, wrap
from ..graph import CHANGES, InferenceStorage, Node
from ..nn.module import Module
from ..symbolic import Reading
from .gradients import Gradients, replaced
from .recording import SPENT, WANTING, base_name
from .run_again import Again
from .tree import COUNTED, GIVEN, LEAF, PLAIN, Kept, names_of, rebuilt, same

__all__ = ["MISS", "Rates", "SPENT_NODE", "aliases", "answer_of", "kind_of_history"]

MISS = object()
"""What an answer returns that doesn't fit the call."""

SPENT_NODE = Node(primitives.neg, (), (), None)
"""The history of a result whose graph was used up by a backward within the step."""


class Rates:
    """The numbers of one group that are read anew, as ``arrays`` that programs read; and what else the group holds."""

    def __init__(self, group, names, apart=()):
        """apart: names of what somebody else looks after."""
        self.group, self.values, self.moving = group, list(group.values()), {*map(base_name, names), *apart}
        self.still = [(key, x) for key, x in group.items() if key not in self.moving]
        self.arrays = {name: for_device(CPU).full((), self.now(name), float64) for name in names}

    def now(self, name):
        """The number as it is now, one of several if the name is (name, place)."""
        return self.group[name] if name.__class__ is str else self.group[name[0]][name[1]]

    def renewed(self):
        """Read the numbers again; False if something else in the group changed, or one is a Tensor now, which may be written to."""
        now = [(key, x) for key, x in self.group.items() if key not in self.moving]
        if len(now) != len(self.still) or not all([a[0] == b[0] and same(a[1], b[1]) for a, b in zip(now, self.still)]):
            return False
        if any([isinstance(self.now(name), Tensor) for name in self.arrays]):
            return False
        for name, array in self.arrays.items():
            array[...] = self.now(name)
        self.values[:] = self.group.values()
        return True


def kind_of_history(tensor):
    """None of a tensor that wants no gradient, else whether it is a "leaf" or has a "history"."""
    edge = edge_of(tensor)
    return None if edge is None else "leaf" if edge.__class__ is AccumulateGrad else "history"


def aliases(tensors):
    """Which of the tensors share memory, and how: for each, the first with the same owner, and how many bytes lie between.

    () if none do.
    """
    owners = [id(owner_of(x._array)) for x in tensors]
    if len(set(owners)) == len(owners):
        return ()
    starts = [layout(x._array)[0] for x in tensors]
    return tuple([(owners.index(owner), start - starts[owners.index(owner)]) for owner, start in zip(owners, starts)])


def answer_of(program, form, described, aliases):
    """The answer of a program to calls of this form, whose tensors look as ``described`` says."""
    writing = Writing(program, form)
    writing.ground()
    writing.arguments(described, aliases)
    writing.inputs()
    writing.outputs()
    writing.run()
    writing.replace()
    writing.effects()
    return writing.finished()


class Writing:
    """The lines of the function, and the names that it knows."""

    def __init__(self, program, form):
        self.program, self.form, self.lines, self.after, self.count = program, form, [], [], 0
        self.tensors, self.externals, self.sources, self.made = [], [], [], None  # names: of tensors, arrays, memory of gradients
        self.leaves = []  # names: of the tensors and numbers among the arguments, in order
        self.streams = []  # names: of those that it draws from, where a check may call it off
        self.numbers, self.texts = 0, {}  # how many are given; names of what is worked out of them
        self.scope = {
            "MISS": MISS, "SPENT": SPENT_NODE, "Tensor": Tensor, "mode": MODE, "CHANGES": CHANGES, "seen": program.seen,
            "wrap": wrap, "edge_of": edge_of, "rebuilt": rebuilt, "same": same, "is_": is_, "owner_of": owner_of, "numbers_of": numbers_of,
            "table": program.native.table, "empty": program.recording.xp.empty, "Inference": InferenceStorage,
            "inf": inf, "nan": nan, "math": math, "ordered": lambda array: backend_of((array,)).ascontiguousarray(array),
        }  # fmt: skip

    def know(self, thing, hint="k"):
        """A name for something."""
        name = f"{hint}{self.count}"
        self.count += 1
        self.scope[name] = thing
        return name

    def do(self, line):
        self.lines.append(line)

    def miss_if(self, condition):
        self.do(f"if {condition}: return MISS")

    # ---------------------------------------------------------------------------------------- what is taken for granted

    def ground(self):
        """Modes, the counter of changes, what the function reaches by name, and groups of optimizers."""
        grad, inference, autocast, default = self.program.mode
        self.scope["default"] = get_default_dtype
        self.miss_if(
            f"mode.grad is not {grad} or mode.inference is not {inference} or mode.autocast is not {self.know(autocast)}"
            f" or mode.listeners or mode.eager or CHANGES[0] != seen[0] or default() is not {self.know(default)}"
        )
        for names in self.program.watch.often:
            test = names.test(self.know(names.space, "space"), self.know(names.values, "values"), self.know)
            self.miss_if(f"not ({test}) and not {self.know(names, 'names')}.holds()")
        for rates in self.program.rates.values():
            values, group = self.know(rates.values, "values"), self.know(rates.group, "group")
            self.miss_if(f"{values} != list({group}.values()) and not {self.know(rates, 'rates')}.renewed()")
        self.gradients()

    def gradients(self):
        """What gradients there are. Those that the last call left behind, and nobody else holds, are taken as they are."""
        recording = self.program.recording
        new, reused = replaced(recording)

        def is_other(leaf, there):
            return f"{self.know(leaf, 'leaf')}._grad is {'' if there else 'not '}None"

        for leaf, there, state in recording.gradients:
            if state != "new":
                self.miss_if(is_other(leaf, there))
        if new:
            leaves, facts = [leaf for leaf, _ in new], self.program.fresh[: len(new)]
            self.made = Gradients(leaves, facts, self.program.native, reused, recording.xp)
            self.scope["made"] = self.made
            self.scope["holders"] = getrefcount
            for line in self.made.written_out([self.know(leaf, "leaf") for leaf in leaves]):
                self.do(line)
            self.miss_if(f"not ours and ({' or '.join([is_other(leaf, there) for leaf, there in new])})")

    def arguments(self, described, shared):
        """Take the tensors out of what holds them, and compare them with what was recorded."""
        _, args, kwargs = self.form
        self.take("args", args)
        self.take("kwargs", kwargs)
        self.scope["history"] = kind_of_history
        for x, (shape, dtype, strides, history, kind, cls) in zip(self.tensors, described, strict=True):
            a = x.replace("x", "a")
            self.miss_if(f"{x}.__class__ is not {self.know(cls, 'cls')}")
            self.do(f"{a} = {x}._array")
            known = self.know(dtype)  # that of an array that came by pickle, as from a DataLoader's worker, is another object
            other = f"{a}.dtype is not {known} and {a}.dtype != {known}"
            like = f"{a}.shape != {self.know(shape)} or {other} or {a}.strides != {self.know(strides)}"
            wants = f"{x}._node is not None or {x}._view is not None and edge_of({x}) is not None"
            wants = wants if history is None else f"history({x}) != {history!r}"
            self.miss_if(f"{like} or {a}.__class__ is not {self.know(kind)} or {wants}")
        for space, name, kind, _ in self.program.recording.kept:
            self.number(f"{self.know(space, 'space')}.get({self.know(name)})", kind, (id(space), name))
        self.given()
        for space, name, _, text in self.program.recording.kept:
            self.after.append(f"{self.know(space, 'space')}[{self.know(name)}] = {self.texts[text]}")
        spaces = {id(space) for space, *_ in self.program.recording.kept}
        if any([isinstance(x, Module) and id(vars(x)) in spaces for x in self.program.watch.kept]):
            self.after.append("CHANGES[0] += 1; seen[0] = CHANGES[0]")  # others may have that number for a constant
        for k, leaf in (*self.program.recording.own, *self.program.recording.held):
            self.miss_if(f"{self.tensors[k]} is not {self.know(leaf.value, 'leaf')}")
        for k, numbers, _ in self.program.recording.relied:
            kind, which = self.program.recording.externals[k]
            array = f"a{which}" if kind == "argument" else f"{self.know(which, 'tensor')}._array"
            self.miss_if(f"numbers_of({array}) != {self.know(numbers)}")
        if shared:
            self.scope["aliases"] = aliases
            self.miss_if(f"aliases(({', '.join(self.tensors)},)) != {self.know(shared)}")
        if self.program.written_owners and self.tensors:
            arrays = [x.replace("x", "a") for x in self.tensors]
            owners = ", ".join([f"id({a} if {a}.base is None else owner_of({a}))" for a in arrays])
            self.scope["elsewhere"] = self.program.written_owners.isdisjoint
            if len(self.tensors) == 1 or shared or not self.program.writes_arguments:
                self.miss_if(f"not elsewhere(({owners},))")
            else:
                self.miss_if(f"len({{{owners}}}) != {len(self.tensors)} or not elsewhere(({owners},))")

    def given(self):
        """Ask what was asked of the numbers that are given, and work out what is made of them."""
        recording = self.program.recording
        made = [which for kind, which, *_ in recording.returned if kind == "given"]
        made += [source.text for source, _ in recording.sources if source.__class__ is Reading]
        made += [text for *_, text in recording.kept]
        self.texts = {text: f"v{k}" for k, text in enumerate(dict.fromkeys(made))}
        asked = [f"({text}) is {x}" if x.__class__ is bool else f"same({text}, {self.know(x)})" for text, x in recording.asked.items()]
        lines = [f"if not ({question}): return MISS" for question in asked] + [f"{name} = {text}" for text, name in self.texts.items()]
        if lines:  # what Python can't work out it is to raise where it is asked to
            self.lines += ["try:", *[f"    {line}" for line in lines], "except (ArithmeticError, ValueError): return MISS"]

    def number(self, expression, kind, place):
        """A number of a class that may be another at each call."""
        name, fixed = f"n{self.numbers}", self.program.fixed
        self.numbers += 1
        self.do(f"{name} = {expression}")
        other = f" or not same({name}, {self.know(fixed[place])})" if place in fixed else ""
        self.miss_if(f"type({name}) is not {kind.__name__}{other}")

    def take(self, expression, form, place=None):
        """The tensors of one part of the arguments, and the numbers that may be others.   place: of an argument by itself."""
        if form is GIVEN or form is COUNTED:
            self.leaves.append(f"n{self.numbers}")
            self.number(expression, float if form is GIVEN else int, place)
        elif form is LEAF:
            name = f"x{len(self.tensors)}"
            self.tensors.append(name)
            self.leaves.append(name)
            self.do(f"{name} = {expression}")
        elif form.__class__ is Kept:
            value, plain = self.know(form.value), form.value.__class__ in PLAIN
            self.miss_if(f"{expression} is not {value}" + (f" and not same({expression}, {value})" if plain else ""))
        elif issubclass(form[0], tuple) or form[0] is list:
            self.miss_if(f"{expression}.__class__ is not {self.know(form[0])} or len({expression}) != {len(form) - 1}")
            for k, part in enumerate(form[1:]):
                self.take(f"{expression}[{k}]", part, k)
        elif issubclass(form[0], dict):
            keys = form[1]
            other = f"tuple({expression}) != {self.know(keys)}" if keys else expression
            self.miss_if(other if expression == "kwargs" else f"{expression}.__class__ is not {self.know(form[0])} or {other}")
            for key, part in zip(keys, form[2:]):
                self.take(f"{expression}[{self.know(key)}]", part, key)
        else:  # a dataclass
            other = f"{self.know(names_of, 'names_of')}({expression}) != {self.know(form[1])}"
            self.miss_if(f"{expression}.__class__ is not {self.know(form[0])} or {other}")
            for name, part in zip(form[1], form[2:]):
                self.take(f"{expression}.{name}", part)

    # -------------------------------------------------------------------------------------------------- what it runs on

    def point(self, place, array):
        """The table's slot of an input or output gets an array object."""
        slot = self.program.native.slots.get(place)
        if slot is not None:
            self.do(f"table[{slot}] = id({array})")

    def inputs(self):
        """Externals that may be others at each call, and sources, in order. What stays was pointed to beforehand."""
        recording, self.begin = self.program.recording, len(self.lines)
        if self.program.native.checks and recording.xp.SYNCHRONOUS:
            self.streams = [self.know(x, "stream") for x in recording.streams()]
        self.lines += [f"at_{x} = {x}.place()" for x in self.streams]
        for k, (kind, which) in enumerate(recording.externals):
            if kind == "argument":
                self.externals.append(self.tensors[which])
                self.point(("input", k), self.tensors[which].replace("x", "a"))
            elif kind == "grad":
                name = f"g{k}"
                self.do(f"{name} = {self.know(which, 'leaf')}._grad")
                self.miss_if(f"not {name}._array.flags.c_contiguous")
                self.externals.append(name)
                self.point(("input", k), f"{name}._array")
            else:
                self.externals.append(self.know(which, "tensor"))
        self.apart()
        at = len(recording.externals)
        for source, made in recording.sources:
            if source.__class__ is tuple:
                group, name = source
                self.sources.append(self.know(self.program.rates[id(group)].arrays[name], "rate"))
            elif source.__class__ is Reading:
                self.reading(source.text, at)
            elif made:
                self.sources.append(f"d{at}")
                self.do(f"d{at} = ordered({self.know(source, 'draw')}())")
                self.point(("input", at), f"d{at}")
            else:
                self.after.append(f"{self.know(source, 'effect')}()")
            at += made

    def apart(self):
        """Gradients that were found by their leaves lie in memory of their own."""
        found = [f"{x}._array" for x, (kind, _) in zip(self.externals, self.program.recording.externals) if kind == "grad"]
        if found:
            others = [x.replace("x", "a") for x in self.tensors]
            owners, given = [", ".join([f"id({x} if {x}.base is None else owner_of({x}))" for x in xs]) for xs in (found, others)]
            self.do(f"owners = {{{owners}}}")
            elsewhere = f"owners.isdisjoint({self.know(self.program.still_owners, 'still')})"
            self.miss_if(f"len(owners) != {len(found)} or not {elsewhere} or not owners.isdisjoint(({given}{',' if given else ''}))")

    def reading(self, text, at):
        """An input that is worked out of what is given: in the same array at each call, if no later backward reads it."""
        if self.program.backward is None:
            self.sources.append(self.know(self.program.readings[text], "reading"))
            self.do(f"{self.sources[-1]}[()] = {self.texts[text]}")
        else:
            self.sources.append(f"d{at}")
            self.do(f"d{at} = {self.know(for_device(CPU).full, 'full')}((), {self.texts[text]}, {self.know(float64)})")
            self.point(("input", at), f"d{at}")

    def outputs(self):
        """Memory for what the program leaves behind. A gradient of the last call that nobody else holds is written over."""
        made = 0 if self.made is None else len(self.made.leaves)
        for leaf, _, state in self.program.recording.gradients:
            if state == "none":
                self.after.append(f"{self.know(leaf, 'leaf')}._grad = None")
        if made:
            self.do("if not ours: made.renew()")
            self.after.append("if not ours: made.give()")
        kept = self.program.kept
        if kept:
            self.do(f"block = {self.know(self.program.backward.block, 'block')}()")
        for k, at in enumerate(range(len(self.program.fresh) - kept, len(self.program.fresh))):
            self.do(f"o{at} = block[{k}]")
            self.point(("output", at), f"o{at}")
        for k in range(made, len(self.program.fresh) - kept):
            shape, dtype = self.program.fresh[k]
            self.do(f"o{k} = empty({self.know(shape)}, {self.know(dtype)})")
            self.point(("output", k), f"o{k}")

    def run(self):
        native = self.program.native
        if native.run is not None:
            self.do(f"{self.know(native.run, 'run')}({', '.join(map(str, native.arguments))})")
            return self.check()
        inputs = ", ".join([*[f"{x}._array" for x in self.externals], *self.sources])
        made = 0 if self.made is None else len(self.made.leaves)
        outputs = [f"made.arrays[{k}]" for k in range(made)] + [f"o{k}" for k in range(made, len(self.program.fresh))]
        self.do(f"{self.know(native.run_between, 'run')}([{inputs}], [{', '.join(outputs)}])")
        self.check()

    def check(self):
        """Look whether the program's checks found anything. Nothing was written then: the function itself is run, and says it as ever.

        A GPU may have found it in an earlier call: there the program raises it.
        """
        program = self.program
        for k in range(len(program.native.checks)):
            found = f"if {self.know(program.native.checks, 'checks')}[{k}][0].item(): "
            if program.recording.xp.SYNCHRONOUS:
                leave = "" if self.made is None else "made.leave(); "
                leave += "".join([f"{x}.go_back(at_{x}); " for x in self.streams])
                self.do(f"{found}{leave}return {self.know(program.function, 'function')}(*args, **kwargs)")
            else:
                self.do(f"{found}{self.know(program.native.refuse, 'refuse')}()")

    # ---------------------------------------------------------------------------------------------- what it leaves behind

    def effects(self):
        recording = self.program.recording
        for k in recording.written:
            self.do(f"{self.externals[k]}._storage.version += 1")
        for k in recording.turned:
            self.do(f"{self.externals[k]}.requires_grad_()")
        self.lines += self.after
        results = []
        if recording.backward is not None:
            self.link()
        for one in recording.returned:
            results.append(self.result(one, results))
        for k, (kind, which, *how) in enumerate(recording.returned):
            if kind == "view":
                results[k] = f"v{k}"
                self.do(f"v{k} = {self.know(how[0].of, 'seen')}({results[which]})")
        if recording.backward is not None:
            self.keep(results)
        if recording.form is LEAF:
            self.do(f"return {results[0]}")
        else:
            self.do(f"return rebuilt({self.know(recording.form, 'form')}, iter(({''.join([r + ', ' for r in results])})))")

    def result(self, returned, before):
        """The name of one result, once it is made; None for a view, which is made after all others.   before: names of those before it."""
        written = len(self.program.recording.written)
        match returned:
            case "same", at:
                return before[at] or f"v{at}"
            case "external", k:
                return self.externals[k]
            case "gradient", leaf:
                return f"{self.know(leaf, 'leaf')}._grad"
            case "view", *_:
                return None
            case "number", k:
                return f"o{k - written}.item()"
            case "given", text:
                return self.texts[text]
            case "deferred", parts, whole:
                numbers = ", ".join([f"o{k - written}.tolist()" for k in parts])
                return f"{self.know(whole, 'deferred')}([{numbers}])"
            case "new", k, wanting:
                return self.new(k - written, wanting)

    def new(self, k, wanting):
        """The name of a tensor over the memory of an output, with the history that it had."""
        self.do(f"r{k} = wrap(o{k}{', Inference()' if self.program.mode[1] else ''})")
        if wanting is not None:
            self.do(f"r{k}" + {WANTING: ".requires_grad_()", SPENT: "._node = SPENT"}.get(wanting, f"._node = node.output({wanting})"))
        return f"r{k}"

    def replace(self):
        """Tensors that the run left in new memory get the last of what was made."""
        count, moved = len(self.program.fresh), len(self.program.recording.replaced)
        if moved:
            made = ", ".join([f"o{k}" for k in range(count - moved, count)])
            self.after.append(f"{self.know(self.program.replace, 'replace')}({made})")

    def link(self):
        """The Node that goes backward from the results: to the tensors that gradients are wanted of."""
        program, recording, back = self.program, self.program.recording, self.program.backward
        ends = ", ".join([f"edge_of({self.externals[k]})" for k in recording.ends])
        saved = []
        for kind, k in back.saved:
            if kind == "made":
                saved.append(f"o{k}")
            elif k < len(self.externals):
                saved.append(f"{self.externals[k]}._array")
            else:
                saved.append(self.sources[k - len(self.externals)])
        block = "block" if back.kept else "None"
        written = [x for kind, x in (recording.externals[k] for k in recording.written) if kind == "tensor"]
        again = Again(getattr(program.function, "again", program.function), self.form, program.watch, program.mode[2], written)
        leaves = "".join([f"{x}, " for x in self.leaves])
        self.do(f"node = {self.know(back.node, 'node')}([{ends}], [{', '.join(saved)}], {block}, {self.know(again, 'again')}, ({leaves}))")

    def keep(self, results):
        """Tell that Node of the tensors that the recorded graph kept, and how often they were written to so far."""
        kinds = [kind for kind, *_ in self.program.recording.returned]
        tensors = [x for x, kind in zip(results, kinds) if kind not in ("number", "given", "deferred")]
        kept = [tensors[x.which] if x.kind == "result" else self.externals[x.which] for x in self.program.backward.history.kept]
        self.do(f"node.kept = {''.join([f'({x}._storage, {x}._storage.version), ' for x in kept]) or '()'}")

    def finished(self):
        """The function. One thread at a time is in it: the program has one table and one arena."""
        self.scope["enter"], self.scope["leave"] = self.program.lock.acquire, self.program.lock.release
        within = [f"    {line}" for line in self.lines[self.begin :]]
        lines = [*self.lines[: self.begin], "if not enter(False): return MISS", "try:", *within, "finally:", "    leave()"]
        source = "\n    ".join(["def answer(args, kwargs):", *lines])
        exec(source, self.scope)
        answer = self.scope.pop("answer")  # a function among its own globals would be a circle, and outlive its use
        answer.source, answer.made = source, self.made
        return answer
