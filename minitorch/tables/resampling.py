"""Rows of images and sequences: resampling to another size, and the alignments of two sequences.

torch: aten/src/ATen/native/UpSample.h, LossCTC.cpp
"""

from ..table import ARITHMETIC, Primitive

__all__ = ["ctc_loss", "resample"]

REALS = frozenset("fd")

# resample(x, plans, back): each of the last dims mixed anew, out[j] = Σ_k w[j, k] x[place[j, k]]. A plan, for each of these
# dims, is (kind, size before, size after, scale, align_corners); ``back`` goes from the size after to the size before by the
# transposed weights. A row for speed, and because a scaled dim is its own kind of linear map: each way is the other's vjp
resample = Primitive(
    "resample",
    "contraction",
    lambda xp, x, plans, back: xp.resample(x, plans, back),
    [lambda g, _out, _x, plans, back: g._apply(resample, (g,), (plans, not back))],
    ready=ARITHMETIC,
    label="Upsample",
)


# ctc_loss(log_p, targets, input_lengths, target_lengths, blank, zero_infinity): (T, N, C), (N, S), (N), (N) → (N). A row for
# its derivative: PyTorch's takes log_p to be a log_softmax, and gives the gradient of what went into that, at log_p
ctc_loss = Primitive(
    "ctc_loss",
    "reduction",
    lambda xp, *arguments: xp.ctc_loss(*arguments),
    [lambda g, _out, log_p, targets, T, S, *params: g._apply(ctc_loss_grad, (g, log_p, targets, T, S), params), None, None, None],
    ready=REALS,
    mixes=(0,),
)
ctc_loss_grad = Primitive(
    "ctc_loss_grad",
    "reduction",
    lambda xp, *arguments: xp.ctc_loss_grad(*arguments),
    [lambda g, _out, _y, *_rest: never_twice(), lambda g, _out, _y, _log_p, *_rest: never_twice(), None, None, None],
    ready=REALS,
    mixes=(0, 1),
    label="CtcLossBackward",
)


def never_twice():
    """What goes back isn't the derivative of the loss, so it has none itself."""
    raise RuntimeError("derivative for aten::_ctc_loss_backward is not implemented\nsecond derivatives of ctc_loss do not exist")
