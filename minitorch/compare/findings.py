"""What two records come to: how much agrees, and the first tensor that doesn't."""

from typing import NamedTuple

from .distance import Allowed, Distance, distance, exceeding, fineness, largest, only_rounding
from .records import Entry, Evaluation, Pairs, Site

__all__ = ["Difference", "Findings", "find"]


class Difference(NamedTuple):
    """An expression that came to something else. what: "values", "dtype", "shape", "tensors" or "gradient"."""

    what: str
    evaluations: tuple[Evaluation, Evaluation]
    entries: tuple  # the entry on each side
    distance: Distance | None


class Findings(NamedTuple):
    """tensors counts those whose elements were compared. alone: for each side, [(position, site, time)] without partner."""

    evaluations: int
    tensors: int
    sampled: int  # tensors of which not every element was written
    agreeing: int  # evaluations before the first difference
    differing: int  # evaluations that differ
    cancelled: int  # evaluations that differ by what a gradient of rounding did to a parameter, and cancelled
    aside: Difference | None  # the first of those
    first: Difference | None
    largest: tuple[Distance, Evaluation] | None  # of those that are within the tolerance
    alone: tuple[list[tuple[int, Site, int]], ...]
    rtol: float  # the relative tolerance that the end of the run had

    def parting(self):
        """(side, site, time) of what one side alone evaluated before the first difference, and so may have caused it."""
        if self.first is None:
            return None
        for side, evaluation in enumerate(self.first.evaluations):
            for position, site, time in self.alone[side]:
                if position < evaluation.position:
                    return side, site, time
        return None


def find(paths, allowed=Allowed()):  # noqa: B008  (a tuple: nobody can change it)
    """The Findings of two records, the expected one first."""
    pairs = Pairs(*paths)
    search = Search(allowed)
    for a, b in pairs:
        search.look(a, b)
    search.finish()
    alone = tuple(pairs.alone(side) for side in (0, 1))
    pairs.close()
    agreeing = search.first.evaluations[0].position - 1 if search.first else search.evaluations
    return Findings(
        search.evaluations, search.tensors, search.sampled, agreeing, search.differing, search.cancelled, search.aside,
        search.first, search.largest, alone, allowed.bounds(search.coarsest, search.steps)[0],
    )  # fmt: skip


class Search:
    """Goes over the pairs and keeps what is to be told. The first difference is the first in PyTorch's order.

    Some parameters have a gradient of zero: the bias of attention's keys, which softmax cancels, or of a convolution before
    BatchNorm. What the libraries compute for it is rounding, each its own, and Adam makes full steps of it. So a parameter
    that differs where its gradient is ``only_rounding`` is told as an aside, and so is what is computed from it, as long
    as the gradients of the next backward agree: it has cancelled.
    """

    def __init__(self, allowed):
        self.allowed, self.coarsest, self.steps, self.size = allowed, "float64", 0, 1.0
        self.evaluations = self.tensors = self.sampled = self.differing = self.cancelled = 0
        self.first = self.largest = self.aside = None
        self.rounding: dict = {}  # parameter → which of its elements follow a gradient of rounding
        self.adrift: set = set()  # the elements that such a parameter has on each side
        self.agreed: set = set()  # sites that have agreed
        self.healed: set = set()  # sites that differed and were found to have cancelled
        self.waiting: list = []  # differences that may yet cancel

    def look(self, a, b):
        self.evaluations += 1
        self.steps = max(self.steps, a.steps)
        # All gradients of a backward are sums of like terms, also the one that comes to nothing.
        self.size = largest(a.entries) if a.site.kind == "backward" else 1.0
        differences = [found for pair in partners(a, b) if (found := self.compare((a, b), *pair)) is not None]
        grave = next((found for found in differences if not self.is_adrift(found)), None)
        if grave is not None and not (self.adrift and a.site in self.agreed and a.site.kind != "backward"):
            self.tell(grave)
        elif differences:
            self.waiting.append(grave or differences[0])
        else:
            self.agreed.add(a.site)
        if a.site.kind == "backward":
            self.settle(cancelled=grave is None)

    def settle(self, cancelled):
        """A backward tells what has become of the differences before it."""
        for found in self.waiting:
            if cancelled:
                self.healed.add(found.evaluations[0].site)
                self.cancelled += 1
                self.aside = self.aside or found
            else:
                self.tell(found)
        self.waiting.clear()

    def finish(self):
        """After the last backward, what has cancelled before is taken to do so again."""
        waiting, self.waiting = self.waiting, []
        for found in waiting:
            if self.is_adrift(found) or found.evaluations[0].site in self.healed:
                self.cancelled += 1
                self.aside = self.aside or found
            else:
                self.tell(found)

    def tell(self, found):
        self.differing += 1
        if self.first is None or found.evaluations[0].position < self.first.evaluations[0].position:
            self.first = found

    def compare(self, evaluations, a, b):
        """The Difference of two entries, or None."""
        if a is None or b is None:
            return Difference("tensors", evaluations, (a, b), None)
        if a.dtype != b.dtype:
            return Difference("gradient" if "None" in (a.dtype, b.dtype) else "dtype", evaluations, (a, b), None)
        if a.shape != b.shape:
            return Difference("shape", evaluations, (a, b), None)
        if fineness(a.dtype) > fineness(self.coarsest):
            self.coarsest = a.dtype
        far = distance(a, b, self.allowed, self.bounds(evaluations[0]))
        if far is None:
            return None
        self.tensors += 1
        self.sampled += a.every > 1
        if far.ratio > 1:
            return Difference("values", evaluations, (a, b), far)
        if far.ratio:
            self.close(evaluations[0], a, b, far)
        return None

    def bounds(self, evaluation):
        return self.allowed.bounds(self.coarsest, evaluation.steps, self.size)

    def close(self, evaluation, a, b, far):
        """Two entries differ within the tolerance."""
        if self.largest is None or far.ratio > self.largest[0].ratio:
            self.largest = far, evaluation
        if evaluation.site.kind == "backward" and a.role.endswith(".grad"):
            name, new = a.role.removesuffix(".grad"), only_rounding(a, b)
            old = self.rounding.get(name)
            self.rounding[name] = new if old is None or old.shape != new.shape else old | new

    def is_adrift(self, found):
        """Whether it is a parameter, or a copy of one, that differs only where its gradient is rounding."""
        if found.what != "values":
            return False
        a, b = found.entries
        values = hash(a.data), hash(b.data)
        name = a.role.removeprefix(".")
        if name in self.rounding and (found.evaluations[0].site.kind == "step" or a.role.startswith(".")):
            wrong = exceeding(a, b, self.allowed, self.bounds(found.evaluations[0]))
            known = self.rounding[name]
            if known.shape == wrong.shape and not (wrong & known.logical_not()).any():
                self.adrift.add(values)
        return values in self.adrift


def partners(a, b) -> list[tuple[Entry | None, Entry | None]]:
    """The entries of two evaluations by their role. One that has no partner counts only where the expression's own value has it.

    Which leaves are still alive at a backward, and which parameters were looked at before, may depend on the library.
    """
    if len(a.entries) == len(b.entries) and all(x.role == y.role for x, y in zip(a.entries, b.entries)):
        return list(zip(a.entries, b.entries))
    own = a.site.kind not in ("backward", "step") and not any(x.role.startswith(".") for x in a.entries + b.entries)
    mine, other = [{x.role: x for x in side.entries} for side in (a, b)]
    roles = mine | other if own else [role for role in mine if role in other]
    return [(mine.get(role), other.get(role)) for role in roles]
