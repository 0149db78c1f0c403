"""A function of several rows, written down for arguments of a kind: a piece. Here of x - x.mean():

    forth(xp, a0)      t0 = mean(a0, …); t1 = a0 - t0           return t1, and what going back reads besides
    back(xp, g, …)     t2 = -sum(g, …); …                       return the gradient of a0

A piece leaves one Node, whose row is a row of its own, in no table. Its ``saved`` has places for the output and the inputs, as any
row's, and then for what was kept between. Where gradients are to be differentiated again, or somebody listens, the function
itself runs once more, and is gone back through.
"""

import warnings

from .backends import ARRAY_TYPES
from .backward import backward
from .graph import InferenceStorage, Node, Storage, Stub, edge_of
from .modes import MODE
from .table import Primitive
from .tape import TAPED, Listening, known_by_array, needed, written

__all__ = ["piece_of"]

KNOWN = TAPED | frozenset("?bBhil")
"""The dtypes of tensors, as dtype.char, that functions are written down for."""

KEPT = Storage()
"""That of what is kept between in memory of its own: nobody can write to it."""
KEPT.version = 0


class Piece:
    """What is known of a kind of arguments.   forth: the tape (xp, *arrays) → (result, *what is kept).   row: the Node's.

    row: None if the result has no gradient.   saves: of the result and the inputs, whether going back reads it.
    behind: whether what it reads was made of it.
    """

    def __init__(self, call, wrap, forth, row, saves, behind):
        self.call, self.wrap, self.forth, self.row, self.saves, self.behind = call, wrap, forth, row, saves, behind

    def __call__(self, tensors, edges, wanted):
        arrays = [x._array for x in tensors]
        array, *kept = self.forth(ARRAY_TYPES[arrays[0].__class__], *arrays)
        out = self.wrap(array, InferenceStorage() if MODE.inference else None)
        if wanted and self.row is not None:
            self.remember(out, tensors, edges, wanted, kept)
        return out

    def remember(self, out, tensors, edges, wanted, kept):
        """Leave a Node."""
        saved = [
            (x._array, x._storage, x._storage.version) if read else Stub(x, whole)
            for x, read, whole in zip((out, *tensors), self.saves, self.behind)
        ]
        saved += [(array, KEPT, 0) if array.base is None else (array, *beneath(array, tensors)) for array in kept]
        out._node = Node(self.row, (), [*edges, *[None] * len(kept)], saved, wanted)


def beneath(array, tensors):
    """(storage, version) of what is kept: those of the tensor whose memory it is a view of."""
    same = ARRAY_TYPES[array.__class__].same_memory
    found = next((x._storage for x in tensors if same(x._array, array)), KEPT)
    return found, found.version


def piece_of(function, label, args, kwargs, wanted):
    """The Piece of these arguments; None if there can be none.   wanted: which tensors want a gradient, as a set of bits."""
    call = Call(function, args, kwargs)
    mode = MODE
    before = mode.grad, mode.inference
    mode.grad, mode.inference = wanted != 0, False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # it is given each time
            return written_piece(call, label, wanted)
    except Warning:
        return None
    finally:
        mode.grad, mode.inference = before


class Call:
    """A function with its arguments, of which the tensors can be put in anew."""

    def __init__(self, function, args, kwargs):
        values = [*args, *kwargs.values()]
        self.function, self.count, self.names = function, len(args), tuple(kwargs)
        self.places = [i for i, x in enumerate(values) if hasattr(x, "_array")]
        self.tensors = [values[i] for i in self.places]
        self.twice = False  # whether it was differentiated twice: there rows go back faster than the function run once more
        self.values = [None if hasattr(x, "_array") else x for x in values]

    def __call__(self, tensors):
        values = list(self.values)
        for i, x in zip(self.places, tensors):
            values[i] = x
        return self.function(*values[: self.count], **dict(zip(self.names, values[self.count :])))


def leaves_of(arrays, wrap, wanted):
    """Tensors on these arrays, each on a view of its own: what is passed twice is two."""
    leaves = [wrap(array.view()) for array in arrays]
    for i, x in enumerate(leaves):
        if wanted >> i & 1:
            x.requires_grad = True
    return leaves


def written_piece(call, label, wanted):
    wrap, count = call.tensors[0]._wrap, len(call.tensors)
    leaves = leaves_of([x._array for x in call.tensors], wrap, wanted)
    call.tensors = None  # the piece is kept, they are not
    with Listening() as forth:
        result = call(leaves)
    made = [x for x in (*leaves, result) if x._array.dtype.char in KNOWN]
    if len(made) <= count or len({x._array.__class__ for x in made}) > 1 or result._view is not None or any([x is result for x in leaves]):
        return None
    gradients, back, g = [None] * count, [], None
    if result._node is not None:
        g = result.detach().ones_like()
        with Listening() as back:
            gradients = gradients_of(result, leaves, g, False)
    known = known_by_array([*leaves, g] if back else leaves, forth)
    back = needed([(row, [known(x) for x in inputs], *rest) for row, inputs, *rest in back], gradients)
    read = {id(x) for x in (*gradients, *[x for _, inputs, *_ in back for x in inputs])}
    kept = [x for *_, x, in_place in forth if id(x) in read and x is not result and not in_place]
    names = {f"a{i}": x for i, x in enumerate(leaves)}
    tape = written(names, needed(forth, (result, *kept)), (result, *kept))
    if tape is None:
        return None
    saves = [id(x) in read for x in (result, *leaves)]
    behind = {id(x) for _, inputs, *_ in needed(forth, [x for x in (result, *kept) if id(x) in read]) for x in inputs}
    row = None
    if result._node is not None:
        row = Primitive(label, "composite", None, jointly=going_back(call, count, wanted), label=label, listed=False)
    piece = Piece(call, wrap, tape, row, saves, [False, *[id(x) in behind for x in leaves]])
    if row is not None:
        piece.remember(result, leaves, list(map(edge_of, leaves)), wanted, [x._array for x in kept])
        saved = [x for x, read in zip((result, *leaves), saves) if read] + kept
        _, key = result._node.arrays_and_key(g._array, wanted)
        row.tapes[key] = written(
            {"g": g, **{f"s{i}": x for i, x in enumerate(saved)}}, back, [*gradients, *[None] * len(kept)]
        )
        if row.tapes[key] is None:
            return None
    return piece


def gradients_of(result, leaves, g, create_graph):
    """The gradient of each of the leaves, None where there is none."""
    edges = [edge_of(x) for x in leaves]
    found = backward(
        (edge_of(result),), (g,), create_graph, create_graph, targets={edge for edge in edges if edge is not None}, accumulate=False
    )
    return [found.get(edge) for edge in edges]


def going_back(call, count, wanted):
    """The vjp of all inputs at once, by running the function once more."""

    def jointly(g, _out, *values):
        mode, again = MODE, MODE.grad
        call.twice = call.twice or again
        inputs = [g.new_zeros(x.shape, dtype=x.dtype) if x.__class__ is Stub else x for x in values[:count]]  # nothing depends on it
        mode.grad = True
        try:
            leaves = leaves_of([x._array for x in inputs], g._wrap, wanted)
            if again:
                leaves = [leaf if x._node is None else x.view(x.shape) for leaf, x in zip(leaves, inputs)]
            result = call(leaves)
        finally:
            mode.grad = again
        return [*gradients_of(result, leaves, g, again), *[None] * (len(values) - count)]

    return jointly
