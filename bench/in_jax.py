"""The same steps in JAX, as its users write them: pure functions of parameters and states, jitted whole.

``build(name)`` makes the workload in minitorch first, and takes its weights and its data: both begin with the same numbers.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
from models import HEADS, LAYERS, LETTERS, STEPS, WIDTH

import minitorch

__all__ = ["build"]


# ---------------------------------------------------------------------------------------------------------
# Layers: p is a dict of arrays by PyTorch's names

def linear(p, name, x):
    y = x @ p[f"{name}.weight"].T
    return y + p[f"{name}.bias"] if f"{name}.bias" in p else y


def layer_norm(p, name, x):
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / jnp.sqrt(var + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]


def conv(p, name, x, stride=1, padding=0):
    pads = [(padding, padding)] * 2
    y = jax.lax.conv_general_dilated(x, p[f"{name}.weight"], (stride, stride), pads, dimension_numbers=("NCHW", "OIHW", "NCHW"))
    return y + p[f"{name}.bias"][:, None, None] if f"{name}.bias" in p else y


def batch_norm(p, name, x):
    """With the batch's own statistics; the running ones are told beside: (y, mean, unbiased variance)."""
    mean, var = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
    y = (x - mean) / jnp.sqrt(var + 1e-5) * p[f"{name}.weight"][:, None, None] + p[f"{name}.bias"][:, None, None]
    n = x.size // x.shape[1]
    return y, {name: (mean.ravel(), var.ravel() * n / (n - 1))}


def cross_entropy(x, y):
    return -jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], 1).mean()


# ---------------------------------------------------------------------------------------------------------
# Models: loss(p, x, y) → (loss, running statistics)

def mlp(p, x, y):
    names = sorted({name.split(".")[0] for name in p}, key=int)
    for name in names[:-1]:
        x = jax.nn.relu(linear(p, name, x))
    x = linear(p, names[-1], x)
    return (((x - y) ** 2).mean() if y.dtype == x.dtype else cross_entropy(x, y)), {}


def cnn(p, x, y):
    x = jax.nn.relu(conv(p, "2", jax.nn.relu(conv(p, "0", x))))
    x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    x = jax.nn.relu(linear(p, "6", x.reshape(len(x), -1)))
    return cross_entropy(linear(p, "8", x), y), {}


def residual_net(p, x, y):
    seen = {}

    def normed(name, x):
        out, found = batch_norm(p, name, x)
        seen.update(found)
        return out

    x = jax.nn.relu(normed("1", conv(p, "0", x, 1, 1)))
    for name, stride in (("3", 1), ("4", 2), ("5", 2)):
        z = jax.nn.relu(normed(f"{name}.bn1", conv(p, f"{name}.conv1", x, stride, 1)))
        z = normed(f"{name}.bn2", conv(p, f"{name}.conv2", z, 1, 1))
        x = jax.nn.relu(z + (x if stride == 1 else conv(p, f"{name}.way", x, stride)))
    return cross_entropy(linear(p, "8", x.mean((2, 3))), y), seen


