"""What fusion makes of a graph: kernels, each of which is one function of the compiled program.

    Loops      elementwise rows and reductions over one index space, in as few passes over it as the reductions need
    Product    a matrix product
    Foreign    a row that the compiler can't write: NumPy runs it, in its place among the others
"""

from .graph import Step

__all__ = ["Foreign", "Loops", "Member", "Product"]


class Member:
    """A step in a Loops kernel. ``labels``: for each dim of its value the dim of the kernel that it runs along, or None.

    Its value is ``full`` if it has an element for each point of the index space; otherwise one for each that remains when
    the reduced dims are taken away.
    """

    __slots__ = ("full", "labels", "step")

    def __init__(self, step: Step, labels, full):
        self.step, self.labels, self.full = step, tuple(labels), full


class Loops:
    """``members``, over an index space of ``shape`` of which the dims in ``reduced`` are taken together by reductions."""

    def __init__(self, shape):
        self.shape, self.reduced, self.members, self.outputs = tuple(shape), frozenset(), [], []

    @property
    def steps(self):
        return [m.step for m in self.members]

    def __repr__(self):
        return f"loops over {self.shape}, reducing {sorted(self.reduced)}: {' '.join([s.row.name for s in self.steps])}"


class Product:
    """One matmul: (…, m, k) times (…, k, n)."""

    def __init__(self, step):
        self.steps, self.outputs = [step], [step.out]

    def __repr__(self):
        return f"product {self.steps[0].out!r}"


class Foreign:
    """A step that NumPy runs."""

    def __init__(self, step):
        self.steps, self.outputs = [step], [step.out]

    def __repr__(self):
        return f"numpy {self.steps[0].row.name} {self.steps[0].out!r}"


