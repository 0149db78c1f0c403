"""Connectionist temporal classification: all ways in which a sequence of frames can spell a target, by dynamic programming.

Between, before and after the labels of a target there may be blanks: a target of S labels has 2 S + 1 states, and a path
stays in its state, goes to the next one, or skips a blank between two different labels. All targets of a batch step together.
Logarithms of such small numbers are large, and are exponentiated in the end: all is computed in float64, and rounded once.

torch: ATen/native/LossCTC.cpp.   Graves et al. 2006
"""

import numpy

__all__ = ["ctc_loss", "ctc_loss_grad"]

NEVER = -numpy.inf


def states(targets, blank):
    """The label of each state, (N, L), and whether it can be reached from two states before."""
    labels = numpy.full((len(targets), 2 * targets.shape[1] + 1), blank, numpy.int64)
    labels[:, 1::2] = targets
    skips = numpy.zeros(labels.shape, bool)
    skips[:, 2:] = labels[:, 2:] != labels[:, :-2]
    return labels, skips


def seen_labels(log_p, labels):
    """The log-probability of each state's label at each time, (T, N, L)."""
    found = numpy.take_along_axis(log_p, numpy.broadcast_to(labels, (len(log_p), *labels.shape)), 2)
    return found.astype(numpy.float64, copy=False)


def step(before, skips):
    """log Σ exp over the states that lead to each: itself, the one before, and two before where it may skip."""
    one = numpy.full_like(before, NEVER)
    one[:, 1:] = before[:, :-1]
    two = numpy.full_like(before, NEVER)
    two[:, 2:] = before[:, :-2]
    two[~skips] = NEVER
    return numpy.logaddexp(numpy.logaddexp(before, one), two)


def forward(seen, skips):
    """alpha[t]: the log-probability of all ways to be in each state at time t, having spelled what leads there."""
    alpha = numpy.full(seen.shape, NEVER, seen.dtype)
    if len(seen):
        alpha[0, :, :2] = seen[0, :, :2]
    for t in range(1, len(seen)):
        numpy.add(step(alpha[t - 1], skips), seen[t], alpha[t])
    return alpha


def total(alpha, input_lengths, target_lengths):
    """-log of the probability of each target: to be in its last label or the blank after it at the end."""
    n = numpy.arange(len(input_lengths))
    if not len(alpha):
        return numpy.where(target_lengths == 0, 0.0, -NEVER)
    last = alpha[numpy.maximum(input_lengths - 1, 0), n]
    blank, label = last[n, 2 * target_lengths], last[n, numpy.maximum(2 * target_lengths - 1, 0)]
    found = -numpy.where(target_lengths == 0, blank, numpy.logaddexp(blank, label))
    nothing = numpy.where(target_lengths == 0, 0.0, -NEVER)  # of no frames
    return numpy.where(input_lengths == 0, nothing, found)


def check(frames, room, input_lengths, target_lengths):
    """Raise RuntimeError for lengths that can't be: here and not above, for a compiled program looks at them too."""
    where = "(while checking arguments for ctc_loss_allocate_outputs)"
    for name, numbers in (("input_lengths", input_lengths), ("target_lengths", target_lengths)):
        if (least := min(numbers, default=0)) < 0:
            raise RuntimeError(f"Expected {name} to have value at least 0, but got value {least} {where}")
    if (most := max(input_lengths, default=0)) > frames:
        raise RuntimeError(
            f"Expected input_lengths to have value at most {frames}, but got value {most} {where}\nlog_probs has so many frames"
        )
    if (longest := max(target_lengths, default=0)) > room:
        raise RuntimeError(
            f"Expected tensor to have size at least {longest} at dimension 1, but got size {room} for argument #2 'targets' {where}"
        )


def ctc_loss(log_p, targets, input_lengths, target_lengths, blank, zero_infinity):
    check(len(log_p), targets.shape[1], input_lengths.tolist(), target_lengths.tolist())
    labels, skips = states(targets, blank)
    loss = total(forward(seen_labels(log_p, labels), skips), input_lengths, target_lengths)
    return (numpy.where(numpy.isinf(loss), 0, loss) if zero_infinity else loss).astype(log_p.dtype)


def turned(x, lengths):
    """The first ``lengths[n]`` entries along dim 0 of each x[:, n] in reverse order; whatever was behind them stays behind."""
    t = numpy.arange(len(x))[:, None]
    at = numpy.where(t < lengths, lengths - 1 - t, t)
    return x[at, numpy.arange(x.shape[1])]


def ctc_loss_grad(g, log_p, targets, input_lengths, target_lengths, blank, zero_infinity):
    """g (exp(log_p) - the probability that each label is seen at each time, given that the target is spelled)."""
    labels, skips = states(targets, blank)
    seen = seen_labels(log_p, labels)
    alpha = forward(seen, skips)
    loss = total(alpha, input_lengths, target_lengths)

    # The same from the end: time and states reversed, each sequence from its own end.
    used, rows = 2 * target_lengths + 1, numpy.arange(len(labels))[:, None]
    place = numpy.arange(labels.shape[1])
    mirror = numpy.where(place < used[:, None], used[:, None] - 1 - place, place)
    labels_back = labels[rows, mirror]
    skips_back = numpy.zeros_like(skips)
    skips_back[:, 2:] = labels_back[:, 2:] != labels_back[:, :-2]
    beta = forward(turned(seen, input_lengths)[:, rows, mirror], skips_back)
    beta = turned(beta, input_lengths)[:, rows, mirror]

    inside = (numpy.arange(len(seen))[:, None] < input_lengths)[:, :, None]
    ways = numpy.where(inside & (place < used[:, None]), alpha + beta - seen + loss[:, None], NEVER)
    ways[numpy.isnan(ways)] = NEVER
    share = numpy.exp(ways)
    out = numpy.exp(log_p.astype(numpy.float64, copy=False))
    n = numpy.arange(len(labels))
    for s in range(labels.shape[1]):  # two states of a target may have one label: one after the other
        out[:, n, labels[:, s]] -= share[:, :, s]
    impossible = numpy.isinf(loss)
    out[:, impossible] = 0 if zero_infinity else numpy.nan
    return numpy.where(inside, out * g[:, None], 0).astype(log_p.dtype)
