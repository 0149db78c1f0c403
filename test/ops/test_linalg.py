"""Products: every rank rule of matmul, and einsum against PyTorch's."""

import string

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle import Raised, agree, expression
from samples import integers, reals

A, B, V, W = reals((2, 3)), reals((3, 4), -1.0, 1.0), reals((3,)), reals((2,), 0.5, 2.0)
BATCH, OTHER = reals((5, 2, 3)), reals((5, 3, 4), -1.0, 1.0)
INTEGERS, SQUARE, THREES = integers((2, 3), -5, 6), reals((3, 3)), reals((4, 3))

EXPRESSIONS = [
    "a @ b, a @ v, v @ b, v @ v, w @ a, c @ b, a @ d, c @ d, c @ v, w @ c, v @ d, a.matmul(b), t.matmul(c, d), c[:, None] @ b, c[:, None] @ d, (c[0] @ d), a.__matmul__(b)",
    "a.mm(b), t.mm(a, b), c.bmm(d), t.bmm(c, d), a.mv(v), t.mv(a, v), v.dot(v), t.dot(v, v), t.vdot(v, v), v.outer(w), t.outer(w, v), t.ger(w, v), a.inner(a), t.inner(v, v), t.inner(a, v), t.inner(v.sum(), a)",
    "t.addmm(b.t()[:2, :1].sum() * b[:2], a, b), (b[:2] * 1).addmm(a, b, beta=0.5, alpha=2), t.addmm(b[0], a, b), t.addmv(w, a, v), w.addmv(a, v, beta=2, alpha=-1), t.baddbmm(d[:, :2], c, d), t.baddbmm(d[:, :2], c, d, beta=0, alpha=3), t.addbmm(b[:2], c, d)",
    "t.nn.functional.linear(a, b.t()), t.nn.functional.linear(a, b.t(), b[0]), t.nn.functional.linear(c, b.t(), b[0]), t.nn.functional.linear(v, b.t(), b[0]), t.nn.functional.linear(v, b.t())",
    "t.tensordot(a, b, 1), t.tensordot(c, d, ([0, 2], [0, 1])), t.tensordot(a, a, 2), t.tensordot(v, w, 0), t.tensordot(c, b, dims=([2], [0])), t.kron(a, b), t.kron(v, a), a.trace(), a[:, :2].trace()",
    "i @ i.t(), i @ i[0], i.mm(i.t()), i[0].dot(i[0]), t.outer(i[0], i[1]), t.einsum('ij,kj->ik', i, i)",
    "a[:0] @ b, a[:, :0] @ b[:0], c[:0] @ d[:0], v[:0] @ v[:0], c[:, :0] @ d, a @ b[:, :0], t.nn.functional.linear(a[:0], b.t(), b[0]), t.outer(v[:0], w), (a[:0] > 0) @ (b > 0), (a[:, :0] > 0) @ (b[:0] > 0)",
    "a.t() @ a, a @ a.t(), b.t() @ b, c.mT @ c, c.permute(1, 0, 2) @ b, a[:, ::2] @ b[::2], a.expand(5, 2, 3) @ d, (a * 1).addmm_(a, b[:, :3])",
    "t.einsum('ij,jk', a, b), t.einsum('ij,jk->ki', a, b), t.einsum('ij->ji', a), t.einsum('ij->', a), t.einsum('ij->i', a), t.einsum('ii->i', a[:, :2]), t.einsum('ii', a[:, :2]), t.einsum('i,i->', v, v), t.einsum('i,j->ij', w, v), t.einsum('ij,ij->ij', a, a), t.einsum('bij,bjk->bik', c, d)",
    "t.einsum('bij,jk->bik', c, b), t.einsum('...ij,...jk->...ik', c, d), t.einsum('...ij,jk', c, b), t.einsum('...i,i->...', c, v), t.einsum('ij,jk,kl->il', a, b, b.t()), t.einsum('bij,bik->bjk', c, c), t.einsum('ij,kj->ik', a, a), t.einsum('i...->...', a), t.einsum('bn,anm,bm->ba', a[:, :3], c[:3].mT[:, :, :2], a[:, :2])",
    "t.einsum('ij, jk -> ik', a, b), t.einsum('Ij,jK->IK', a, b), t.einsum('ij,jk', [a, b]), t.einsum('ij,j,j->i', a, v, v), t.einsum('aij,bij->ab', c, c), t.einsum('ij,ij', a, a), t.einsum('i,ij,j', w, a, v), t.einsum('ijk,k->ij', c, v), t.einsum('ijj->i', d[:, :, :3]), t.einsum('iij->j', d[:3, :3])",
    "t.einsum('ij,jk->ik', a[:, :1], b), t.einsum('bij,bjk->bik', c[:1], d), t.einsum('...,...->...', a, v), t.einsum('i...,i...->...', a, a), t.einsum('ij->ij', a), t.einsum(',', v[0], v[1]), t.einsum('i,->i', v, w[0]), t.einsum('->', v[0])",
    "t.einsum('i,j->ij', w, v.float()), t.einsum('i,i->i', v, i[0]), t.einsum('i,j->ji', w, v), t.einsum('i,j->', w, v), t.einsum('bi,bj->bji', a, b[:2]), t.einsum('ij,k,jl->ikl', a, w, b), t.einsum('bij,bj->bi', c, c[:, 0]), t.einsum('bi,oij,bj->bo', a[:, :2], c, a)",
    "t.einsum('bthd,bshd->bhts', c[:, :, None], c.flip(1)[:, :, None]), t.einsum('ijk,i->jk', c, c[:, 0, 0]), t.einsum('i,j->ij', v > 0, w > 0), t.inner(c, a), t.inner(a, c), t.inner(v, c), c.inner(v), t.inner(v[:0], v[:0])",
    "t.cross(r, r.flip(0)), t.cross(r, r.flip(0), dim=1), t.cdist(a, r), t.cdist(a, r, p=1.0), t.cdist(a[None], r[None]), t.addr(s[:2], a[:, 0], v), t.addr(s[:2], a[:, 0], v, beta=2, alpha=3)",
    "t.renorm(a, 2, 0, 1.0), t.renorm(a, 1, 1, 0.5), t.matrix_power(s.detach(), 0), t.matrix_power(s, 1), t.matrix_power(s, 5)",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, a=A, b=B, c=BATCH, d=OTHER, v=V, w=W, i=INTEGERS, s=SQUARE, r=THREES))
    assert not isinstance(expected, Raised), expected