def heads(p, name, x):
    parts = jnp.split(linear(p, f"{name}.qkv", layer_norm(p, f"{name}.ln1", x)), 3, 2)
    return [t.reshape(len(x), -1, HEADS, WIDTH // HEADS).transpose(0, 2, 1, 3) for t in parts]


def attention(q, k, v, seen):
    scores = jnp.where(seen, q @ k.transpose(0, 1, 3, 2) / math.sqrt(q.shape[-1]), -jnp.inf)
    return jax.nn.softmax(scores, -1) @ v


def after(p, name, x, y):
    x = x + linear(p, f"{name}.proj", y.transpose(0, 2, 1, 3).reshape(x.shape))
    up = linear(p, f"{name}.up", layer_norm(p, f"{name}.ln2", x))
    return x + linear(p, f"{name}.down", jax.nn.gelu(up, approximate=False))


def gpt(p, x, y):
    length = x.shape[1]
    x = p["letters.weight"][x] + p["places.weight"]
    seen = jnp.tril(jnp.ones((length, length), bool))
    for k in range(LAYERS):
        x = after(p, f"blocks.{k}", x, attention(*heads(p, f"blocks.{k}", x), seen))
    return cross_entropy(linear(p, "head", layer_norm(p, "ln", x)).reshape(-1, LETTERS), y.reshape(-1)), {}


def letter(p, x, position, caches):
    x = p["letters.weight"][x] + p["places.weight"][position]
    seen, kept = jnp.arange(len(p["places.weight"])) <= position, []
    for k, (keys, values) in enumerate(caches):
        q, key, value = heads(p, f"blocks.{k}", x)
        keys, values = keys.at[:, :, position].set(key), values.at[:, :, position].set(value)
        x = after(p, f"blocks.{k}", x, attention(q, keys, values, seen))
        kept.append((keys, values))
    x = linear(p, "head", layer_norm(p, "ln", x)).reshape(1, LETTERS)
    return x.argmax(1)[:, None], jax.nn.logsumexp(x, 1), kept


def lstm(p, x, y):
    gates = p["letters.weight"][x] @ p["lstm.weight_ih_l0"].T + p["lstm.bias_ih_l0"] + p["lstm.bias_hh_l0"]

    def step(state, z):
        h, c = state
        i, f, g, o = jnp.split(z + h @ p["lstm.weight_hh_l0"].T, 4, 1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zero = jnp.zeros((len(x), WIDTH))
    _, out = jax.lax.scan(step, (zero, zero), gates.transpose(1, 0, 2))
    return cross_entropy(linear(p, "head", out.transpose(1, 0, 2)).reshape(-1, LETTERS), y.reshape(-1)), {}


# ---------------------------------------------------------------------------------------------------------
# Optimizers: (parameters, gradients, states) → (parameters, states)

def sgd(p, g, state, lr, momentum=0.0):
    if not momentum:
        return jax.tree.map(lambda p, g: p - lr * g, p, g), state
    state = jax.tree.map(lambda m, g: momentum * m + g, state, g)
    return jax.tree.map(lambda p, m: p - lr * m, p, state), state


def adam(p, g, state, lr, decay=0.0):
    m, v, t = state
    t = t + 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
    size, root = lr / (1 - 0.9**t), jnp.sqrt(1 - 0.999**t)
    p = jax.tree.map(lambda p, m, v: p * (1 - lr * decay) - size * m / (jnp.sqrt(v) / root + 1e-8), p, m, v)
    return p, (m, v, t)


def none(p, g, state):
    return p, state


def zeros(p):
    return jax.tree.map(jnp.zeros_like, p)


def moments(p):
    return zeros(p), zeros(p), jnp.zeros(())


PARTS = {
    "SGD": (partial(sgd, lr=0.05), lambda p: ()),
    "Adam": (partial(adam, lr=0.01), moments),
    "AdamW": (partial(adam, lr=1e-3, decay=0.01), moments),
}
MODELS = {"MLP": mlp, "width": mlp, "MNIST": cnn, "residual": residual_net, "GPT": gpt, "LSTM": lstm}


def optimizer_of(name):
    kind = name.split()[-1]
    if kind == "forward":
        return none, lambda p: ()
    if name.startswith("residual"):
        return partial(sgd, lr=0.01, momentum=0.9), zeros
    if name.startswith("width"):
        return partial(sgd, lr=0.01), lambda p: ()
    return PARTS[kind] if "2-16" in name or kind == "AdamW" else (partial(adam, lr=1e-3), moments)


# ---------------------------------------------------------------------------------------------------------

def array(tensor):
    """A copy: minitorch writes into its own."""
    x = jnp.array(tensor.detach().numpy())
    return x.astype(jnp.int32) if x.dtype == jnp.int64 else x


def build(name):
    """``step()``, as those of models.py: it gives the loss, an array."""
    made = STEPS[name].build(minitorch)
    p = {key: array(x) for key, x in made.model.named_parameters()}
    if name == "GPT 64 letters":
        return generation(p, made)
    loss_of, (update, states) = MODELS[name.split()[0]], optimizer_of(name)
    batches = [(array(x), array(y)) for x, y in made.batches]

    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(p, state, running, x, y):
        if update is none:
            return p, state, running, loss_of(p, x, y)[0]
        (loss, seen), g = jax.value_and_grad(loss_of, has_aux=True)(p, x, y)
        p, state = update(p, g, state)
        running = {k: tuple([0.9 * a + 0.1 * b for a, b in zip(running[k], new, strict=True)]) for k, new in seen.items()}
        return p, state, running, loss

    running = {k[:-7]: (jnp.zeros_like(x), jnp.ones_like(x)) for k, x in p.items() if x.ndim == 1 and k.endswith("weight")}
    held = [p, states(p), running if name.startswith("residual") else {}]
    count = 0

    def run():
        nonlocal count
        x, y = batches[count % len(batches)]
        count += 1
        *held[:], loss = step(*held, x, y)
        return loss.block_until_ready()

    return run


def generation(p, made):
    length, width = len(made.places), WIDTH // HEADS
    caches = [(jnp.zeros((1, HEADS, length, width)), jnp.zeros((1, HEADS, length, width))) for _ in range(LAYERS)]
    step = jax.jit(letter, donate_argnums=(3,))
    places, first = [array(x) for x in made.places], array(made.first)

    def run():
        nonlocal caches
        x = first
        for position in places:
            x, scores, caches = step(p, x, position, caches)
        return scores.block_until_ready()

    return run
