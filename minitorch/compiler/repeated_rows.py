"""Rows of a recorded run that do the same to other tensors: the first is written down, the others are copied from it.

    descend(p, g, m, …)         %9 = lerp %m %g 0.1         %10 = mul %v 0.99  …
    descend(p', g', m', …)      %19 = lerp %m' %g' 0.1      %20 = mul %v' 0.99  …    if p', g', m' … look as p, g, m … do

An optimizer's step would else pass the gate some twenty times for each parameter, with somebody who listens. The rows that are
copied run as they do in eager mode, with plain numbers for those that a replay reads anew.

torch: nothing of its own; torch/_inductor/fx_passes and the foreach kernels make one kernel of many such updates
"""

from ..backends import backend_of
from ..dtypes import float64
from .graph import Step, Value

__all__ = ["repeat"]

PLAIN = {int, float, bool}


class Pattern:
    """What a row left: its steps, the Values that its tensors held before and after, and the places of those it wrote to."""

    def __init__(self, steps, before, after):
        self.steps, self.before, self.after = steps, before, after
        self.written = [k for k, (old, new) in enumerate(zip(before, after)) if old is not new]

    def steps_of(self, values):
        """The same steps of other Values, and what Values the tensors hold then."""
        known, copied = dict(zip(self.before, values)), []
        for step in self.steps:
            out = known[step.out] = Value(step.out.shape, step.out.dtype)
            copied.append(Step(step.row, [known.get(x, x) for x in step.inputs], step.params, out, step.line))
        return copied, [known[x] for x in self.after]


def repeat(tracer, function, rows):
    """Call ``function``, of tensors and numbers that writes to its tensors (tape.py), with each of the rows, while a Tracer listens."""
    patterns: dict = {}
    for row in rows:
        tensors = [x for x in row if hasattr(x, "_array")]
        values = tracer.followed(tensors)
        look = None if values is None or len(set(values)) < len(values) else look_of(tracer, row, tensors)
        pattern = patterns.get(look)
        if pattern is not None and all([tracer.is_all(tensors[k]._array) for k in pattern.written]):
            with tracer.unheard():
                function(*[as_eagerly(x, row[0]) for x in row])
            steps, values = pattern.steps_of(values)
            tracer.steps += steps
            for k in pattern.written:
                tracer.write(tensors[k], values[k])
            continue
        start, others = len(tracer.steps), beside_steps(tracer)
        function(*row)
        after = tracer.followed(tensors)
        if look is not None and after is not None and beside_steps(tracer) == others:
            patterns[look] = Pattern(tracer.steps[start:], values, after)


def look_of(tracer, row, tensors):
    """What rows have in common of which one may be copied from another.

    None of a row that can't be: two of its tensors share memory, or something else than plain numbers stands beside them.
    """
    memories = {id(tracer.known(x._array)) for x in tensors}
    if len(memories) < len(tensors) or not PLAIN.issuperset([x.__class__ for x in row if not hasattr(x, "_array")]):
        return None
    return tuple([looks(x) if hasattr(x, "_array") else repr(x) for x in row])


def looks(tensor):
    array = tensor._array
    return array.shape, array.strides, array.dtype, array.__class__


def beside_steps(tracer):
    """How much else than steps a tracer wrote down."""
    return [len(x) for x in (tracer.externals, tracer.sources, tracer.checks, tracer.left, tracer.made, tracer.numbers, tracer.deferred)]


def as_eagerly(x, first):
    """An element of a row as eager mode has it: a plain number for a rate, a 0-d float64 Tensor beside what isn't one."""
    if not is_rate(x) or is_rate(first):
        return x
    return float(x._array)


def is_rate(x):
    return hasattr(x, "_array") and x._array.ndim == 0 and backend_of((x._array,)).dtype_of(x._array) is float64
