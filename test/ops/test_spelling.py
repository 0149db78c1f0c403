"""NumPy's names of arguments, ``axis`` and ``keepdims``, where PyTorch takes them."""

import pytest
from oracle import TOLERANCE, agree, same_first_line

TEXTS = """
x.sum(axis=1), x.sum(axis=(0, 1)), x.sum(axis=1, keepdims=True), x.sum(0, keepdims=True), x.sum(axis=0, dtype=t.float64)
x.mean(axis=-1), x.mean(axis=(0, 1), keepdims=True), x.prod(axis=1), x.std(axis=0), x.var(axis=1, keepdims=True)
x.max(axis=1), x.min(axis=0, keepdims=True), x.argmax(axis=1), x.argmin(axis=0), x.amax(axis=1), x.amin(axis=(0, 1))
x.all(axis=1), x.any(axis=0), x.median(axis=1), x.nansum(axis=1), x.nanmean(axis=0), x.count_nonzero(axis=1)
x.softmax(axis=1), x.log_softmax(axis=0), x.cumsum(axis=1), x.cumprod(axis=0), x.squeeze(axis=0), x.unsqueeze(axis=1)
t.sum(x, axis=1, keepdims=True), t.mean(x, axis=0), t.max(x, axis=1), t.argmax(x, axis=1), t.unbind(x, axis=1)
t.cat([x, x], axis=1), t.stack([x, x], axis=1), t.squeeze(x, axis=0), t.cumsum(x, axis=1)
t.sort(x, axis=0), x.argsort(axis=0), x.topk(1, axis=0), x.kthvalue(1, axis=0, keepdims=True), t.mode(x, axis=0), t.nanmedian(x, axis=0, keepdims=True)
t.logsumexp(x, axis=(0, 1), keepdims=True), x.logsumexp(0, keepdims=True), t.special.logsumexp(x, axis=1), t.aminmax(x, axis=1, keepdims=True)
t.cummax(x, axis=0), x.cummin(axis=1), x.logcumsumexp(axis=0), t.std_mean(x, axis=0, keepdims=True), t.var_mean(x, keepdims=True)
t.renorm(x, 2, axis=0, maxnorm=1), x.gather(axis=0, index=i), x.index_select(axis=1, index=i[0]), x.select(axis=1, index=0), x.narrow(axis=0, start=0, length=1)
x.chunk(2, axis=1), x.tensor_split(2, axis=1), x.split_with_sizes([1, 2], axis=1), t.unsafe_chunk(x, 2, axis=0), t.narrow_copy(x, axis=0, start=1, length=1)
t.quantile(x, 0.5, axis=0, keepdims=True), t.nanquantile(x, 0.5, axis=1), t.diff(x, axis=0), t.select_scatter(x, x[0], axis=0, index=1), t.slice_scatter(x, x[:1], axis=0, end=1)
x.index_add(axis=0, index=i[0, :1], source=x[:1]), x.index_copy(axis=0, index=i[0, :1], source=x[1:]), x.index_fill(axis=0, index=i[0], value=3), x.take_along_dim(i, axis=0)
x.scatter(axis=0, index=i, src=x), x.scatter_add(axis=0, index=i, src=x), x.scatter_reduce(axis=0, index=i, src=x, reduce='sum')
t.trapezoid(x, axis=0), t.cumulative_trapezoid(x, axis=0), t.gradient(x, axis=0), x.repeat_interleave(2, axis=0), t.unflatten(x, axis=1, sizes=(3, 1)), t.cosine_similarity(x, x + 1, axis=0)
t.linalg.norm(x, axis=0, keepdims=True), t.linalg.vector_norm(x, axis=1), t.linalg.matrix_norm(x, axis=(1, 0)), t.linalg.vecdot(x, x, axis=0), t.linalg.cross(x, x + 1, axis=1), t.cross(x, x + 1, axis=1)
t.fft.fft(x, axis=0), t.fft.rfft(x, axis=0), t.fft.fftshift(x, axis=0), t.fft.fft2(x, axis=(1, 0)), t.fft.irfftn(x, axis=(0, 1))
""".strip().splitlines()


@pytest.mark.parametrize("text", TEXTS)
def test_as_in_pytorch(text):
    agree(lambda t: eval(text, {"t": t, "x": t.arange(6.0).reshape(2, 3), "i": t.zeros(2, 3, dtype=t.int64)}), {"complex64": (1e-5, 1e-5)} | TOLERANCE)


@pytest.mark.parametrize("text", ["x.sum(dims=1)", "x.mean(axes=1)", "x.sort(axes=1)", "x.sort(dim=0, axis=0)", "x.narrow(axes=0, start=0, length=1)", "x.select(0)", "x.narrow(0, 1)"])
def test_other_names(text):
    def program(t):
        try:
            eval(text, {"t": t, "x": t.arange(6.0).reshape(2, 3)})
        except TypeError:
            return "refused"

    agree(program)


def test_no_dim_where_one_is_needed():
    for text in ("x.unsqueeze()", "x.cumsum()"):
        agree(lambda t, text=text: type(kind_of(lambda: eval(text, {"x": t.ones(2)}))).__name__)
    same_first_line(lambda t: t.ones(2).sum(axis=3))


def kind_of(call):
    try:
        return call()
    except Exception as error:
        return error
