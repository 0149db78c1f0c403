"""Small models for the export: name → (model, inputs, the dims of each input that are dynamic), for either library.

``case(lib)`` is called after the same seed, so both libraries have the same weights and inputs.
"""

from types import SimpleNamespace

BATCH = {0: "batch"}


def modules(lib):
    """Rows of one module with its input; the batch is dynamic."""
    nn, r = lib.nn, lib.randn
    image, line, volume, rows = (3, 4, 6, 8), (3, 4, 9), (2, 2, 4, 5, 4), (3, 8)
    return {
        "linear": (nn.Linear(8, 3), r(rows)),
        "linear_3d": (nn.Linear(8, 3, bias=False), r(2, 5, 8)),
        "bilinear": (TwoInputs(lib, nn.Bilinear(8, 8, 3)), r(rows)),
        "conv1d": (nn.Conv1d(4, 6, 3, padding=1, dilation=2), r(line)),
        "conv2d": (nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0)), r(image)),
        "conv2d_groups": (nn.Conv2d(4, 8, 3, groups=2, bias=False), r(image)),
        "conv2d_same": (nn.Conv2d(4, 2, 4, padding="same"), r(image)),
        "conv2d_circular": (nn.Conv2d(4, 2, 3, padding=1, padding_mode="circular"), r(image)),
        "conv2d_reflect": (nn.Conv2d(4, 2, 3, padding=1, padding_mode="reflect"), r(image)),
        "conv3d": (nn.Conv3d(2, 3, 3, padding=1), r(volume)),
        "conv_transpose1d": (nn.ConvTranspose1d(4, 3, 3, stride=2), r(line)),
        "conv_transpose2d": (nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, groups=2), r(image)),
        "conv_transpose2d_dilated": (nn.ConvTranspose2d(4, 3, 3, dilation=2), r(image)),
        "conv_transpose3d": (nn.ConvTranspose3d(2, 3, 2, stride=2), r(volume)),
        "batch_norm1d": (nn.BatchNorm1d(8), r(rows)),
        "batch_norm2d": (nn.BatchNorm2d(4), r(image)),
        "batch_norm_plain": (nn.BatchNorm2d(4, affine=False), r(image)),
        "layer_norm": (nn.LayerNorm([6, 8]), r(image)),
        "layer_norm_plain": (nn.LayerNorm(8, elementwise_affine=False), r(rows)),
        "group_norm": (nn.GroupNorm(2, 4), r(image)),
        "instance_norm": (nn.InstanceNorm2d(4, affine=True), r(image)),
        "rms_norm": (nn.RMSNorm(8), r(rows)),
        "local_response_norm": (nn.LocalResponseNorm(3), r(image)),
        "max_pool1d": (nn.MaxPool1d(3, stride=2), r(line)),
        "max_pool2d": (nn.MaxPool2d(3, stride=2, padding=1), r(image)),
        "max_pool2d_ceil": (nn.MaxPool2d(3, stride=2, ceil_mode=True), r(image)),
        "max_pool2d_dilated": (nn.MaxPool2d(2, dilation=2), r(image)),
        "max_pool2d_indices": (nn.MaxPool2d(2, return_indices=True), r(image)),
        "max_pool3d": (nn.MaxPool3d(2), r(volume)),
        "avg_pool1d": (nn.AvgPool1d(3, padding=1), r(line)),
        "avg_pool2d": (nn.AvgPool2d(2), r(image)),
        "avg_pool2d_uncounted": (nn.AvgPool2d(3, padding=1, count_include_pad=False), r(image)),
        "avg_pool2d_ceil": (nn.AvgPool2d(3, stride=2, ceil_mode=True), r(image)),
        "avg_pool2d_divisor": (nn.AvgPool2d(2, divisor_override=3), r(image)),
        "lp_pool2d": (nn.LPPool2d(2, 2), r(image)),
        "adaptive_avg_pool2d": (nn.AdaptiveAvgPool2d((3, 5)), r(image)),
        "adaptive_max_pool2d": (nn.AdaptiveMaxPool2d((3, 5)), r(image)),
        "max_unpool2d": (Unpooled(lib), r(image)),
        "zero_pad": (nn.ZeroPad2d(1), r(image)),
        "reflection_pad": (nn.ReflectionPad2d(2), r(image)),
        "replication_pad": (nn.ReplicationPad2d((1, 2, 0, 1)), r(image)),
        "negative_pad": (nn.ConstantPad2d((-1, 2, 1, -1), 3.5), r(image)),
        "upsample_nearest": (nn.Upsample(scale_factor=2), r(image)),
        "upsample_bilinear": (nn.Upsample(scale_factor=2, mode="bilinear"), r(image)),
        "upsample_corners": (nn.Upsample(size=(9, 5), mode="bilinear", align_corners=True), r(image)),
        "upsample_bicubic": (nn.Upsample(scale_factor=1.5, mode="bicubic"), r(image)),
        "pixel_shuffle": (nn.PixelShuffle(2), r(image)),
        "pixel_unshuffle": (nn.PixelUnshuffle(2), r(image)),
        "channel_shuffle": (nn.ChannelShuffle(2), r(image)),
        "unfold": (nn.Unfold(2, padding=1), r(image)),
        "fold": (nn.Fold((4, 5), 2), r(3, 8, 12)),
        "flatten": (nn.Flatten(1, 2), r(image)),
        "unflatten": (nn.Unflatten(1, (2, 2)), r(image)),
        "dropout": (nn.Dropout(), r(rows)),
        "softmax": (nn.Softmax(-1), r(rows)),
        "log_softmax": (nn.LogSoftmax(1), r(image)),
        "cosine_similarity": (TwoInputs(lib, nn.CosineSimilarity()), r(rows)),
        "pairwise_distance": (TwoInputs(lib, nn.PairwiseDistance()), r(rows)),
        "multihead_attention": (TwoInputs(lib, lambda x, y: lib.attention(x, y, y)), r(2, 5, 8)),
        "transformer_encoder": (lib.encoder, r(2, 5, 8)),
        "transformer_decoder": (TwoInputs(lib, lib.decoder), r(2, 5, 8)),
        "rnn": (First(lib, nn.RNN(8, 6, nonlinearity="relu", batch_first=True)), r(2, 4, 8)),
        "lstm": (nn.LSTM(8, 6, num_layers=2, bidirectional=True, batch_first=True), r(2, 4, 8)),
        "gru": (nn.GRU(8, 6, batch_first=True), r(2, 4, 8)),
        "lstm_cell": (nn.LSTMCell(8, 6), r(rows)),
        "gru_cell": (nn.GRUCell(8, 6), r(rows)),
        "sequential": (nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2)), r(rows)),
        "weight_norm": (nn.utils.parametrizations.weight_norm(nn.Linear(8, 3)), r(rows)),
    }


