"""A plan becomes a program for a GPU: a list of launches, replayed as one graph.

    arena       one block of the GPU's memory for all that only the program sees, as the plan lays it out
    the rest    what stays where it is from call to call (parameters, states, gradients that nobody else holds) is used there;
                what is elsewhere each time (a batch, a learning rate, a result) has a place of the program's own,
                from or to which it is copied
    replay      once all places have stayed for a call, the launches are captured, and from then on replayed at once

What runs all this is a *driver*: CuPy's (backends/cupy_driver.py), or whatever else has these methods:

    allocate(bytes)                                memory, with an ``address``
    array(memory, offset, shape, strides, dtype)   an array on it; offset in bytes, strides in elements
    address(array)                                 None for one that lies on the CPU
    copy(target, source)                           of two arrays there
    upload(memory, bytes)                          bytes of the CPU's to a memory
    download(bytes, memory)                        and back, once all is done that was begun
    load(text, names)                              compiled functions, by name
    launch(function, grid, block, addresses, shared)   one of them on pointers, with so many bytes of shared memory
    multiply(product, addresses)                   a Product (backends/matrices.py) of what lies there
    capture(work)                                  a function that does again what ``work()`` launches
    beside()                                       within that, a block with two streams: ``on(number)`` is a block whose launches
                                                   go to one, ``mark(number)`` a mark behind them, ``wait(number, mark)`` waits
    machine()                                      the GPU, as draws ask for it (backends/philox.py)
    flag(array)                                    a watch on an array of one number: ``fetch()`` begins to bring it,
                                                   ``heard()`` is the last one that came, ``now()`` waits for it
    xp                                             the backend's rows, for steps that have no kernel

torch: torch/_inductor/cudagraph_trees.py, codegen/wrapper.py
"""

from .. import primitives as rows
from ..dtypes import int32
from ..native.cuda import PRELUDE, named
from ..native.philox import PHILOX
from .access import contiguous
from .draws import Generators
from .graph import Step, evaluate
from .host_numbers import Bridge
from .kernels import Foreign, Place
from .launches import COUNTS, Launch
from .streams import on_streams

__all__ = ["DeviceProgram"]

PACK = 16
"""Bytes by which an array's address must be divisible where it is to be used in place: threads fetch as many at once."""


