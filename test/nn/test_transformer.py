"""Attention by many heads and the transformer's layers, against PyTorch's."""

import copy
import itertools
import pickle

import numpy
import pytest
from oracle import agree, same_first_line

import minitorch

TOLERANCE = {"float32": (1e-4, 2e-5), "float64": (1e-8, 1e-10)}


def numbers(t, *shape, seed=0, dtype="float64"):
    drawn = numpy.random.default_rng((seed, *shape)).standard_normal(shape).astype(dtype)
    return t.tensor(drawn).requires_grad_()


def with_gradients(t, outputs, leaves):
    """The outputs, and the gradients of the leaves by a fixed direction."""
    outputs = [y for y in outputs if y is not None]
    total = sum([(y.double() * t.cos(t.arange(1.0, y.numel() + 1, dtype=t.float64)).reshape(y.shape)).sum() for y in outputs])
    leaves = [x for x in leaves if x.requires_grad]
    return [y.detach() for y in outputs], list(t.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True))


def hidden(t, *shape, seed=0):
    """A mask, True where nobody may look; the first key is seen by all."""
    drawn = numpy.random.default_rng((seed, *shape)).random(shape) < 0.4
    drawn[..., 0] = False
    return t.tensor(drawn)


def as_numbers(t, mask):
    return t.zeros(mask.shape, dtype=t.float64).masked_fill(mask, -float("inf"))


# ------------------------------------------------------------------------------------------------------------ attention

ATTENTION = ["", "bias=False", "add_bias_kv=True", "add_zero_attn=True", "kdim=3, vdim=5", "dropout=0.3", "batch_first=True",
             "bias=False, add_bias_kv=True, add_zero_attn=True, kdim=3, dropout=0.2, batch_first=True"]  # fmt: skip
CALLS = [
    {"need_weights": need, "average_attn_weights": average} for need, average in ((True, True), (True, False), (False, True))
]


def heads(t, options, training=True):
    t.manual_seed(2)
    m = eval(f"t.nn.MultiheadAttention(4, 2, {options})", {"t": t}).double().train(training)
    with t.no_grad():  # biases start at 0, and would hide what they do
        for p in m.parameters():
            p.add_(0.1)
    return m


def inputs(t, m, batched=True, length=5):
    shapes = [(3, m.embed_dim), (length, m.kdim), (length, m.vdim)]
    if batched:
        shapes = [(2, n, e) if m.batch_first else (n, 2, e) for n, e in shapes]
    return [numbers(t, *shape, seed=i) for i, shape in enumerate(shapes)]


@pytest.mark.parametrize("call", CALLS, ids=str)
@pytest.mark.parametrize("options", ATTENTION)
def test_attention_is_pytorchs(options, call):
    for batched, training, padded, masked in itertools.product((True, False), (True, False), (True, False), (None, 2, 3)):

        def program(t, batched=batched, training=training, padded=padded, masked=masked):
            m = heads(t, options, training)
            query, key, value = inputs(t, m, batched)
            masks = {"key_padding_mask": hidden(t, *((2, 5) if batched else (5,)))} if padded else {}
            if masked:
                masks["attn_mask"] = hidden(t, *((3, 5) if masked == 2 else (4 if batched else 2, 3, 5)))
            t.manual_seed(3)
            found = m(query, key, value, **masks, **call)
            return repr(m), m.state_dict(), with_gradients(t, found, [query, key, value, *m.parameters()])

        agree(program, TOLERANCE)


@pytest.mark.parametrize("same", ["x, x, x", "x, y, y", "x, y, z"])
@pytest.mark.parametrize("call", ["", "need_weights=False", "attn_mask=numbers", "attn_mask=mask, is_causal=True",
                                  "attn_mask=mask, is_causal=True, need_weights=False",
                                  "attn_mask=mask, is_causal=True, need_weights=False, key_padding_mask=padding",
                                  "attn_mask=numbers, key_padding_mask=padding"])  # fmt: skip