ACTIVATIONS = {
    "celu": "CELU", "elu": "ELU", "gelu": "GELU", "glu": "GLU", "hardshrink": "Hardshrink", "hardsigmoid": "Hardsigmoid",
    "hardswish": "Hardswish", "hardtanh": "Hardtanh", "leaky_relu": "LeakyReLU", "log_sigmoid": "LogSigmoid", "mish": "Mish",
    "prelu": "PReLU", "relu": "ReLU", "relu6": "ReLU6", "rrelu": "RReLU", "selu": "SELU", "sigmoid": "Sigmoid", "silu": "SiLU",
    "softplus": "Softplus", "softshrink": "Softshrink", "softsign": "Softsign", "tanh": "Tanh", "tanhshrink": "Tanhshrink",
}  # fmt: skip

FUNCTIONS = {
    "add": "x + y * 2 - 1", "divide": "x / (y.abs() + 1)", "powers": "x ** 2 + x.abs() ** 0.5 + 2 ** x",
    "floor_divide": "x // 0.7 + x % 0.7", "integers": "n // 2 + n % 3 - (-n) // 2", "fmod": "lib.fmod(x, 0.7)",
    "exp": "x.exp() + x.exp2() + x.expm1()", "log": "x.abs().log() + (x.abs() + 1).log2() + x.abs().log1p() + x.abs().log10()",
    "trigonometry": "x.sin() + x.cos() + x.tan() + x.atan()", "inverse": "(x.tanh() * 0.9).asin() + (x.tanh() * 0.9).acos()",
    "hyperbolic": "x.sinh() + x.cosh() + x.asinh() + (x.tanh() * 0.9).atanh() + (x.abs() + 1.5).acosh()",
    "rounding": "x.floor() + x.ceil() + x.round() + x.trunc() + x.frac()", "erf": "x.erf() + x.erfc()", "rsqrt": "x.abs().rsqrt()",
    "clamp": "x.clamp(-0.5, 0.5) + x.clamp(min=0) + x.clamp(max=0.2)", "extremes": "lib.maximum(x, y) + lib.minimum(x, y)",
    "comparisons": "(x < y) & (x >= 0) | (x != y) ^ (x <= -1) & ~(x > 1) & (x == x)", "where": "lib.where(x > 0, x, y * 0.5)",
    "masked_fill": "x.masked_fill(x > 0.5, -1.0)", "write_masked": "(x * 1).index_put((x > 0.5,), x.sum())", "logical": "lib.logical_and(x > 0, n) & lib.logical_not(n) | lib.logical_xor(x > 1, n > 1)",
    "isnan": "lib.isnan(x.log()) | lib.isinf(x / 0) | lib.isfinite(x)", "sign": "x.sign() + x.signbit()", "xlogy": "lib.xlogy(x.relu(), y.abs())",
    "lerp": "lib.lerp(x, y, 0.3) + lib.addcmul(x, x, y, value=0.5) + lib.addcdiv(x, x, y.abs() + 1, value=2)", "hypot": "lib.hypot(x, y)",
    "cast": "x.long() + x.int() + (x > 0).float() + x.bool().long()", "bits": "(n & 3) + (n | 4) + (n ^ 1) + ~n",
    "sum": "x.sum(0), x.sum(), x.sum((0, 1), keepdim=True), (x > 0).sum()", "mean": "x.mean(1), x.mean((0, 2), True), x.mean()",
    "var": "x.var(1), x.std(0), lib.std_mean(x)", "prod": "x.prod(1)", "amax": "x.amax(1), x.amin((0, 1)), x.max(1), x.min()",
    "argmax": "x.argmax(1), x.argmin(0, keepdim=True), x.argmax()", "any": "(x > 1).any(1), (x > -2).all(), x.all(0)",
    "norm": "x.norm(dim=1), x.norm(), lib.linalg.vector_norm(x, 3, dim=1)", "logsumexp": "x.logsumexp(1), x.logcumsumexp(1)",
    "cumsum": "x.cumsum(1), x.flip(1).cumsum(0)", "sort": "x.sort(1), x.topk(2, 1), x.argsort(0, descending=True)", "median": "x.median(1)",
    "view": "x.view(x.shape[0], -1), x.reshape(-1), x.flatten(1, 2), x.unflatten(2, (2, 2))", "permute": "x.permute(2, 0, 1), x.mT, x.transpose(0, 2)",
    "squeeze": "x.unsqueeze(1).squeeze(), x[:, None, :, None]", "expand": "x[:, :1].expand(-1, 5, -1), x[:1].expand_as(y), y.broadcast_to(2, *y.shape)",
    "repeat": "x.repeat(2, 1, 3), x.repeat_interleave(2, 1), x.tile(2)", "cat": "lib.cat([x, y, x], 1), lib.cat([x, y])", "stack": "lib.stack([x, y], 1)",
    "split": "x.split(2, 2)[1], x.chunk(3, 1)[-1], x.unbind(2)[0], x.tensor_split(2, 1)[0]", "slices": "x[:, 1:], x[:, ::2], x[..., -1], x[-1], x[1:, 0, -2:]",
    "flip": "x.flip(0, 2), x.roll(1, 0), x.roll((1, -1), (1, 2)), x.rot90(1, (1, 2))", "tril": "x.tril(), x.triu(1), (x > 0).tril(-1)",
    "diagonal": "x.diagonal(0, 1, 2), x[:, 0].diag_embed()", "gather": "x.gather(1, n), x.take_along_dim(n, 1)", "index_select": "x.index_select(2, lib.tensor([3, 0])), x[:, [2, 0]]",
    "index_many": "x[:, [0, 1], [2, 3]], x[[0, 1], :, [1, 2]], x[n[:, 0, 0] % 2, 1]", "scatter": "x.scatter(1, n, y), x.scatter_add(1, n, y), x.scatter(1, n, 2.0)",
    "scatter_reduce": "x.scatter_reduce(1, n, y, 'amax'), x.scatter_reduce(1, n, y, 'prod')", "index_add": "x.index_add(1, lib.tensor([0, 2]), y[:, :2])", "one_hot": "lib.nn.functional.one_hot(n, 5)",
    "index_put": "x.index_put((lib.tensor([0, 1]), lib.tensor([1, 2])), lib.tensor(5.0))", "windows": "x.unfold(2, 2, 1), x.unfold(1, 2, 2)",
    "matmul": "x @ y.mT, lib.bmm(x, y.mT), x[0] @ x[0, 0], lib.baddbmm(x @ y.mT, x, y.mT)", "einsum": "lib.einsum('bij,bkj->bik', x, y), lib.einsum('bij->b', x)", "tensordot": "lib.tensordot(x, y, dims=([0, 1], [0, 1]))",
    "outer": "lib.outer(x[0, 0], y[0, 1]), lib.kron(x[0], y[0, :2])", "cdist": "lib.cdist(x, y)", "meshgrid": "lib.meshgrid(x[0, 0], y[0, 1], indexing='ij')",
    "linspace": "x + lib.linspace(0, 1, 4), x + lib.arange(4) + lib.eye(4)[:3], x + lib.zeros_like(x) + lib.ones(3, 1)", "batch_size": "x * x.shape[0] + lib.arange(x.shape[0])[:, None, None], lib.zeros(x.shape[0], 2)",
    "mean_of_batch": "x.sum(0) / len(x), x.var(0), x.std((0, 1))", "searchsorted": "lib.searchsorted(lib.tensor([-1.0, 0.0, 1.0]), x), lib.bucketize(y, lib.tensor([-1.0, 0.0]))",
    "attention": "lib.nn.functional.scaled_dot_product_attention(x, y, y, is_causal=True)", "normalize": "lib.nn.functional.normalize(x, dim=1)",
    "losses": "lib.nn.functional.mse_loss(x, y), lib.nn.functional.l1_loss(x, y), lib.nn.functional.smooth_l1_loss(x, y), lib.nn.functional.huber_loss(x, y, delta=0.5)",
    "cross_entropy": "lib.nn.functional.cross_entropy(x, n[:, 0]), lib.nn.functional.cross_entropy(x, n[:, 0], ignore_index=1, reduction='sum', label_smoothing=0.1)",
    "nll_loss": "lib.nn.functional.nll_loss(x.log_softmax(1), n[:, 0], reduction='none'), lib.nn.functional.kl_div(x.log_softmax(1), y.softmax(1), reduction='batchmean')",
    "bce": "lib.nn.functional.binary_cross_entropy_with_logits(x, y.sigmoid()), lib.nn.functional.binary_cross_entropy(x.sigmoid(), y.sigmoid()), lib.nn.functional.gaussian_nll_loss(x, y, y.abs())",
    "nan_to_num": "(x / 0).nan_to_num(1.0, 2.0, 3.0)", "in_place": "in_place(lib, x, y)", "views_written": "views_written(x, y)", "cache": "cache(lib, x, y)", "detached": "detached(x)",
}  # fmt: skip


