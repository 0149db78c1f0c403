"""Attention: a softmax between two products is one step, and so is each of its gradients; the scores are in no memory.

    %4 = matmul %q %3       {%3: %k with its last two dims exchanged}
    %5 = where %4 triangle -inf
    %6 = amax %5;  %7 = sub %5 %6;  %8 = exp %7            →      %11 = attend %q %k %v {scale, causal, …}
    %9 = sum %8;  %10 = div %8 %9
    %11 = matmul %10 %v

and with it, if all that reads %10 are the steps by which gradients go back through it, these as ``attend_grad``. Tensors that go
over the scores or the weights, masks, distances, and what dropout draws, are ``extras`` of it, in the order of their roles:

    "added"    scores + x                          "seen"     where(scores, x, number)
    "kept"     weights * x * number                "hidden"   where(number, x, scores)

spared: queries that see nothing get zeros, as ``scaled_dot_product_attention`` has it. What isn't just so stays as it is:
something added that wants a gradient, weights that somebody else reads as well, or only a few queries, as in generation.

swapped: in memory the heads lie within a row (…, L, heads, features), as the layer behind wants them.

torch: torch/_inductor/fx_passes/fuse_attention.py.   Dao et al. 2022, arXiv:2205.14135
"""

import math
from dataclasses import dataclass

from .. import primitives as rows
from ..dtypes import float32, float64, int64
from .gather_scatter import Row
from .graph import Graph, Step, Value

__all__ = [
    "ATTEND", "ATTENDING", "ATTEND_BACK", "ATTEND_GRAD", "ATTEND_TOTALS", "Search", "attended", "extras_of", "heads_within_rows",
    "matrices_of",
]  # fmt: skip

FEWEST = 16
"""Queries, and keys: with fewer, two products and a softmax are as good."""
WIDEST = 256
"""Numbers of a query, or a value: tiles of more would need other sizes."""


# -------------------------------------------------------------------------------------------------------- what they mean


def turned(x):
    return x.swapaxes(-1, -2)


def scores_of(xp, q, k, over, scale, causal):
    scores = rows.mul.forward(xp, rows.matmul.forward(xp, q, turned(k)), scale)
    if causal:
        queries, keys = [xp.arange(0, 1, n, int64) for n in scores.shape[-2:]]
        over = [*over, ("seen", -math.inf, keys <= queries.reshape(-1, 1))]
    for role, number, x in over:
        if role == "added":
            scores = rows.add.forward(xp, scores, x)
        elif role != "kept":
            scores = where(xp, scores, role, x, number)
    return scores


def weights_of(xp, q, k, over, spared, scale, causal):
    scores = scores_of(xp, q, k, over, scale, causal)
    if not spared:
        return rows.softmax.forward(xp, scores, -1)
    some = (scores != -math.inf).any(-1, keepdims=True)
    return rows.where.forward(xp, rows.softmax.forward(xp, rows.where.forward(xp, scores, some, 0), -1), some, 0)


def where(xp, x, role, mask, number):
    """x where a mask that says what is "seen", or what is "hidden", lets it be; else a number."""
    return rows.where.forward(xp, *((x, mask, number) if role == "seen" else (number, mask, x)))


def kept_of(over):
    """What weights are multiplied by, an array or a number."""
    return next((x * number for role, number, x in over if role == "kept"), 1)


def together(roles, extras):
    return [(*role, x) for role, x in zip(roles, extras, strict=True)]


def attend(xp, *given):
    *extras, q, k, v, roles, spared, scale, causal, _ = given
    over = together(roles, extras)
    return rows.matmul.forward(xp, weights_of(xp, q, k, over, spared, scale, causal) * kept_of(over), v)


