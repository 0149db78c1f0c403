"""Attention by several heads.   torch: nn/modules/activation.py"""

from ..absent import absent
from ..creation import empty
from . import functional as F
from . import init
from .linear import NonDynamicallyQuantizableLinear
from .module import Module
from .parameter import Parameter
from .sdp_backend import SDPBackend, sdpa_kernel

__all__ = ["MultiheadAttention", "SDPBackend", "sdpa_kernel"]

__getattr__ = absent(__name__)


class MultiheadAttention(Module):
    """softmax(Q Kᵀ / √d) V by ``num_heads`` heads, on projections of query, key and value to d = embed_dim / num_heads.

    query: (L, N, embed_dim), key: (S, N, kdim), value: (S, N, vdim), N first if batch_first, or without N → the output,
    like query, and the weights, (N, L, S), averaged over the heads unless average_attn_weights=False, None unless
    need_weights. Masks are True, or -inf, where nobody may look: key_padding_mask (N, S), attn_mask (L, S) or
    (N · num_heads, L, S). add_bias_kv learns a key and a value more, add_zero_attn adds one of zeros.

    torch: nn.MultiheadAttention.   Vaswani et al. 2017, arXiv:1706.03762

    >>> x = torch.zeros(5, 2, 4)
    >>> output, weights = nn.MultiheadAttention(4, 2)(x, x, x)
    >>> output.shape, weights.shape
    (torch.Size([5, 2, 4]), torch.Size([2, 5, 5]))
    """

    def __init__(
        self, embed_dim, num_heads, dropout=0.0, bias=True, add_bias_kv=False, add_zero_attn=False, kdim=None, vdim=None,
        batch_first=False, device=None, dtype=None,
    ):  # fmt: skip
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        super().__init__()
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.head_dim, self.add_zero_attn = embed_dim // num_heads, add_zero_attn
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")

        shapes = {
            "q_proj_weight": (embed_dim, embed_dim), "k_proj_weight": (embed_dim, self.kdim),
            "v_proj_weight": (embed_dim, self.vdim), "in_proj_weight": (3 * embed_dim, embed_dim),
        }  # fmt: skip
        used = {"in_proj_weight"} if self._qkv_same_embed_dim else set(shapes) - {"in_proj_weight"}
        order = sorted(shapes, key=lambda name: name not in used)
        for name in order:
            weight = Parameter(empty(shapes[name], device=device, dtype=dtype)) if name in used else None
            self.register_parameter(name, weight)
        self.register_parameter(
            "in_proj_bias", Parameter(empty(3 * embed_dim, device=device, dtype=dtype)) if bias else None
        )
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, device=device, dtype=dtype)
        if add_bias_kv:
            self.bias_k = Parameter(empty((1, 1, embed_dim), device=device, dtype=dtype))
            self.bias_v = Parameter(empty((1, 1, embed_dim), device=device, dtype=dtype))
        else:
            self.bias_k = self.bias_v = None
        self._reset_parameters()

    def _reset_parameters(self):
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(
        self, query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None, average_attn_weights=True,
        is_causal=False,
    ):  # fmt: skip
        turned = self.batch_first and query.dim() == 3
        if turned:
            query, key, value = _together(lambda x: x.transpose(1, 0), query, key, value)
        separate = None if self._qkv_same_embed_dim else True
        output, weights = F.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k,
            self.bias_v, self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias,
            training=self.training, key_padding_mask=key_padding_mask, need_weights=need_weights, attn_mask=attn_mask,
            use_separate_proj_weight=bool(separate), q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight, v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights, is_causal=is_causal,
        )  # fmt: skip
        return output.transpose(1, 0) if turned else output, weights

    def __setstate__(self, state):
        super().__setstate__({"_qkv_same_embed_dim": True, **state})  # states of PyTorch 1.1 lack it


def _together(change, query, key, value):
    """The three changed; what was one tensor is one still, so that one product can serve it."""
    changed = {id(x): change(x) for x in (query, key, value)}
    return [changed[id(x)] for x in (query, key, value)]
