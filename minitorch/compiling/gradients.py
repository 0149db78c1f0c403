"""The gradients that a program makes: the memory of the last call's is written over, if nobody else holds it.

    optimizer.zero_grad(); loss.backward(); optimizer.step()

leaves each parameter with a gradient that the next call would drop and make anew. A program writes into the same tensors
again instead, as long as each of them is what its parameter holds, and only that holds it. For all of them together that is
four questions, answered without a loop in Python.

Where the program lends its memory, they lie in its arena: until they are made anew, other values are there. Who holds one of
them when the next call comes, keeps the arena as it is, and the program gets another, and its gradients memory of their own.
"""

from operator import attrgetter, is_
from sys import getrefcount

from ..engine import Tensor, wrap

__all__ = ["Gradients", "replaced"]

GRADIENT, ARRAY = attrgetter("_grad"), attrgetter("_array")


class Holder:
    """A tensor in a list, which a leaf holds as its gradient: for counting."""

    def __init__(self):
        self._array = self._grad = None


def counted(things):
    """How many hold each, in a measure of its own."""
    return [*map(getrefcount, things)]


def measured():
    """What ``counted`` says of a tensor in a list and in a leaf, of an array in a list and in a tensor, and of one in a list."""
    leaf, tensors, arrays = Holder(), [Holder()], [object()]
    leaf._grad, tensors[0]._array = tensors[0], arrays[0]
    return counted(tensors)[0], counted(arrays)[0], counted([object()])[0]


TENSOR_ALONE, ARRAY_ALONE, ARRAY_LEFT = measured()


def measured_by_name():
    """The same, of things that have a name in a function besides."""
    leaf, tensors, arrays = Holder(), [Holder()], [object()]
    leaf._grad, tensors[0]._array = tensors[0], arrays[0]
    (t,), (a,) = tensors, arrays
    return getrefcount(t), getrefcount(a)


def fits(tensor, shape, dtype):
    """Whether a gradient is a tensor of this kind, with memory of its own that lies in order."""
    if tensor.__class__ is not Tensor or tensor._node is not None or tensor._view is not None or tensor.dtype is not dtype:
        return False
    array = tensor._array
    return array.base is None and array.shape == shape and array.flags.c_contiguous and getattr(array.flags, "writeable", True)


def replaced(recording):
    """The (leaf, whether it has one) of the gradients that a run makes; and whether each stands where another did that it doesn't read."""
    read = {id(x) for kind, x in recording.externals if kind == "grad"}
    new = [(leaf, there) for leaf, there, state in recording.gradients if state == "new"]
    return new, all([there and id(leaf) not in read for leaf, there in new])


FEW = 16
"""Up to so many, the questions are written out (``Gradients.written_out``); of more, C asks them."""


class Gradients:
    """``leaves`` and, in the same order, the gradients that a program leaves them with.

    facts: (shape, dtype) of each.   native: the program.   reused: False where it reads the old gradient of one of them.
    slots: where its table wants the array's id, or None.   lent: whether the arrays lie in its arena.
    """

    def __init__(self, leaves, facts, native, reused, xp):
        self.leaves, self.facts, self.native, self.reused, self.xp = leaves, facts, native, reused, xp
        self.slots = [native.slots.get(("output", k)) for k in range(len(leaves))]
        self.tensors, self.arrays = [None] * len(leaves), [None] * len(leaves)
        self.alone = [TENSOR_ALONE] * len(leaves), [ARRAY_ALONE] * len(leaves)
        self.lent = False
        for k, array in enumerate(native.lent(facts)):
            self.lent = True
            self.hold(k, array)
        self.adopt()

    def adopt(self):
        """The run that was recorded left gradients as well: they are as good as those of a call, if they lie in order.

        Into an arena they are moved, which frees the memory that they had.
        """
        tensors = [leaf._grad for leaf in self.leaves]
        if not self.reused or not all([fits(tensor, shape, dtype) for tensor, (shape, dtype) in zip(tensors, self.facts)]):
            return
        arrays = [tensor._array for tensor in tensors]
        if self.lent and counted(arrays) != self.alone[1]:
            return
        self.tensors[:] = tensors
        for k, (tensor, array) in enumerate(zip(tensors, arrays)):
            if self.lent:
                self.arrays[k][...] = array
                tensor._array = self.arrays[k]
            else:
                self.hold(k, array)

    def hold(self, k, array):
        """The memory of gradient number ``k``: the table is told of it."""
        self.arrays[k] = array
        if self.slots[k] is not None:
            self.native.table[self.slots[k]] = id(array)

    def are_ours(self):
        """Whether each leaf has the gradient of the last call, and nobody else does."""
        return (
            self.reused
            and all(map(is_, map(GRADIENT, self.leaves), self.tensors))
            and self.tensors[0] is not None
            and all(map(is_, map(ARRAY, self.tensors), self.arrays))
            and counted(self.tensors) == self.alone[0]
            and counted(self.arrays) == self.alone[1]
        )

    def written_out(self, names):
        """``ours = …``, as lines of a function that knows the leaves by these names, ``made`` and ``holders`` (getrefcount).

        Where they aren't, that function holds none of them either.
        """
        if not self.reused or len(names) > FEW:
            return ["ours = made.are_ours()"]
        tensor, array = measured_by_name()
        numbers = range(len(names))
        questions = [
            f"{leaf}._grad is t{k} and t{k}._array is b{k} and holders(t{k}) == {tensor} and holders(b{k}) == {array}"
            for k, leaf in enumerate(names)
        ]  # fmt: skip
        return [
            f"{''.join([f't{k}, ' for k in numbers])}= made.tensors",
            f"{''.join([f'b{k}, ' for k in numbers])}= made.arrays",
            f"ours = t0 is not None and {' and '.join(questions)}",
            f"if not ours: {' = '.join([f't{k} = b{k}' for k in numbers])} = None",
        ]

    def renew(self):
        """Other memory for all of them; or the same where it is lent, unless somebody holds what lies there."""
        if self.lent:
            self.tensors[:] = [None] * len(self.leaves)
            for leaf in self.leaves:
                leaf._grad = None
            if counted(self.arrays) != [ARRAY_LEFT] * len(self.leaves):
                self.lent = False
                self.native.lay_out()
        for k, (shape, dtype) in enumerate(self.facts):
            if not self.lent:
                self.hold(k, self.xp.empty(shape, dtype))
            self.tensors[k] = wrap(self.arrays[k])

    def leave(self):
        """The leaves have none any more, if these lie in an arena that was written to since."""
        for leaf, gradient in zip(self.leaves, self.tensors if self.lent else ()):
            if leaf._grad is gradient:
                leaf._grad = None

    def give(self):
        """Each leaf gets its gradient."""
        for leaf, gradient in zip(self.leaves, self.tensors):
            leaf._grad = gradient
