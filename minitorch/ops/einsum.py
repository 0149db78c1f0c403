"""Einstein's summation: an equation and shapes become a plan, once; a call follows it.

    "bij,bjk->bik"    one batched matmul                "bi,bj->bij"    a broadcast product, for nothing is summed
    "ij,kj->ki"       x @ y.T, seen with dims swapped   "ij,jk,kl->il"  two products, from the left

torch: ATen/native/Linear.cpp, einsum and sumproduct_pair
"""

from functools import lru_cache
from math import prod
from typing import NamedTuple

__all__ = ["einsum"]


class Side(NamedTuple):
    """What happens to one of two operands first.   summed: dims that are added up.   order, broadcast, shape: what it is permuted,
    expanded and reshaped to; None where that changes nothing."""

    summed: tuple
    order: tuple | None
    broadcast: tuple | None
    shape: tuple | None

    def of(self, x):
        x = x.sum(self.summed) if self.summed else x
        x = x if self.order is None else x.permute(self.order)
        x = x if self.broadcast is None else x.expand(self.broadcast)
        return x if self.shape is None else x.reshape(self.shape)


class Pair(NamedTuple):
    """A product of two operands.   times: element by element, as a matmul would have nothing to sum.   shape: of the result."""

    left: Side
    right: Side
    times: bool
    shape: tuple | None


class Plan(NamedTuple):
    """diagonals: (dim, dim) pairs, for each operand.   pairs: the products, from the left.   summed, order: what is left to do."""

    diagonals: tuple
    pairs: tuple
    summed: tuple
    order: tuple | None


def einsum(equation, *operands):
    """Einstein's summation: "ij,jk->ik" multiplies, "ii->i" takes a diagonal, "...i" leaves leading dims alone.

    Operands are multiplied two at a time from the left, each product one ``matmul``, or elementwise if it sums nothing.

    torch: einsum

    >>> torch.einsum("ij,j->i", torch.ones(2, 3), torch.ones(3))
    tensor([3., 3.])
    """
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = tuple(operands[0])
    plan = plan_of(equation, tuple([tuple(x.shape) for x in operands]))
    if any(plan.diagonals):
        operands = [diagonal_of(x, dims) for x, dims in zip(operands, plan.diagonals, strict=True)]
    x = operands[0]
    for pair, y in zip(plan.pairs, operands[1:], strict=True):
        x, y = pair.left.of(x), pair.right.of(y)
        x = x * y if pair.times else x.matmul(y)
        x = x if pair.shape is None else x.reshape(pair.shape)
    x = x.sum(plan.summed) if plan.summed else x
    return x if plan.order is None else x.permute(plan.order)


def diagonal_of(x, pairs):
    for first, second in pairs:
        x = x.diagonal(0, first, second)
    return x


# ------------------------------------------------------------------------------------------------------------- the plan


@lru_cache(1024)
def plan_of(equation, shapes):
    """The Plan of an equation for operands of these shapes. Raises RuntimeError if they don't fit."""
    terms, output = parsed(equation, shapes)
    operands = [without_twins(i, term, shape) for i, (term, shape) in enumerate(zip(terms, shapes, strict=True))]
    check_sizes([(term, shape) for _, term, shape in operands])
    (_, term, shape), *others = operands
    pairs = []
    for i, (_, other, other_shape) in enumerate(others, 1):
        later = set(output).union(*[t for _, t, _ in operands[i + 1 :]])
        pair, term, shape = contracted(term, shape, other, other_shape, later)
        pairs.append(pair)
    summed = tuple([d for d, label in enumerate(term) if label not in output])
    term = [label for label in term if label in output]
    order = tuple([term.index(label) for label in output])
    order = None if (pairs or summed or any([d for d, _, _ in operands])) and order == tuple(range(len(order))) else order
    return Plan(tuple([diagonals for diagonals, _, _ in operands]), tuple(pairs), summed, order)


def check_letters(equation):
    """Raise for what is neither a letter nor a dot, a comma, a space or the arrow."""
    left, arrow, right = equation.partition("->")
    for start, text, others in ((0, left, " .,"), (len(left + arrow), right, " .")):
        for i, c in enumerate(text, start):
            if not (c.isascii() and c.isalpha()) and c not in others:
                raise RuntimeError(
                    f"einsum(): invalid subscript given at index {i} in the equation string, subscripts must be in [a-zA-Z]\n"
                    "a letter names a dim: 'ij,jk->ik'"
                )


def at_dots(term, second, stray):
    """(the labels before the three dots, these or nothing, the labels after).   second, stray: whose dots are too many, or too few."""
    before, dots, after = term.partition("...")
    if "." in before or "." in after:
        whose = f"{second} was already found" if dots and "." not in before else stray
        raise RuntimeError(f"einsum(): found '.' for {whose}\nthree dots stand for all other dims, once")
    return before, dots, after