def in_place(lib, x, y):
    z = x.clone()
    z.add_(1).mul_(y).relu_()
    z += y
    z[z > 2] = 0.5
    return z.clamp_(max=1.5), lib.zeros_like(x).copy_(y)


def views_written(x, y):
    z = x * 1
    before, row, turned = z.clone(), z[:, 1], z.transpose(1, 2)
    z[:, 0] = y[:, 1]
    row.add_(y[:, 0])
    turned[:, 2] = -1.0
    z[..., ::2].mul_(2)
    z.view(-1)[:3] = 7
    return z, before, row, turned


def cache(lib, x, y):
    kept = lib.zeros(x.shape[0], 5, 4)
    kept[:, :3] = x
    kept[:, 3:] = y[:, :2]
    return kept.sum(1), kept


def detached(x):
    y = x + 1
    y.detach().zero_()
    y.data[:, 0] = 2
    return y, y.unsqueeze_(1)


def cases(lib):
    """All of them, for ``lib``: {name: (model, inputs, dynamic shapes)}."""
    attention = lib.nn.MultiheadAttention(8, 2, batch_first=True)
    layer = lib.nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)
    encoder = lib.nn.TransformerEncoder(lib.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
    more = SimpleNamespace(
        nn=lib.nn, randn=lib.randn, attention=attention, decoder=lib.nn.TransformerDecoder(layer, 1), encoder=encoder
    )
    found = {name: (model, (x,), (BATCH,)) for name, (model, x) in modules(more).items()}
    found |= {name: (getattr(lib.nn, kind)(), (lib.randn(3, 4),), (BATCH,)) for name, kind in ACTIVATIONS.items()}
    x, y = lib.randn(2, 3, 4), lib.randn(2, 3, 4)
    n = lib.randint(0, 3, (2, 3, 4))
    for name, text in FUNCTIONS.items():
        found[f"f_{name}"] = (function(lib, text), (x, y, n), (BATCH,) * 3)
    tokens = lib.randint(0, 7, (2, 5))
    found["embedding"] = (lib.nn.Embedding(7, 3, padding_idx=0), (tokens,), ({0: "batch", 1: "time"},))
    found["embedding_bag"] = (lib.nn.EmbeddingBag(7, 3), (tokens,), (BATCH,))
    return found


def function(lib, text):
    names = {"lib": lib, "in_place": in_place, "views_written": views_written, "cache": cache, "detached": detached}
    body = eval(f"lambda x, y, n: ({text})", names)

    class Function(lib.nn.Module):
        def forward(self, x, y, n):
            return body(x, y, n)

    return Function()


def TwoInputs(lib, model):
    """A model of two, given one input and a part of it turned round."""

    class Two(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            return self.model(x, x.flip(1) * 0.5)

    return Two()


def First(lib, model):
    class OutputAlone(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            return self.model(x)[0]

    return OutputAlone()


def Unpooled(lib):
    class PooledAndBack(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.pool = lib.nn.MaxPool2d(2, return_indices=True)
            self.back = lib.nn.MaxUnpool2d(2)

        def forward(self, x):
            return self.back(*self.pool(x))

    return PooledAndBack()
