"""A plan becomes a program for a GPU: a list of launches, replayed as one graph.

    arena       one block of the GPU's memory for all that only the program sees, as the plan lays it out
    inputs      what stays where it is from call to call (parameters, states) is used there; what comes from elsewhere each
                time (a batch, a draw, a learning rate) is copied to a place of its own first
    replay      once all places have stayed for a call, the launches are captured, and from then on replayed at once

What runs all this is a *driver*: CuPy's (backends/cuda_driver.py), or whatever else has these methods:

    allocate(bytes)                                memory, with an ``address``
    array(memory, offset, shape, strides, dtype)   an array on it; offset in bytes, strides in elements
    address(array), copy(target, source)           of arrays; a source may lie on the host
    load(text, names)                              compiled functions, by name
    launch(function, grid, block, addresses)       one of them on pointers
    multiply(call, addresses)                      a product by the library, see ``Call``
    capture(work)                                  a function that does again what ``work()`` launches
    flag(array)                                    a watch on an array of one number: ``fetch()`` begins to bring it,
                                                   ``heard()`` is the last one that came, ``now()`` waits for it
    xp                                             the backend's rows, for steps that have no kernel

torch: torch/_inductor/cudagraph_trees.py, codegen/wrapper.py
"""

from ..native.cuda import PRELUDE, named
from .access import contiguous
from .graph import evaluate
from .kernels import Foreign, Place
from .launches import Launch

__all__ = ["DeviceProgram"]

PACK = 16
"""Bytes by which an input's address must be divisible where it is to be used in place: threads fetch as many at once."""