class DeviceProgram:
    """``run_between(inputs, outputs)`` on arrays.   kernels: Launches, Calls, and Foreign ones between them.

    beside: a function of the inputs that does what is to be done on the CPU.   ahead: arrays of the CPU's in which it leaves
    numbers: the inputs behind those.   generators: where draws begin, the last inputs.   back: Place of an output → the number of
    the input on the CPU into which it goes.
    The other attributes are those by which a native program is asked too (compiler/program.py); here they say nothing.
    """

    run, arguments, slots, checks, built = None, (), {}, (), None

    @staticmethod
    def lent(facts):
        """The arrays of results that lie in the arena: none."""
        return []

    def __init__(self, kernels, plan, found, graph, driver, beside=None, ahead=(), generators=None, back=None):
        self.kernels, self.plan, self.found, self.graph, self.driver = kernels, plan, found, graph, driver
        self.moves = {s.out: s for s in graph.steps if found[s.out].base is not s.out}
        self.foreign = any([kernel.__class__ is Foreign for kernel in kernels])
        self.table, self.beside, self.ahead, self.bridge = {}, beside, ahead, Bridge(driver, {})
        self.generators = generators or Generators(driver, [])
        self.arena = driver.allocate(max(plan.size, 1))
        self.partials = driver.allocate(max([k.partials for k in kernels if k.__class__ is not Foreign], default=0) or 1)
        self.counts = self.zeros(max([k.grid[0] for k in kernels if k.__class__ is Launch and COUNTS in k.buffers], default=1))
        self.guards = [plan.places[found[value].base] for value, *_ in graph.checks]
        self.written = {place for k in kernels for place in written_by(k, plan) if place.kind == "input"}
        self.functions = self.compiled()
        self.values, self.stretches = self.met(), self.segments()
        self.inputs = [Place("input", k) for k in range(len(graph.inputs))]
        self.made = [place for place in self.values if place.kind == "output" and place not in (back or ())]
        self.back, self.returns = back or {}, Bridge(driver, {place: self.values[place][0] for place in back or ()})
        self.given: dict = {}  # Place of an input or output → the array that is given for it; of outputs only while it runs
        self.own: dict = {}  # Place → the program's own array, from or to which that is copied
        self.addresses, self.replays = {}, {}
        self.flags = [(driver.flag(self.seen(value)), error, message) for value, error, message in graph.checks]

    # -------------------------------------------------------------------------------------------------------- compiling

    def guarded(self, kernel):
        """Whether a kernel may run only if all checks are 0: one that writes to an input."""
        return bool(self.guards) and any([kernel.buffers[k].kind == "input" for k in kernel.writes])

    def compiled(self):
        """The function of each Launch; those of the same text are one."""
        names: dict = {}
        launches = [k for k in (*self.kernels, *self.generators.going_on) if k.__class__ is Launch]
        for kernel in launches:
            names.setdefault(self.text(kernel), f"kernel{len(names)}")
        if not names:
            return {}
        below = dict.fromkeys([kernel.functions for kernel in launches])
        above = [PRELUDE, PHILOX] if self.generators.streams else [PRELUDE]
        self.source = "\n".join([*above, *below, *[named(text, name) for text, name in names.items()]])
        functions = self.driver.load(self.source, list(names.values()))
        return {kernel: functions[names[self.text(kernel)]] for kernel in launches}

    def text(self, kernel):
        return kernel.text(len(self.guards) if self.guarded(kernel) else 0)

    # --------------------------------------------------------------------------------------------------- where things are

    def met(self):
        """Place of an input or output that the kernels know → the Value in it, and its strides."""
        found = {Place("input", k): (x, self.found[x].strides) for k, x in enumerate(self.graph.inputs)}
        for value in self.found:
            place = self.plan.places.get(value)
            if place is not None and place.kind == "output":
                found[place] = value, contiguous(value.shape)
        return found

    def addressed(self, place):
        """The address of a place."""
        if place.kind == "arena":
            return self.arena.address + place.at
        shared = {"partials": self.partials, "counts": self.counts, "generators": self.generators.memory}.get(place.kind)
        return self.addresses[place] if shared is None else shared.address

    def zeros(self, count):
        """Memory for so many numbers, which are 0."""
        memory = self.driver.allocate(count * int32.itemsize)
        zeros = evaluate(Step(rows.full, (), ((count,), 0, int32), None), [], self.driver.xp)
        self.driver.copy(self.driver.array(memory, 0, (count,), (1,), int32), zeros)
        return memory

    def settled(self, arrays):
        """Notice where the arrays are now. Gives whether all are where they were, as far as the program goes there.

        One that has moved is copied from then on, unless it is written to in place.
        """
        stayed, hosted = True, {}
        for place, array in arrays.items():
            if place in self.own or array is self.given.get(place):
                continue
            before, address = self.addresses.get(place), self.driver.address(array)
            if before is not None and before == address:
                continue
            stayed = False
            if address is None:
                hosted[place] = self.values[place][0]
            elif address % PACK or (before is not None and place not in self.written):
                self.give_place(place)
            else:
                self.addresses[place] = address
        if hosted:
            values = {place: self.values[place][0] for place in self.bridge.views}
            self.bridge = Bridge(self.driver, {**values, **hosted})
            self.own.update(self.bridge.arrays)
            self.addresses.update([(place, self.driver.address(array)) for place, array in self.bridge.arrays.items()])
        self.given = arrays
        return stayed

    def give_place(self, place):
        """Memory of the program's own for an input or output that is elsewhere each time."""
        value, strides = self.values[place]
        span = 1 + sum([(n - 1) * s for n, s in zip(value.shape, strides) if n])
        memory = self.driver.allocate(span * value.dtype.itemsize)
        self.own[place] = self.driver.array(memory, 0, value.shape, strides, value.dtype)
        self.addresses[place] = self.driver.address(self.own[place])

    def seen(self, x):
        """A Value as an array on the memory that it lies in."""
        if x in self.moves:
            step = self.moves[x]
            return evaluate(step, [self.seen(y) for y in step.reads], self.driver.xp)
        place = self.plan.places[x]
        if place.kind != "arena":
            return self.own.get(place, self.given.get(place)).reshape(x.shape)
        return self.driver.array(self.arena, place.at, x.shape, contiguous(x.shape), x.dtype)

    # -------------------------------------------------------------------------------------------------------------- runs

    def run_between(self, inputs, outputs):
        """Run on arrays: ``inputs`` as the graph's, ``outputs`` to be filled."""
        arrays = dict(zip(self.inputs, [*inputs, *self.ahead, *self.generators.arrays], strict=True))
        arrays.update([(place, outputs[place.at]) for place in self.made])
        arrays.update(self.returns.arrays)
        stayed = self.settled(arrays)
        if not stayed:
            self.replays = {}
        self.bridge.take(arrays)
        if self.beside is not None:
            self.beside(inputs)
            self.bridge.take(dict(zip(self.inputs[len(inputs) :], self.ahead)))
        self.bridge.cross()
        self.generators.place()
        for place, array in self.own.items():
            if place.kind == "input" and place not in self.bridge.views:
                self.driver.copy(array, arrays[place])
        self.run_segments(stayed)
        for place, array in self.own.items():
            if place.kind == "output" or place in self.written:
                self.driver.copy(arrays[place], array.reshape(arrays[place].shape))
        self.given = {place: array for place, array in arrays.items() if place.kind == "input"}
        for flag, *_ in self.flags:
            flag.fetch()
        if self.back:
            self.returns.come()
        self.refuse()
        for place, number in self.back.items():
            inputs[number][...] = self.returns.views[place]

    call = run_between

    def run_segments(self, stayed):
        """Run the stretches of launches, anew or as they were captured, and the backend's steps between them."""
        for number, segment in enumerate(self.stretches):
            if segment[0].__class__ is Foreign:
                if not self.sound(segment[0]):
                    break
                self.run_foreign(segment[0].steps[0])
            elif number in self.replays:
                self.replays[number]()
            elif stayed:
                self.replays[number] = self.captured(segment)
                self.replays[number]()
            else:
                self.launch(segment)
        else:
            self.generators.gone_on()

    def captured(self, segment):
        """A function that launches a stretch at once, side by side what doesn't need each other."""
        return self.driver.capture(lambda: self.launch_side_by_side(segment))

    def segments(self):
        """The kernels in stretches: launches together, each step of the backend alone."""
        found: list = []
        for kernel in (*self.kernels, *self.generators.going_on):
            if found and kernel.__class__ is not Foreign and found[-1][0].__class__ is not Foreign:
                found[-1].append(kernel)
            else:
                found.append([kernel])
        return found

    def launch(self, kernels):
        """Launch kernels one after the other."""
        for kernel in kernels:
            addresses = [self.addressed(place) for place in kernel.buffers]
            if kernel.__class__ is Launch:
                addresses += [self.addressed(place) for place in self.guards] if self.guarded(kernel) else []
                self.driver.launch(self.functions[kernel], kernel.grid, kernel.block, addresses, kernel.shared)
            else:
                self.driver.multiply(kernel.product, [at + offset for at, offset in zip(addresses, kernel.offsets)])

    def launch_side_by_side(self, kernels):
        """Launch kernels on two streams, which begin and end together."""
        placed, over = on_streams(kernels, self.found, self.plan, self.guards), {}
        waited = {j for _, waits in placed for j in waits}
        with self.driver.beside() as streams:
            for k, (kernel, (number, waits)) in enumerate(zip(kernels, placed)):
                for j in waits:
                    streams.wait(number, over[j])
                with streams.on(number):
                    self.launch([kernel])
                if k in waited:
                    over[k] = streams.mark(number)

    def run_foreign(self, step):
        """Let the backend run a step."""
        result = evaluate(step, [self.seen(x) for x in step.reads], self.driver.xp)
        if step.out in self.plan.places:
            self.driver.copy(self.seen(step.out), result)

    def sound(self, kernel):
        """Whether a step of the backend may run: after the checks, only if none of them found anything."""
        return kernel in self.plan.early or not any([flag.now() for flag, *_ in self.flags])

    def refuse(self):
        """Raise what a check found: in this call, or in one before it that the GPU has come to only now."""
        for flag, error, message in self.flags:
            if flag.heard():
                raise error(message)


def written_by(kernel, plan):
    """The Places that a kernel writes to."""
    if kernel.__class__ is Foreign:
        return [plan.places.get(kernel.steps[0].out, Place("arena", 0))]
    return [kernel.buffers[k] for k in kernel.writes]