ERRORS = [
    "a @ a", "a @ w", "w @ b", "v @ w", "c @ a", "c @ c", "a @ v.sum()", "a.mm(v)", "v.mm(a)", "a.mm(a)", "a.bmm(b)", "c.bmm(c)", "c.bmm(d[:2])", "a.mv(w)", "a.mv(b)", "v.dot(w)", "v.dot(a)", "a.outer(v)", "v.outer(a)", "t.tensordot(a, b, 2)", "t.trace(v)", "a @ i.t()", "a.float() @ b", "v.dot(v.float())",
    "t.nn.functional.linear(a, a.t())", "t.nn.functional.linear([1.0], a)", "t.nn.functional.linear(a, [1.0])", "t.nn.functional.linear(a, b.t(), [1.0])", "t.nn.functional.linear(a, b.t(), v)", "t.nn.functional.linear(a, b.t().float(), b.float().sum(0))", "t.nn.functional.linear(a, b.t(), b.float().sum(0))", "t.einsum('ij,jk', a)", "t.einsum('ij', a, b)",
    "t.einsum('i1->i', a)", "t.einsum('ij->i1', a)", "t.einsum('i.j->i', a)", "t.einsum('ij->..i.', a)", "t.einsum('i......j->i', a)", "t.einsum('\u00e9->i', v)", "t.mv(a, w)", "t.mv(a, v.float())", "t.mv(a, v.long())", "t.einsum('ijk->i', a)", "t.einsum('ij->k', a)", "t.einsum('ij,jk->ik', a, a)", "t.einsum('ii->i', a)", "t.einsum('ij,ii', a, a)", "t.inner(a, b)", "t.inner(v, w)", "t.inner(c, w)", "t.addmm(a, a, b)", "t.addmm(b[:2], a, a)", "t.einsum('i->ii', v)", "t.cross(a[:, :2], a[:, :2], dim=1)", "(c[:, :2] * 1) @ d[:3]",
    "(a > 0) @ (b > 0)", "(c > 0) @ (d > 0)", "(c > 0) @ (b > 0)", "(a > 0) @ (v > 0)", "(v > 0) @ (v > 0)", "(a > 0).mm(b > 0)", "t.nn.functional.linear(a > 0, a > 0)", "t.addmm(a[:, :2] > 0, a > 0, a.t() > 0)", "(a[:, :2] > 0).trace()",
]  # fmt: skip