def test_inputs_that_are_one_tensor(same, call):
    """One product serves inputs that are the same tensor. Masks of two dtypes bring a warning."""

    def program(t):
        m = heads(t, "")
        x, y, z = [numbers(t, 5, 2, 4, seed=i) for i in range(3)]
        mask = t.ones(5, 5, dtype=t.bool).triu(1)
        names = {"m": m, "x": x, "y": y, "z": z, "mask": mask, "numbers": as_numbers(t, mask), "padding": hidden(t, 2, 5)}
        found = eval(f"m({same}, {call})", names)
        return with_gradients(t, found, [m.in_proj_weight, m.in_proj_bias, x])

    agree(program, TOLERANCE)


@pytest.mark.parametrize("call", CALLS, ids=str)
@pytest.mark.parametrize("masks", [{}, {"key_padding_mask": (2, 5)}, {"attn_mask": (5, 5)}, {"attn_mask": (4, 5, 5)},
                                   {"attn_mask": (5, 5), "key_padding_mask": (2, 5)}], ids=str)  # fmt: skip
def test_evaluation_without_gradients(masks, call):
    """There PyTorch goes another way."""

    def program(t):
        m = heads(t, "batch_first=True", training=False)
        x = numbers(t, 2, 5, 4)
        with t.no_grad():
            return m(x, x, x, **{name: hidden(t, *shape) for name, shape in masks.items()}, **call)

    agree(program, TOLERANCE)


def test_keys_and_values_that_are_given():
    def program(t):
        m, static = heads(t, ""), [numbers(t, 4, 7, 2, seed=i) for i in (8, 9)]
        x = numbers(t, 5, 2, 4)
        found = t.nn.functional.multi_head_attention_forward(
            x, x, x, 4, 2, m.in_proj_weight, m.in_proj_bias, None, None, False, 0.0, m.out_proj.weight, m.out_proj.bias,
            static_k=static[0], static_v=static[1],
        )  # fmt: skip
        return with_gradients(t, found, [x, *static, m.in_proj_weight])

    agree(program, TOLERANCE)