def attend_grad(xp, g, *given):
    """The gradient of q, k or v: ``which`` is 0, 1 or 2."""
    *extras, q, k, v, which, roles, spared, scale, causal, _ = given
    over = together(roles, extras)
    weights, kept = weights_of(xp, q, k, over, spared, scale, causal), kept_of(over)
    if which == 2:
        return rows.matmul.forward(xp, turned(weights * kept), g)
    slopes = rows.matmul.forward(xp, g, turned(v)) * kept
    slopes = weights * (slopes - (weights * slopes).sum(-1, keepdims=True))
    for role, _, x in over:
        if role in ("seen", "hidden"):
            slopes = where(xp, slopes, role, x, 0)
    slopes = rows.mul.forward(xp, slopes, scale)
    return rows.matmul.forward(xp, slopes, k) if which == 0 else rows.matmul.forward(xp, turned(slopes), q)


def attend_totals(xp, q, k, v, roles, spared, scale, causal, swapped):
    """log Σ exp of each row of scores: what the way back on a GPU asks of the way forth. Nothing goes over the scores there."""
    scores = scores_of(xp, q, k, (), scale, causal)
    most = scores.max(-1, keepdims=True)
    return (xp.log(xp.exp(scores - most).sum(-1, keepdims=True)) + most)[..., 0]


def attend_back(xp, out, totals, *rest):
    """``attend_grad`` by one who is told what came out, and the totals."""
    return attend_grad(xp, *rest)


ATTEND, ATTEND_GRAD = Row("attend", attend), Row("attend_grad", attend_grad)
ATTEND_TOTALS, ATTEND_BACK = Row("attend_totals", attend_totals), Row("attend_back", attend_back)
ATTENDING = (ATTEND, ATTEND_GRAD, ATTEND_TOTALS, ATTEND_BACK)
"""The rows of attention. The last two are for GPUs."""


def extras_of(step):
    """What goes over the scores, or the weights, of such a step: between what else it is given and q, k, v."""
    return step.inputs[-3 - len(step.params[-5]) : -3]


def matrices_of(step):
    """All else that such a step is given."""
    return [*step.inputs[: -3 - len(step.params[-5])], *step.inputs[-3:]]


def is_value_or_not_zero(x):
    return x.__class__ is Value or x != 0


def last_two_exchanged(ndim):
    return (*range(ndim - 2), ndim - 1, ndim - 2)


def heads_within_rows(shape):
    """The strides of (…, heads, L, features) that lies in memory as (…, L, heads, features).

    >>> heads_within_rows((2, 4, 10, 8))
    (320, 8, 32, 1)
    """
    *batch, heads, length, features = shape
    strides, step = [], heads * length * features
    for n in reversed(batch):
        strides.append(step)
        step *= n
    return (*reversed(strides), features, heads * features, 1)


# -------------------------------------------------------------------------------------------------------------- the stage


@dataclass
class Found:
    """What was recognised.   before: the step that scales the query, after: the one that scales the scores; or None.

    scaled: the query as the first product reads it.   over: [(role, number, Value, whether it hides)] of what goes over the
    scores, from within; the triangle's role is "causal".   forth: the weights as the softmax made them, up to what the last product reads.
    kept: what they are multiplied by, some: which queries see anything, if others are spared; Values, or None.
    """

    q: Value
    k: Value
    v: Value
    scaled: Value
    before: Step | None
    after: Step | None
    over: list
    forth: list
    kept: Value | None
    some: Value | None
    out: Value

    @property
    def weights(self):
        """Those that the softmax made."""
        return self.forth[0]

    @property
    def scale(self):
        return factor(self.before) * factor(self.after)


def factor(step):
    """The number by which a step multiplies, far from 0 and infinity; 1 if there is no step, None if it is another one."""
    if step is None:
        return 1.0
    x, y = step.inputs if step.row in (rows.mul, rows.div) else (None, None)
    if x.__class__ is not Value or y.__class__ not in (int, float) or not 1e-30 < y < 1e30:
        return None
    return float(y) if step.row is rows.mul else 1 / y