class DeviceProgram:
    """``run_between(inputs, outputs)`` on arrays.   kernels: Launches, Calls, and Foreign ones between them.

    The other attributes are those by which a native program is asked too (compiler/program.py); here they say nothing.
    """

    run, arguments, slots, checks, built = None, (), {}, (), None

    def __init__(self, kernels, plan, found, graph, driver):
        self.kernels, self.plan, self.found, self.graph, self.driver = kernels, plan, found, graph, driver
        self.moves = {s.out: s for s in graph.steps if found[s.out].base is not s.out}
        self.foreign = any([kernel.__class__ is Foreign for kernel in kernels])
        self.table: dict = {}
        self.arena = driver.allocate(max(plan.size, 1))
        self.partials = driver.allocate(max([k.partials for k in kernels if k.__class__ is not Foreign], default=0) or 1)
        self.guards = [plan.places[found[value].base] for value, *_ in graph.checks]
        self.written = {place.at for k in kernels for place in written_by(k, plan) if place.kind == "input"}
        self.functions = self.compiled()
        self.results = self.own_places("output", self.outputs())
        self.copied: dict = {}  # number of an input → the array that it is copied to
        self.inputs, self.addresses, self.replays, self.stayed = [], [], {}, False
        self.flags = [(driver.flag(self.seen(value, ())), error, message) for value, error, message in graph.checks]

    # -------------------------------------------------------------------------------------------------------- compiling

    def guarded(self, kernel):
        """Whether a kernel may run only if all checks are 0: one that writes to an input."""
        return bool(self.guards) and any([kernel.buffers[k].kind == "input" for k in kernel.writes])

    def compiled(self):
        """The function of each Launch; those of the same text are one."""
        names: dict = {}
        for kernel in self.kernels:
            if kernel.__class__ is Launch:
                names.setdefault(self.text(kernel), f"kernel{len(names)}")
        if not names:
            return {}
        self.source = "\n".join([PRELUDE, *[named(text, name) for text, name in names.items()]])
        functions = self.driver.load(self.source, list(names.values()))
        return {kernel: functions[names[self.text(kernel)]] for kernel in self.kernels if kernel.__class__ is Launch}

    def text(self, kernel):
        return kernel.text(len(self.guards) if self.guarded(kernel) else 0)

    # --------------------------------------------------------------------------------------------------- where things are

    def outputs(self):
        """Number → the Value that ends up there, of the outputs that aren't inputs' memory."""
        found = {}
        for value in self.found:
            place = self.plan.places.get(value)
            if place is not None and place.kind == "output":
                found[place.at] = value
        return found

    def own_places(self, kind, values):
        """Arrays in memory of the program's own."""
        return {number: self.own(value) for number, value in values.items()}

    def own(self, value, strides=None):
        strides = strides or contiguous(value.shape)
        span = 1 + sum([(n - 1) * s for n, s in zip(value.shape, strides) if n])
        memory = self.driver.allocate(span * value.dtype.itemsize)
        return self.driver.array(memory, 0, value.shape, strides, value.dtype)

    def addressed(self, place):
        """The address of a place."""
        if place.kind == "arena":
            return self.arena.address + place.at
        if place.kind == "partials":
            return self.partials.address + place.at
        if place.kind == "output":
            return self.driver.address(self.results[place.at])
        return self.addresses[place.at]

    def settled(self, inputs):
        """Notice where the inputs are now: those that have moved are copied from here on, unless they are written to."""
        driver, moved = self.driver, False
        before = self.inputs or [None] * len(inputs)
        for k, (array, known) in enumerate(zip(inputs, before)):
            if array is known or k in self.copied:
                continue
            address = driver.address(array)
            if known is None:
                self.addresses.append(address)
            elif address == self.addresses[k]:
                continue
            moved = True
            if address is None or address % PACK or (known is not None and k not in self.written):
                value = self.graph.inputs[k]
                self.copied[k] = self.own(value, self.found[value].strides)
                address = driver.address(self.copied[k])
            self.addresses[k] = address
        self.inputs = list(inputs)
        return not moved

    def seen(self, x, inputs):
        """A Value as an array on the memory that it lies in."""
        if x in self.moves:
            step = self.moves[x]
            return evaluate(step, [self.seen(y, inputs) for y in step.reads], self.driver.xp)
        place = self.plan.places[x]
        if place.kind == "input":
            return self.copied.get(place.at, inputs[place.at]).reshape(x.shape)
        if place.kind == "output":
            return self.results[place.at].reshape(x.shape)
        return self.driver.array(self.arena, place.at, x.shape, contiguous(x.shape), x.dtype)

    # -------------------------------------------------------------------------------------------------------------- runs

    def run_between(self, inputs, outputs):
        """Run on arrays: ``inputs`` as the graph's, ``outputs`` to be filled."""
        driver = self.driver
        stayed = self.settled(inputs)
        if not stayed:
            self.replays = {}
        for k, array in self.copied.items():
            driver.copy(array, inputs[k])
        for number, segment in enumerate(self.segments()):
            if segment[0].__class__ is Foreign:
                if not self.sound(segment[0]):
                    break
                self.run_foreign(segment[0].steps[0], inputs)
            elif number in self.replays:
                self.replays[number]()
            elif stayed:
                self.replays[number] = driver.capture(lambda segment=segment: self.launch(segment))
                self.replays[number]()
            else:
                self.launch(segment)
        for k in self.copied.keys() & self.written:
            driver.copy(inputs[k], self.copied[k])
        for number, array in self.results.items():
            driver.copy(outputs[number], array.reshape(outputs[number].shape))
        for flag, *_ in self.flags:
            flag.fetch()
        self.refuse()

    call = run_between

    def segments(self):
        """The kernels in stretches: launches together, each step of the backend alone."""
        found: list = []
        for kernel in self.kernels:
            if found and kernel.__class__ is not Foreign and found[-1][0].__class__ is not Foreign:
                found[-1].append(kernel)
            else:
                found.append([kernel])
        return found

    def launch(self, kernels):
        """Launch kernels one after the other."""
        stops = [self.addressed(place) for place in self.guards]
        for kernel in kernels:
            addresses = [self.addressed(place) for place in kernel.buffers]
            if kernel.__class__ is Launch:
                addresses += stops if self.guarded(kernel) else []
                self.driver.launch(self.functions[kernel], kernel.grid, kernel.block, addresses)
            else:
                self.driver.multiply(kernel, addresses)

    def run_foreign(self, step, inputs):
        """Let the backend run a step."""
        result = evaluate(step, [self.seen(x, inputs) for x in step.reads], self.driver.xp)
        if step.out in self.plan.places:
            self.driver.copy(self.seen(step.out, inputs), result)

    def sound(self, kernel):
        """Whether a step of the backend may run: after the checks, only if none of them found anything."""
        return kernel in self.plan.early or not any([flag.now() for flag, *_ in self.flags])

    def refuse(self):
        """Raise what a check found: in this call, or in the one before if the GPU hasn't come so far yet."""
        for flag, error, message in self.flags:
            if flag.heard():
                raise error(message)


def written_by(kernel, plan):
    """The Places that a kernel writes to."""
    if kernel.__class__ is Foreign:
        return [plan.places.get(kernel.steps[0].out, Place("arena", 0))]
    return [kernel.buffers[k] for k in kernel.writes]