WRONG = [
    "t.nn.MultiheadAttention(0, 2)",
    "t.nn.MultiheadAttention(4, 0)",
    "t.nn.MultiheadAttention(4, 3)",
    "m(z(3), z(3), z(3))",
    "m(z(5, 2, 4), z(5, 4), z(5, 2, 4))",
    "m(z(5, 4), z(5, 2, 4), z(5, 4))",
    "m(z(5, 2, 6), z(5, 2, 6), z(5, 2, 6))",
    "m(z(5, 2, 4), z(5, 2, 4), z(6, 2, 4))",
    "m(z(5, 2, 4), z(5, 2, 4), z(5, 2, 4), key_padding_mask=z(5))",
    "m(z(5, 2, 4), z(5, 2, 4), z(5, 2, 4), key_padding_mask=z(5, 2))",
    "m(z(5, 2, 4), z(5, 2, 4), z(5, 2, 4), key_padding_mask=z(2, 6))",
    "m(z(5, 2, 4), z(5, 2, 4), z(5, 2, 4), key_padding_mask=z(2, 5).long())",
    "m(z(5, 4), z(5, 4), z(5, 4), key_padding_mask=z(1, 5))",
    "m(z(5, 2, 4), z(5, 2, 4), z(5, 2, 4), attn_mask=z(5))",
    "m(z(5, 2, 4), z(5, 2, 4), z(5, 2, 4), attn_mask=z(5, 6))",
    "m(z(5, 2, 4), z(5, 2, 4), z(5, 2, 4), attn_mask=z(3, 5, 5))",
    "m(z(5, 2, 4), z(5, 2, 4), z(5, 2, 4), attn_mask=z(5, 5).int())",
    "m(z(5, 4), z(5, 4), z(5, 4), attn_mask=z(5))",
    "m(z(5, 4), z(5, 4), z(5, 4), attn_mask=z(3, 5, 5))",
    "m(z(5, 2, 4), z(5, 2, 4), z(5, 2, 4), is_causal=True)",
    "t.nn.MultiheadAttention(4, 2, kdim=3)(z(5, 2, 4), z(5, 2, 4), z(5, 2, 4))",
    "t.nn.MultiheadAttention(4, 2, vdim=3)(z(5, 2, 4), z(5, 2, 4), z(5, 2, 4))",
    "t.nn.MultiheadAttention(4, 2, kdim=3)(z(5, 2, 4), z(5, 2, 3), z(6, 2, 4))",
    "F(z(5, 2, 4), z(5, 2, 4), z(5, 2, 4), 4, 2, None, None, None, None, False, 0.0, z(4, 4), None)",
    "F(z(5, 2, 4), z(5, 2, 4), z(5, 2, 4), 4, 3, None, None, None, None, False, 0.0, z(4, 4), None)",
    "F(z(5, 2, 4), z(5, 2, 4), z(5, 2, 4), 4, 2, z(12, 4), None, z(1, 1, 4), None, False, 0.0, z(4, 4), None)",
    "F(z(5, 2, 4), z(5, 2, 4), z(5, 2, 4), 4, 2, z(12, 4), None, None, z(1, 1, 4), False, 0.0, z(4, 4), None)",
    "F(*[z(5, 2, 4)] * 3, 4, 2, z(12, 4), None, *[z(1, 1, 4)] * 2, False, 0.0, z(4, 4), None, static_k=z(4, 5, 2))",
    "F(*[z(5, 2, 4)] * 3, 4, 2, z(12, 4), None, *[z(1, 1, 4)] * 2, False, 0.0, z(4, 4), None, static_v=z(4, 5, 2))",
    "F(*[z(5, 2, 4)] * 3, 4, 2, z(12, 4), None, None, None, False, 0.0, z(4, 4), None, static_k=z(3, 5, 2))",
    "F(*[z(5, 2, 4)] * 3, 4, 2, z(12, 4), None, None, None, False, 0.0, z(4, 4), None, static_v=z(4, 5, 3))",
    "F(*[z(5, 2, 4)] * 3, 4, 2, None, None, None, None, False, 0.0, z(4, 4), None, use_separate_proj_weight=True)",
    "t.nn.TransformerEncoderLayer(4, 2, activation='tanh')",
    "t.nn.Transformer(4, 2, 1, 1, 8)(z(5, 2, 4), z(5, 3, 4))",
    "t.nn.Transformer(4, 2, 1, 1, 8, batch_first=True)(z(5, 2, 4), z(4, 2, 4))",
    "t.nn.Transformer(4, 2, 1, 1, 8, batch_first=True)(z(5, 2, 6), z(5, 2, 4))",
]


@pytest.mark.parametrize("text", WRONG)
@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
def test_complains_as_pytorch_does(text):
    same_first_line(lambda t: eval(text, {"t": t, "z": t.zeros, "m": t.nn.MultiheadAttention(4, 2),
                                          "F": t.nn.functional.multi_head_attention_forward}))  # fmt: skip


# -------------------------------------------------------------------------------------------------------- the transformer

LAYER = ["", "norm_first=True", "activation='gelu'", "activation=t.nn.SiLU()", "bias=False", "batch_first=True", "dropout=0.0",
         "layer_norm_eps=1e-2, norm_first=True, batch_first=True, activation=t.nn.functional.gelu"]  # fmt: skip
MODELS = [
    *[(f"t.nn.TransformerEncoderLayer(4, 2, 8, {o})", "(x,)", ["src_mask", "src_key_padding_mask"]) for o in LAYER],
    *[(f"t.nn.TransformerDecoderLayer(4, 2, 8, {o})", "(y, x)",
       ["tgt_mask", "memory_mask", "tgt_key_padding_mask", "memory_key_padding_mask"]) for o in LAYER],
    *[(f"t.nn.TransformerEncoder(t.nn.TransformerEncoderLayer(4, 2, 8, {o}), 2)", "(x,)", ["mask", "src_key_padding_mask"])
      for o in LAYER[:6]],
    *[(f"t.nn.TransformerDecoder(t.nn.TransformerDecoderLayer(4, 2, 8, {o}), 2, t.nn.LayerNorm(4))", "(y, x)",
       ["tgt_mask", "memory_mask", "memory_key_padding_mask"]) for o in LAYER[:2]],
    *[(f"t.nn.Transformer(4, 2, 2, 1, 8, {o})", "(x, y)", ["src_mask", "tgt_mask", "src_key_padding_mask"]) for o in LAYER],
]  # fmt: skip


