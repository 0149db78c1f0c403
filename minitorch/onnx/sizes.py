"""Which numbers in a trace follow the sizes of the inputs, and how.

A trace has seen one set of sizes. So a model with dynamic axes runs several times, each time with other sizes, and the
traces are laid over one another: the rows must be the same, and a number that differs is a ``Size``. Its values tell how
it comes of the axes, as whole multiples of axes or of a product of some, and a constant:

    batch  time      shape of a view       by its values
    2      5         (10, 4)               (batch * time, 4)
    3      5         (15, 4)
    2      6         (12, 4)
    4      8         (32, 4)
    8      5         (40, 4)
    2      18        (36, 4)

What isn't so is refused: it is never guessed. At last each axis is a good deal larger, so that a size that is only cut at
some bound shows; a run that the model can't do (its table of positions ends) is left out.
"""

from itertools import combinations_with_replacement
from math import prod

from .errors import OnnxExporterError
from .tracing import Ref, Step

__all__ = ["Merged", "Size", "merged", "sizes_to_try"]

FACTORS = 3
"""The most axes that are multiplied in one number."""


class Size:
    """A number that differs from run to run: ``values``, and ``told``, how it comes of the axes, or None.

    told: (terms, plus, inverse), a term being (factor, axes): the sum of factor * product of axes, and plus; or 1 / that.
    """

    __slots__ = ("told", "values")

    def __init__(self, values, axes):
        self.values, self.told = tuple(values), explained(values, axes)

    def __eq__(self, other):
        return isinstance(other, Size) and self.values == other.values

    def __hash__(self):
        return hash(self.values)

    def __repr__(self):
        """As ONNX writes a dim that isn't fixed: "batch", "2*batch*time + 1"."""
        if self.told is None:
            return "size_" + "_".join([str(v) for v in self.values])
        terms, plus, inverse = self.told
        parts = ["*".join([*([] if factor == 1 else [str(factor)]), *axes]) for factor, axes in terms]
        text = " + ".join([*parts, *([str(plus)] if plus else [])])
        return f"1/({text})" if inverse else text


def explained(values, axes):
    """How ``values`` come of ``axes``, name → values; None if it is none of the ways known here."""
    if any([v.__class__ is float for v in values]):
        if all([v == int(v) for v in values]):
            return explained([int(v) for v in values], axes)
        whole = [round(1 / v) if v else 0 for v in values]
        found = explained(whole, axes) if all([n and 1 / n == v for n, v in zip(whole, values, strict=True)]) else None
        return found and (*found[:2], True)
    return sum_of_axes(values, axes) or multiple_of_product(values, axes)


def sum_of_axes(values, axes):
    """By how much the number grows where one axis alone grows by one is that axis's factor."""
    terms = [(values[k + 1] - values[0], (axis,)) for k, axis in enumerate(axes)]
    plus = values[0] - sum([factor * axes[axis][0] for factor, (axis,) in terms])
    for r, value in enumerate(values):
        if value != plus + sum([factor * axes[axis][r] for factor, (axis,) in terms]):
            return None
    return tuple([term for term in terms if term[0]]), plus, False


def multiple_of_product(values, axes):
    together = len(axes) + 1  # the run in which all have grown
    for count in range(2, FACTORS + 1):
        for some in combinations_with_replacement(axes, count):
            products = [prod(found) for found in zip(*[axes[axis] for axis in some], strict=True)]
            factor, rest = divmod(values[together] - values[0], products[together] - products[0])
            plus = values[0] - factor * products[0]
            if not rest and all([factor * p + plus == v for p, v in zip(products, values, strict=True)]):
                return ((factor, some),), plus, False
    return None