def attended(graph):
    """The graph with attention as single steps. What nobody reads now remains.

    >>> from minitorch.compiler.simplify import dead, simplify
    >>> from minitorch.compiling.tracing import traced
    >>> q = torch.ones(1, 2, 64, 32)
    >>> graph = dead(attended(simplify(traced(lambda q, k, v: (q @ k.mT / 32**0.5).softmax(-1) @ v, q, q + 1, q + 2))))
    >>> [step.row.name for step in graph.steps]
    ['attend']
    """
    search, replaced = Search(graph), {}
    for step in graph.steps:
        if step.row is rows.matmul:
            found = search.attention(step)
            steps = None if found is None else search.written(found)
            replaced.update(steps or {})
    steps = [new for step in graph.steps for new in replaced.get(step.out, (step,))]
    return Graph(graph.inputs, steps, graph.outputs, graph.checks)


class Search:
    """made: Value → its step.   readers: Value → the steps that read it.   kept: what leaves the graph."""

    def __init__(self, graph):
        self.made = {step.out: step for step in graph.steps}
        self.readers: dict = {}
        for step in graph.steps:
            for x in dict.fromkeys(step.reads):
                self.readers.setdefault(x, []).append(step)
        self.kept = {*graph.outputs, *[x for x, *_ in graph.checks]}

    def step(self, x, row):
        """The step that makes x, if it is of this row."""
        step = self.made.get(x)
        return step if step is not None and step.row is row else None

    def read_by(self, x):
        return self.readers.get(x, [])

    def only(self, x, count):
        """Whether nobody else sees a Value than ``count`` steps."""
        return x not in self.kept and len(self.read_by(x)) == count

    def seen(self, x):
        """(the Value that x is a permutation of, in which order its dims are)."""
        step = self.step(x, rows.permute)
        if step is None:
            return x, tuple(range(x.ndim))
        base, dims = self.seen(step.inputs[0])
        return base, tuple([dims[d] for d in step.params[0]])

    def same(self, x, y, turned=False):
        """Whether two Values are the same, or one of them with the last two dims exchanged."""
        (base, dims), (other, others) = self.seen(x), self.seen(y)
        return base is other and dims == ((*others[:-2], others[-1], others[-2]) if turned else others)

    # --------------------------------------------------------------------------------------------------------- forth

    def attention(self, step):
        """What is Found with its last product, or None."""
        last, v = step.inputs
        if not self.fits(step, last, v):
            return None
        forth, some, kept = self.softmax_behind(last)
        scores = self.softmaxed(forth[0])
        if scores is not None and some is not None:
            scores = self.spared(scores, some)
        over, scores = self.uncovered(scores)
        if scores is None:
            return None
        after = self.scaling(scores)
        if after is not None:
            scores = after.inputs[0]
        product = self.step(scores, rows.matmul)
        turn = product and self.step(product.inputs[1], rows.permute)
        if not turn or turn.params[0] != last_two_exchanged(turn.out.ndim) or (after is not None and not self.only(scores, 1)):
            return None
        scaled = product.inputs[0]
        before = self.scaling(scaled)
        q = scaled if before is None else before.inputs[0]
        if q.shape != scaled.shape or q.shape[-1] > WIDEST:
            return None
        return Found(q, turn.inputs[0], v, scaled, before, after, over, forth, kept, some, step.out)

    def softmax_behind(self, last):
        """(the weights from a softmax's to those that a product reads; which queries see anything; what dropout keeps)."""
        product = self.step(last, rows.mul)
        for x, kept in () if product is None else (product.inputs, product.inputs[::-1]):
            found, some = self.chosen_weights(x)
            if kept.__class__ is Value and self.softmaxed(found[0]) is not None:
                return [*found, last], some, kept
        return *self.chosen_weights(last), None

    def chosen_weights(self, x):
        """([a softmax's weights, perhaps the same with zeros for queries that see nothing], which see anything or None)."""
        chosen = self.step(x, rows.where)
        return ([x], None) if chosen is None or is_value_or_not_zero(chosen.inputs[2]) else ([chosen.inputs[0], x], chosen.inputs[1])

    def spared(self, x, some):
        """The scores, of which queries that see nothing were given others, before the softmax; or None."""
        chosen, truth = self.step(x, rows.where), self.step(some, rows.cast)
        largest = truth and self.step(truth.inputs[0], rows.amax)
        number = largest and self.step(largest.inputs[0], rows.cast)
        seen = number and self.step(number.inputs[0], rows.ne)
        if not chosen or not seen or chosen.inputs[1:] != (some, 0) or largest.params != ((x.ndim - 1,), True):
            return None
        alone = all([self.only(y, 1) for y in (truth.inputs[0], largest.inputs[0], number.inputs[0])])
        return chosen.inputs[0] if alone and seen.inputs == (chosen.inputs[0], -math.inf) else None

    def uncovered(self, scores):
        """(what goes over the scores, from within; the scores beneath), or (_, None) if others see what is between."""
        over, readers = [], 2
        while scores is not None and self.only(scores, readers):
            found = self.cover(scores)
            if found is None:
                return over, scores
            *last, scores = found
            over, readers = [last, *over], 1
        return over, None

    def cover(self, x):
        """(role, number, Value, whether it hides, the scores beneath) of the outermost that goes over scores; or None."""
        masked, added = self.step(x, rows.where), self.step(x, rows.add)
        if masked is not None:
            found = self.kept_under(masked)
            if found is None:
                return None
            scores, mask, hides, number = found
            causal = number == -math.inf and mask.shape == x.shape[-2:] and self.triangle(mask, hides)
            return "causal" if causal else "hidden" if hides else "seen", float(number), mask, hides, scores
        for scores, other in () if added is None else (added.inputs, added.inputs[::-1]):
            if other.__class__ is Value and scores.__class__ is Value and scores.shape == x.shape and self.leads_to_scores(scores):
                return "added", 1.0, other, False, scores
        return None

    def leads_to_scores(self, x):
        """Whether a Value may be scores: those of a product, scaled, or with something over them."""
        scaling = self.scaling(x)
        x = x if scaling is None else scaling.inputs[0]
        return self.step(x, rows.matmul) is not None or self.cover(x) is not None

    def scaling(self, x):
        """The step that makes x by multiplying with a positive number, or None."""
        step = self.made.get(x)
        return step if step is not None and factor(step) is not None else None

    def softmaxed(self, weights):
        """What ``weights`` are the softmax of, along the last dim."""
        share = self.step(weights, rows.div)
        e = share and self.step(share.inputs[0], rows.exp)
        total = share and self.step(share.inputs[1], rows.sum)
        shifted = e and self.step(e.inputs[0], rows.sub)
        largest = shifted and self.step(shifted.inputs[1], rows.amax)
        last = share and ((weights.ndim - 1,), True)
        if not total or not largest or total.inputs[0] is not e.out or (total.params, largest.params) != (last, last):
            return None
        scores = shifted.inputs[0]
        alone = self.only(e.out, 2) and self.only(total.out, 1) and self.only(shifted.out, 1) and self.only(largest.out, 1)
        return scores if alone and largest.inputs[0] is scores and self.only(scores, 2) else None

    def fits(self, step, weights, v):
        queries, keys = weights.shape[-2:]
        if step.out.dtype not in (float32, float64) or min(queries, keys) < FEWEST or v.shape[-1] > WIDEST or weights in self.kept:
            return False
        return weights.ndim >= 2 and step.out.shape[:-2] == weights.shape[:-2] and step.out.size > 0

    def kept_under(self, step):
        """(what a ``where`` keeps, the mask, whether it hides, the number that it puts everywhere else), or None."""
        x, mask, y = step.inputs
        for kept, other, hides in ((x, y, False), (y, x, True)):
            full = self.step(other, rows.full)
            other = other if full is None else full.params[1]
            if kept.__class__ is Value and other.__class__ in (int, float) and step.out.shape == kept.shape:
                while turned_round := self.step(mask, rows.logical_not) or self.step(mask, rows.bitwise_not):
                    (mask,), hides = turned_round.inputs, not hides
                return kept, mask, hides, other
        return None

    def triangle(self, mask, hides):
        """Whether a mask lets query i see the keys 0 … i, column - row <= 0; or whether it hides the others."""
        turned_round, cast = self.step(mask, rows.logical_not) or self.step(mask, rows.bitwise_not), self.step(mask, rows.cast)
        if turned_round is not None:
            return self.triangle(turned_round.inputs[0], not hides)
        if cast is not None:
            return self.triangle(cast.inputs[0], hides)
        chosen = self.step(mask, rows.where)
        if chosen is not None:
            ones, mask, other = chosen.inputs
            full = self.step(ones, rows.full)
            if other.__class__ is Value or other != 0 or full is None or full.params[1] != 1:
                return False
        compared = self.step(mask, rows.ge if hides else rows.le)
        offset = compared and compared.inputs[1] == hides and self.step(compared.inputs[0], rows.sub)
        if not offset or mask.ndim != 2:
            return False
        column, row = offset.inputs
        down = self.step(row, rows.reshape)
        counted = [self.step(x, rows.arange) for x in (column, down and down.inputs[0])]
        return None not in counted and row.shape == (mask.shape[0], 1) and all([
            step.params[:3] == (0, 1, n) for step, n in zip(counted, reversed(mask.shape))
        ])  # fmt: skip

    # ---------------------------------------------------------------------------------------------------------- back

    def written(self, found):
        """{the Value of a step that goes: the steps that come in its place}, or None if somebody reads what would be gone."""
        line = self.made[found.out].line
        order = [d for d in range(found.out.ndim)]
        if len(order) > 2:
            order[-3:-1] = reversed(order[-3:-1])
        swapped = len(order) > 2 and any([s.row is rows.permute and list(s.params[0]) == order for s in self.read_by(found.out)])
        extras, options = self.given(found)
        options = (*options, swapped)
        inputs = (*extras, found.q, found.k, found.v)
        steps = {found.out: [Step(ATTEND, inputs, options, found.out, line)]}
        forth = [*found.forth, found.out]
        others = list(dict.fromkeys([s for x in found.forth for s in self.read_by(x) if s.out not in forth]))
        if any([x in self.kept for x in found.forth]):
            return None
        if not others:
            return steps if found.some is None or self.only(found.some, 2) else None
        gradients = self.gradients(found, others)
        if gradients is None:
            return None
        g, (to_q, to_k, to_v) = gradients
        across = Value((*to_k.shape[:-2], to_k.shape[-1], to_k.shape[-2]), to_k.dtype)
        line = self.made[to_v].line

        def gradient(which, out):
            return Step(ATTEND_GRAD, (g, *inputs), (which, *options), out, line)

        turn = last_two_exchanged(across.ndim)
        steps.update({to_q: [gradient(0, to_q)], to_v: [gradient(2, to_v)]})
        steps[to_k] = [gradient(1, across), Step(rows.permute, (across,), (turn,), to_k, line)]
        return steps

    def given(self, found):
        """What Found has beside q, k and v: (extras, the params but for ``swapped``)."""
        over = [(role, number, x) for role, number, x, _ in found.over if role != "causal"]
        causal = len(over) < len(found.over)
        spared = found.some is not None and bool(over)  # a triangle alone leaves each query its first key
        if found.kept is not None:
            scaling = self.scaling(found.kept)
            over.append(("kept", factor(scaling), found.kept if scaling is None else scaling.inputs[0]))
        return [x for *_, x in over], (tuple([(role, n) for role, n, _ in over]), spared, found.scale, causal)

    def gradients(self, found, others):
        """(the gradient that comes in, the Values of those of q, k (turned) and v); None if ``others`` aren't just these steps."""
        turns = [s for s in others if s.row is rows.permute]
        muls = [s for s in others if s.row is rows.mul]
        if (len(turns), len(muls), len(others)) != (1, 2, 3) or not self.same(turns[0].out, found.forth[-1], turned=True):
            return None
        to_v = self.sole(turns[0].out, rows.matmul, lambda s: s.inputs[0] is turns[0].out)
        if to_v is None:
            return None
        g = to_v.inputs[1]
        slopes = self.slopes(found, *muls, g) or self.slopes(found, *reversed(muls), g)
        if slopes is None or not self.only(slopes, 2):
            return None
        to_q, to_k = self.products(found, slopes)
        if to_q is None or to_k is None:
            return None
        scaled = to_q.out
        if found.before is not None:
            scaled = self.scaled_alike(to_q.out, found.before)
        batch = found.out.shape[:-2]
        if scaled is None:
            return None
        return (g, (scaled, to_k.out, to_v.out)) if all([x.shape[:-2] == batch for x in (scaled, to_k.out, to_v.out, g)]) else None

    def products(self, found, slopes):
        """The steps that make the gradients of q and k of those of the scores; None for one that isn't there."""
        to_q = to_k = None
        for step in self.read_by(slopes):
            if step.row is rows.matmul and step.inputs[0] is slopes and self.same(step.inputs[1], found.k):
                to_q = step
            elif step.row is rows.matmul and step.inputs[1] is slopes and self.same(step.inputs[0], found.scaled, turned=True):
                to_k = step
        return to_q, to_k

    def sole(self, x, row, test):
        """The only step that reads x, if it is of this row and passes the test."""
        step = self.read_by(x)[0] if self.only(x, 1) else None
        return step if step is not None and step.row is row and test(step) else None

    def slopes(self, found, first, last, g):
        """The gradient of the scores, if the steps are those of weights * (dP - sum of weights * dP): masked and scaled as they are."""
        across, less = [s.inputs[0] if s.inputs[1] is found.weights else s.inputs[1] for s in (first, last)]
        product = self.step(self.uncovered_gradient(found, across), rows.matmul)
        total = self.sole(first.out, rows.sum, lambda s: s.params == ((s.out.ndim - 1,), True))
        if product is None or total is None or product.inputs[0] is not g or not self.same(product.inputs[1], found.v, turned=True):
            return None
        difference = self.sole(total.out, rows.sub, lambda s: s.inputs == (across, total.out))
        if difference is None or difference.out is not less or not self.only(less, 1) or not self.only(across, 2):
            return None
        slopes = last.out
        if found.some is not None:
            spared = self.sole(slopes, rows.where, lambda s: s.inputs == (slopes, found.some, 0))
            if spared is None or not self.only(found.some, 4):
                return None
            slopes = spared.out
        for role, _, *mask in reversed(found.over):
            if role != "added":
                masked = self.sole(slopes, rows.where, lambda s, wanted=(slopes, *mask, 0): self.kept_under(s) == wanted)
                if masked is None:
                    return None
                slopes = masked.out
        return slopes if found.after is None else self.scaled_alike(slopes, found.after)

    def uncovered_gradient(self, found, x):
        """What a product made of the gradient of the weights, before it was multiplied and spared as they are; or None."""
        if found.some is not None:
            chosen = self.step(x, rows.where)
            x = chosen.inputs[0] if chosen and chosen.inputs[1:] == (found.some, 0) and self.only(chosen.inputs[0], 1) else None
        if found.kept is not None:
            product = self.step(x, rows.mul)
            others = [y for y in product.inputs if y is not found.kept] if product else []
            x = others[0] if len(others) == 1 and self.only(others[0], 1) else None
        return x

    def scaled_alike(self, x, scaling):
        """What x is multiplied to, if all that reads it does the same as a step that scales; else None."""
        step = self.sole(x, scaling.row, lambda s: s.inputs == (x, scaling.inputs[1]))
        return step and step.out