@pytest.mark.parametrize("text", ERRORS)
def test_errors_are_pytorch_s(text):
    assert isinstance(agree(expression(text, a=A, b=B, c=BATCH, d=OTHER, v=V, w=W, i=INTEGERS)), Raised)


RANKS = [(3,), (4,), (2, 3), (2, 2, 3), (5, 2, 3), (2, 2, 2, 3)]


@pytest.mark.parametrize("a, b", [(a, b) for a in RANKS for b in RANKS], ids=str)
def test_errors_of_matmul_at_any_ranks(a, b):
    """Which of its products PyTorch names depends on the ranks, and on whether the second wants its gradient."""
    agree(expression("a @ b", a=reals(a), b=reals(b)))
    agree(expression("a.detach() @ b.detach()", a=reals(a), b=reals(b)))


# ---------------------------------------------------------------------------------------------------------- properties


@settings(max_examples=100)
@given(st.lists(st.integers(0, 3), max_size=2), st.lists(st.integers(0, 3), max_size=2), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.sampled_from(["full", "vector left", "vector right"]))
def test_matmul_of_any_ranks(first, second, n, k, m, form):
    a = reals((k,) if form == "vector left" else (*first, n, k))
    b = reals((k,) if form == "vector right" else (*second, k, m), -1.0, 1.0)
    agree(expression("a @ b", a=a, b=b))


@st.composite
def equations(draw):
    """An equation of one to three operands, and their shapes: labels repeated within and between them, sometimes an Ellipsis."""
    sizes = {label: draw(st.integers(1, 3)) for label in "ijkl"}
    hidden = tuple(draw(st.lists(st.integers(1, 2), max_size=2)))
    terms, shapes, dotted = [], [], False
    for _ in range(draw(st.integers(1, 3))):
        labels = draw(st.lists(st.sampled_from("ijkl"), max_size=3))
        shape = [sizes[label] for label in labels]
        term = "".join(labels)
        if hidden and draw(st.booleans()):
            at, dotted = draw(st.integers(0, len(labels))), True
            own = [1 if draw(st.booleans()) else n for n in hidden]
            term, shape = f"{term[:at]}...{term[at:]}", [*shape[:at], *own, *shape[at:]]
        terms.append(term)
        shapes.append(tuple(shape))
    used = sorted({c for term in terms for c in term if c.isalpha()})
    output = draw(st.one_of(st.none(), st.lists(st.sampled_from(used), unique=True, max_size=3) if used else st.just([])))
    right = "" if output is None else "->" + ("..." if dotted else "") + "".join(output)
    return ",".join(terms) + right, shapes


@settings(max_examples=150)
@given(equations())
def test_any_einsum(what):
    equation, shapes = what
    assume(max(map(len, shapes)) <= 5)
    names = dict(zip(string.ascii_lowercase, [reals(shape, -1.0, 1.0, i) for i, shape in enumerate(shapes)], strict=False))
    agree(expression(f"t.einsum({equation!r}, {', '.join(names)})", **names))