def mask_of(t, name):
    """The source has 5 steps, the target 3; the source's padding is at its end."""
    length = 5 if "src" in name or "memory" in name or name == "mask" else 3
    if "padding" in name:
        return t.arange(length) >= t.tensor([[length], [length - 2]])
    rows = 3 if "tgt" in name or "memory" in name else 5
    return t.ones(rows, length, dtype=t.bool).triu(1)


@pytest.mark.parametrize("training, gradients", [(True, True), (False, True), (False, False)])
@pytest.mark.parametrize("constructor, call, masks", MODELS, ids=str)
def test_transformer_is_pytorchs(constructor, call, masks, training, gradients):
    for used in ([], *[[name] for name in masks], masks):

        def program(t, used=used):
            t.manual_seed(2)
            m = eval(constructor, {"t": t}).double().train(training)
            x, y = [numbers(t, *((2, n, 4) if "batch_first" in constructor else (n, 2, 4)), seed=n) for n in (5, 3)]
            t.manual_seed(3)
            with t.set_grad_enabled(gradients):
                found = m(*eval(call, {"x": x, "y": y}), **{name: mask_of(t, name) for name in used})
            if not gradients:
                return found
            leaves = [x, y, *m.parameters()]
            return repr(m), m.state_dict(), with_gradients(t, [found], leaves)

        agree(program, TOLERANCE)


@pytest.mark.parametrize("options", ["norm=t.nn.LayerNorm(4)", "enable_nested_tensor=False", "mask_check=False"])
@pytest.mark.parametrize("padding", [[5, 3], [5, 5], [2, 4]])
def test_what_an_encoder_leaves_where_it_was_padded(options, padding):
    def program(t):
        t.manual_seed(2)
        layer = t.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        m = eval(f"t.nn.TransformerEncoder(layer, 2, {options})", {"t": t, "layer": layer}).eval()
        with t.no_grad():
            x = numbers(t, 2, 5, 4, dtype="float32")
            return m(x, src_key_padding_mask=t.arange(5) >= t.tensor(padding).unsqueeze(1))

    agree(program, TOLERANCE)


def test_padding_at_the_front_is_not_packed():
    def program(t):
        t.manual_seed(2)
        m = t.nn.TransformerEncoder(t.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2).eval()
        with t.no_grad():
            mask = t.tensor([[True, False, False], [False, False, False]])
            return m(numbers(t, 2, 3, 4, dtype="float32"), src_key_padding_mask=mask)

    agree(program, TOLERANCE)


@pytest.mark.parametrize("is_causal", [None, True, False])
def test_triangles(is_causal):
    def program(t):
        t.manual_seed(2)
        m, x = t.nn.Transformer(4, 2, 1, 1, 8).double(), numbers(t, 5, 2, 4)
        mask = m.generate_square_subsequent_mask(5, dtype=t.float64)
        found = m(x, x, src_mask=mask, tgt_mask=mask, src_is_causal=is_causal, tgt_is_causal=is_causal)
        return mask, t.nn.Transformer.generate_square_subsequent_mask(0), with_gradients(t, [found], [x])

    agree(program, TOLERANCE)


def test_unbatched():
    def program(t):
        t.manual_seed(2)
        m, x, y = t.nn.Transformer(4, 2, 1, 1, 8, batch_first=True).double(), numbers(t, 5, 4), numbers(t, 3, 4)
        return with_gradients(t, [m(x, y)], [x, y, *m.parameters()])

    agree(program, TOLERANCE)


def test_parts_of_ones_own():
    def program(t):
        t.manual_seed(2)
        layer = t.nn.TransformerDecoderLayer(4, 2, 8)
        m = t.nn.Transformer(4, 2, 1, 1, 8, custom_decoder=t.nn.TransformerDecoder(layer, 1))
        return repr(m), m.state_dict()

    agree(program, TOLERANCE)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_copies(again):
    m = minitorch.nn.Transformer(4, 2, 1, 1, 8).eval()
    other, x = again(m), minitorch.ones(3, 2, 4)
    assert repr(other) == repr(m)
    assert bool((m(x, x) == other(x, x)).all())