def parsed(equation, shapes):
    """The labels of every operand and of the output; an Ellipsis becomes labels of its own, numbered from the last dim."""
    check_letters(equation)
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise RuntimeError(
            "einsum(): more operands were provided than specified in the equation"
            if len(terms) < len(shapes)
            else "einsum(): fewer operands were provided than specified in the equation"
        )
    expanded, hidden = [], 0
    for i, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        before, dots, after = at_dots(term, f"operand {i} for which an ellipsis", f"operand {i} that is not part of any ellipsis")
        extra = len(shape) - len(before) - len(after)
        if extra < 0 or (extra and not dots):
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({len(before) + len(after)}) does not match the number of dimensions "
                f"({len(shape)}) for operand {i} and no ellipsis was given"
                if not dots
                else f"einsum(): the number of subscripts in the equation ({len(before) + len(after)}) is more than the number of "
                "dimensions "
                f"({len(shape)}) for operand {i}"
            )
        hidden = max(hidden, extra)
        expanded.append([*before, *range(-extra, 0), *after])
    if arrow:
        before, dots, after = at_dots(right, "output but an ellipsis (...)", "output that is not part of any ellipsis (...)")
        output = [*before, *(range(-hidden, 0) if dots else ()), *after]
        unknown = [label for label in output if not any(label in term for term in expanded)]
        if unknown:
            raise RuntimeError(
                f"einsum(): output subscript {unknown[0]} does not appear in the equation for any input operand"
            )
        repeated = [label for label in output if output.count(label) > 1]
        if repeated:
            raise RuntimeError(f"einsum(): output subscript {repeated[0]} appears more than once in the output")
        return expanded, output
    named = [label for term in expanded for label in term if isinstance(label, str)]
    return expanded, [*range(-hidden, 0), *sorted(label for label in set(named) if named.count(label) == 1)]


def without_twins(number, term, shape):
    """(the dims of diagonals to take, the labels, the shape) of an operand, so that no label comes twice."""
    term, shape, diagonals = list(term), list(shape), []
    for label in dict.fromkeys(term):
        while term.count(label) > 1:
            first = term.index(label)
            second = term.index(label, first + 1)
            diagonals.append((first, second))
            if shape[first] != shape[second]:
                raise RuntimeError(
                    f"einsum(): subscript {label} is repeated for operand {number} but the sizes don't match, {shape[second]} != "
                    f"{shape[first]}"
                )
            size = shape[first]
            term = [t for d, t in enumerate(term) if d not in (first, second)] + [label]
            shape = [n for d, n in enumerate(shape) if d not in (first, second)] + [size]
    return tuple(diagonals), term, shape


def check_sizes(operands):
    """Raise RuntimeError if a label has several sizes, other than 1."""
    sizes: dict = {}
    for i, (term, shape) in enumerate(operands):
        for label, n in zip(term, shape, strict=True):
            seen = sizes.setdefault(label, n)
            if seen not in (1, n) and n != 1:
                raise RuntimeError(
                    f"einsum(): subscript {label} has size {n} for operand {i} which does not broadcast with previously seen "
                    f"size {seen}"
                )
            sizes[label] = n if seen == 1 else seen


def contracted(term, shape, other, other_shape, later):
    """(Pair, labels, shape) of the product of two operands, summed over the labels that nothing later needs."""
    x, y = alone(term, shape, other, later), alone(other, other_shape, term, later)
    (_, term, shape), (_, other, other_shape) = x, y
    shared = [label for label in term if label in other]
    batch = [label for label in shared if label in later]
    summed = [label for label in shared if label not in later]
    left = [label for label in term if label not in other]
    right = [label for label in other if label not in term]
    size: dict = {}
    for label, n in zip([*term, *other], [*shape, *other_shape], strict=True):
        size[label] = n if size.get(label, 1) == 1 else size[label]
    labels = batch + left + right
    result = tuple([size[label] for label in labels])
    if not summed:
        one, another = ([[label] if label in own else [] for label in labels] for own in (term, other))
        sides = side(x, one, dict(zip(term, shape))), side(y, another, dict(zip(other, other_shape)))
        return Pair(*sides, True, None), labels, result
    some = [[label] for label in batch]
    made = tuple([prod([size[label] for label in group]) for group in (*some, left, right)])
    sides = side(x, (*some, left, summed), size), side(y, (*some, summed, right), size)
    return Pair(*sides, False, None if made == result else result), labels, result


def side(operand, groups, size):
    """The Side that brings an operand into the order of ``groups`` of labels, each of them one dim; of size 1 if it is empty."""
    dims, labels, shape = operand
    order = tuple([labels.index(label) for group in groups for label in group])
    here = tuple([shape[d] for d in order])
    full = tuple([size[label] for group in groups for label in group])
    grouped = tuple([prod([size[label] for label in group]) for group in groups])
    same = order == tuple(range(len(order))), full == here, grouped == full
    return Side(dims, *[None if unchanged else what for unchanged, what in zip(same, (order, full, grouped), strict=True)])


def alone(term, shape, other, later):
    """(dims, labels, shape): the dims of an operand that neither the other one nor anything later needs, and what is left without."""
    dims = tuple([d for d, label in enumerate(term) if label not in other and label not in later])
    kept = [d for d in range(len(term)) if d not in dims]
    return dims, [term[d] for d in kept], [shape[d] for d in kept]