def sizes_to_try(axes):
    """For each axis, name → size in the example, its sizes in each run.

    First those of the example, but that 1 becomes 2: an axis of one element is broadcast, and seen as another program. Then
    each axis grows by one alone, then all together, at last each alone by much.

    >>> from minitorch.onnx.sizes import sizes_to_try
    >>> sizes_to_try({"batch": 1, "time": 5})
    {'batch': [2, 3, 2, 4, 8, 2], 'time': [5, 5, 6, 8, 5, 18]}
    """
    names, found = list(axes), {}
    for k, (axis, size) in enumerate(axes.items()):
        n = max(size, 2)
        little, much = (
            [n + (axis == other) for other in names],
            [3 * n + 2 + k if axis == other else n for other in names],
        )
        found[axis] = [n, *little, n + 2 + k, *much]
    return found


class Merged:
    """Several traces as one: ``steps`` whose params may hold Sizes; ``shapes`` and ``dtypes`` of the arrays by number.

    runs: how many there were.
    """

    def __init__(self, first, runs, steps, shapes, constants):
        self.runs, self.steps, self.shapes, self.constants = runs, steps, shapes, constants
        self.inputs, self.weights, self.dtypes, self.results = first.inputs, first.weights, first.dtypes, first.results


def merged(traces, axes):
    """The traces laid over one another. Raises OnnxExporterError where they differ in more than in numbers."""
    first = traces[0]
    steps = []
    for of_step in zip(*[trace.steps for trace in traces], strict=False):
        steps.append(merged_step(of_step, axes))
    if len({len(trace.steps) for trace in traces}) > 1:
        longest = max(traces, key=lambda trace: len(trace.steps))
        raise differs(longest.steps[len(steps)].place, axes, "how many operations run depends on it")
    if any([trace.results != first.results for trace in traces]):
        raise differs("the model", axes, "what it returns depends on it")
    shapes = [
        merged_value(of_all, axes, first_place(steps, n))
        for n, of_all in enumerate(zip(*[trace.shapes for trace in traces], strict=True))
    ]
    constants = {}
    for number in first.outside:
        held = [trace.outside.get(number) for trace in traces]
        if not alike(held):
            raise differs(first_place(steps, number), axes, "a tensor that is made of Python's numbers depends on it")
        constants[number] = held[0]
    return Merged(first, len(traces), steps, shapes, constants)


def merged_step(steps, axes):
    first = steps[0]
    for other in steps[1:]:
        same = other.row is first.row and other.out == first.out and other.written == first.written
        if not same or [x for x in other.operands if x.__class__ is Ref] != [
            x for x in first.operands if x.__class__ is Ref
        ]:
            raise differs(first.place, axes, f"{first.row.name} runs for one size, {other.row.name} for another")
    operands = merged_value(tuple([step.operands for step in steps]), axes, first.place)
    params = merged_value(tuple([step.params for step in steps]), axes, first.place)
    constants = [step.constant for step in steps]
    return Step(
        first.row,
        operands,
        params,
        first.out,
        first.written,
        first.shared,
        constants[0] if alike(constants) else None,
        first.place,
    )


def merged_value(values, axes, place):
    """One value for those of all runs: itself where all have the same, a Size for numbers that differ."""
    first = values[0]
    if first.__class__ is tuple:
        if len({len(v) for v in values}) > 1:
            raise differs(place, axes, "the number of arguments depends on it")
        return tuple([merged_value(parts, axes, place) for parts in zip(*values, strict=True)])
    if first.__class__ in (int, float) and all([v.__class__ is first.__class__ for v in values]):
        return first if all([v == first or v != v for v in values]) else Size(values, axes)
    return first


def alike(arrays):
    """Whether all hold the same."""
    first = arrays[0]
    if any([a is None for a in arrays]):
        return False
    return all([a.shape == first.shape and a.tobytes() == first.tobytes() for a in arrays[1:]])


def first_place(steps, number):
    """Where an array is first used."""
    return next((s.place for s in steps if s.out == number or Ref(number) in s.operands), "the model")


def differs(place, axes, text):
    names = " or ".join(repr(axis) for axis in axes)
    return OnnxExporterError(
        f"the computation changes with the size of the dynamic axis {names}\n{place}: {text}. "
        "Leave the axis fixed, or say it without Python's loops and branches"
    )
