"""Sums: several products that are only added up are one product of longer matrices.

    %4 = matmul %0 %1   (512, 32) (32, 128)
    %5 = matmul %2 %3                             →     %7 = cat %0 %2 {1};  %8 = cat %1 %3 {0}
    %6 = add %4 %5                                      %6 = matmul %7 %8   (512, 64) (64, 128)

That is the gradient of a weight that is used at each step of a sequence. One long product keeps its sums in registers, where
many short ones write each and fetch it again; and the concatenations are mostly made by those who make the parts (plan.py).

torch: torch/_inductor/fx_passes/post_grad.py (addmm fusion) comes near it
"""

from .. import primitives as rows
from .graph import Graph, Step, Value, uses_of

__all__ = ["summed"]

FEWEST, LONGEST = 4, 128
"""Products that are worth it, and how long each may be along what is summed: long ones are as quick alone,
and then their parts needn't wait for each other in memory."""


def summed(graph):
    """The graph, in which sums of short products are long products. What nobody reads now remains.

    >>> from minitorch.compiling.tracing import traced
    >>> graph = summed(traced(lambda x, w: x @ w + x @ w.exp() + x @ w.sin() + x @ w.cos(), torch.ones(8, 4), torch.ones(4, 8)))
    >>> [(step.row.name, step.out.shape) for step in graph.steps[-3:]]
    [('cat', (8, 16)), ('cat', (16, 8)), ('matmul', (8, 8))]
    """
    uses, makers, steps = uses_of(graph), {step.out: step for step in graph.steps}, []
    inner = {x for step in graph.steps if step.row is rows.add for x in step.reads if is_term(x, step, uses, makers)}
    number = {step.out: k for k, step in enumerate(graph.steps)}
    for step in graph.steps:
        terms = terms_of(step, uses, makers) if step.row is rows.add and step.out not in inner else []
        products = [makers[x] for x in terms if x in makers and is_short(makers[x], step) and uses[x] == 1]
        if len(products) < FEWEST:
            steps.append(step)
            continue
        products.sort(key=lambda product: -number.get(source(product.inputs[0], makers), 0))
        steps += one_product(products, [x for x in terms if x not in makers or makers[x] not in products], step, makers)
    return Graph(graph.inputs, steps, graph.outputs, graph.checks)


def is_term(x, step, uses, makers):
    """Whether a value is a sum that only another sum of the same shape reads."""
    maker = makers.get(x)
    return maker is not None and maker.row is rows.add and uses[x] == 1 and x.shape == step.out.shape and x.dtype is step.out.dtype


def terms_of(step, uses, makers):
    """What a tree of sums adds up: Values, some of them perhaps smaller, and numbers."""
    todo, terms = list(step.inputs), []
    while todo:
        x = todo.pop()
        if x.__class__ is Value and is_term(x, step, uses, makers):
            todo += makers[x].inputs
        else:
            terms.append(x)
    return terms


def is_short(product, step):
    """Whether a step is a product that a sum may take in: as large as the sum, and not long."""
    if product.row is not rows.matmul or any([x.ndim != 2 for x in product.inputs]):
        return False
    return product.out.shape == step.out.shape and product.out.dtype is step.out.dtype and product.inputs[0].shape[1] <= LONGEST


def source(x, makers):
    """What a value is the transpose of, or itself."""
    maker = makers.get(x)
    return maker.inputs[0] if maker is not None and maker.row is rows.permute else x


def one_product(products, others, step, makers):
    """The steps that make the sum: two concatenations, a product, and the other terms added to it."""
    made = []

    def note(row, inputs, params, shape, out=None):
        made.append(Step(row, inputs, params, out or Value(shape, step.out.dtype), step.line))
        return made[-1].out

    m, n = step.out.shape
    k = sum([product.inputs[0].shape[1] for product in products])
    left, right = [[product.inputs[side] for product in products] for side in (0, 1)]
    if all([source(x, makers) is not x for x in left]):  # a transpose of what is concatenated
        left = note(rows.permute, (note(rows.cat, [source(x, makers) for x in left], (0,), (k, m)),), ((1, 0),), (m, k))
    else:
        left = note(rows.cat, left, (1,), (m, k))
    total = note(rows.matmul, (left, note(rows.cat, right, (0,), (k, n))), (), (m, n), None if others else step.out)
    for position, x in enumerate(others, 1):
        total = note(rows.add, (total, x), (), (m, n), step.out if position == len(others) else None)
    return made
