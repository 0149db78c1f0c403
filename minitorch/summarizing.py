"""``summary(model, input)``: the layers of a model, what each makes, holds and costs.

The model runs once. Hooks tell when a layer is called and what it returns, and a listener at the gate tells each row of
the table that runs in it: the figures are those of what was computed, whatever ``forward`` does.

    FLOPs     2 for each multiplication and addition in a product (linear, matmul, convolution), 1 for each element that
              another row makes of floats, or that a reduction takes in; softmax takes 5 an element
    products  of these, the products' alone, without bias: what PyTorch's torch.utils.flop_counter counts
    bytes     what the rows read and write, all of each array; a view moves none
"""

import math
from dataclasses import dataclass

from .engine import Tensor
from .modes import no_grad
from .nn import Module
from .nn.watching import Watch
from .random import fork_rng, randn

__all__ = ["LayerSummary", "Summary", "summary"]


# ---------------------------------------------------------------------------------------------------------
# What a row costs


PER_ELEMENT = {
    "alias": 0, "assign": 0, "cast": 0, "copy": 0, "keep": 0, "where": 0,  # nothing is computed
    "add_scaled": 2, "addcdiv": 3, "addcmul": 3, "lerp": 3,
    "log_softmax": 5, "softmax": 5,  # largest, subtract, exp, sum, divide
}  # fmt: skip
"""Operations for an element, of the elementwise rows and the reductions where it isn't 1."""


def products_of(row, inputs, params, out):
    """2 for each multiplication and addition of a product."""
    if row.name in ("linear", "matmul"):
        return 2 * out.numel() * inputs[0].shape[-1]
    if row.name == "conv":
        return 2 * out.numel() * math.prod(inputs[1].shape[1:])  # (channels of a group) × kernel, for each number made
    if row.name == "conv_input_grad":  # a transposed convolution: as many for each number read
        return 2 * inputs[0].numel() * math.prod(inputs[1].shape[1:])
    return 0


def flops_of(row, inputs, params, out):
    """(all FLOPs, those of products)."""
    products = products_of(row, inputs, params, out)
    if products:
        bias = row.name in ("linear", "conv") and len(inputs) > 2
        return products + (out.numel() if bias else 0), products
    if not (out.is_floating_point() or out.is_complex()):
        return 0, 0
    if row.kind == "elementwise":
        return PER_ELEMENT.get(row.name, 1) * out.numel(), 0
    if row.kind == "reduction":
        return PER_ELEMENT.get(row.name, 1) * inputs[0].numel(), 0
    return 0, 0


def bytes_of(row, inputs, out):
    """What is read and written, but for views."""
    tensors = [x for x in inputs if isinstance(x, Tensor)]
    if row.view and out.untyped_storage().data_ptr() == tensors[0].untyped_storage().data_ptr():
        return 0
    return sum(x.numel() * x.element_size() for x in [*tensors, out])


# ---------------------------------------------------------------------------------------------------------
# The figures


@dataclass
class LayerSummary:
    """One module: what is its own, without the modules in it. ``total`` of a ``Summary`` adds those."""

    name: str
    """Its path in the model, "" for the model itself."""
    kind: str
    """Its class."""
    depth: int
    calls: int = 0
    output: object = None
    """The shape that the last call returned, or a list or dict of shapes; None where it was never called."""
    parameters: int = 0
    """Its own; what it shares with a module before counts there."""
    trainable: int = 0
    parameter_bytes: int = 0
    flops: int = 0
    products: int = 0
    bytes: int = 0
    first: str | None = None
    """Where the same module stands first, if it isn't here."""


FIGURES = ("parameters", "trainable", "parameter_bytes", "flops", "products", "bytes")


class Summary:
    """The layers of a model with their figures; printing it gives a table."""

    def __init__(self, layers):
        self.layers = layers

    def __getitem__(self, name):
        """The layer of that path. Raises KeyError."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(f"no layer {name!r}: they are {', '.join(repr(layer.name) for layer in self.layers)}")

    def total(self, name=""):
        """{figure: of the layer and all that are in it}."""
        within = [layer for layer in self.layers if not name or layer.name == name or layer.name.startswith(f"{name}.")]
        return {figure: sum(getattr(layer, figure) for layer in within) for figure in FIGURES}

    parameters = property(lambda self: self.total()["parameters"])
    trainable = property(lambda self: self.total()["trainable"])
    flops = property(lambda self: self.total()["flops"])
    bytes = property(lambda self: self.total()["bytes"])

    def __repr__(self):
        return f"<Summary of {self.layers[0].kind}: {len(self.layers) - 1} layers, {self.parameters:,} parameters>"

    def __str__(self):
        return "\n".join(table_of(self))


def table_of(summary, depth=None):
    """Its lines: a row for each layer with all that is in it, then the totals."""
    rows = [("layer", "output", "parameters", "FLOPs", "bytes")]
    for layer in summary.layers:
        if depth is not None and layer.depth > depth:
            continue
        label = "  " * layer.depth + (f"{layer.name.rpartition('.')[2]}: {layer.kind}" if layer.name else layer.kind)
        if layer.first is not None:
            rows.append((label, f"(is {layer.first or 'the model'})", "", "", ""))
            continue
        total = summary.total(layer.name)
        times = f" ×{layer.calls}" if layer.calls > 1 else ""
        output = "–" if layer.output is None else shown(layer.output) + times
        rows.append((label, output, *(f"{total[figure]:,}" for figure in ("parameters", "flops", "bytes"))))

    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["  ".join([row[0].ljust(widths[0]), row[1].ljust(widths[1]), *map(str.rjust, row[2:], widths[2:])]) for row in rows]
    rule = "─" * max(len(line) for line in lines)
    return [lines[0].rstrip(), rule, *[line.rstrip() for line in lines[1:]], rule, *told_totals(summary.total())]


def told_totals(total):
    fixed = total["parameters"] - total["trainable"]
    return [
        f"parameters  {total['parameters']:,} ({total['trainable']:,} trainable, {fixed:,} fixed), "
        f"{amount(total['parameter_bytes'])}B",
        f"FLOPs       {amount(total['flops'], 1000)}, of which {amount(total['products'], 1000)} in products",
        f"bytes       {amount(total['bytes'])}B read and written",
    ]


def amount(number, step=1024):
    """A number with three digits and a prefix: "1.81 G"."""
    if number < step:
        return f"{number} "
    for prefix in ("k", "M", "G", "T", "P"):
        number /= step
        if number < step or prefix == "P":
            return f"{number:.3g} {prefix}{'i' if step == 1024 else ''}"


def shown(shape):
    if isinstance(shape, dict):
        return "{" + ", ".join(f"{key}: {shown(value)}" for key, value in shape.items()) + "}"
    return "[" + ", ".join(shown(part) if isinstance(part, (list, dict, tuple)) else str(part) for part in shape) + "]"


def shapes_in(value):
    """The shapes of the tensors in it: one, or a list or dict of them; None where there are none."""
    if isinstance(value, Tensor):
        return tuple(value.shape)
    if isinstance(value, dict):
        return {key: shapes_in(item) for key, item in value.items() if shapes_in(item) is not None} or None
    if isinstance(value, (tuple, list)):
        return [shapes_in(item) for item in value if shapes_in(item) is not None] or None
    return None


# ---------------------------------------------------------------------------------------------------------
# Running the model


def summary(model, input=None, *, input_size=None, depth=None, verbose=True):
    """Print a table of the model's layers: output shapes, parameters, FLOPs and bytes. Returns the figures, a Summary.

    input: a tensor, or a tuple or list of arguments, or a dict of arguments by name. input_size: instead of it a shape, or
    a list of them, for arguments drawn at random; without both, only parameters are counted. depth: how deep the table
    goes. verbose=False prints nothing.

    The model runs once, as in evaluation and without gradients; its modes and the generator are left as they were.

    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> figures = torch.summary(model, input_size=(16, 4))
    layer        output   parameters  FLOPs  bytes
    ──────────────────────────────────────────────
    Sequential   [16, 2]          58  1,824  2,664
      0: Linear  [16, 8]          40  1,152    928
      1: ReLU    [16, 8]           0    128  1,024
      2: Linear  [16, 2]          18    544    712
    ──────────────────────────────────────────────
    parameters  58 (58 trainable, 0 fixed), 232 B
    FLOPs       1.82 k, of which 1.54 k in products
    bytes       2.6 kiB read and written
    >>> figures.parameters, figures["0"].flops
    (58, 1152)
    """
    if not isinstance(model, Module):
        raise TypeError(f"expected a Module, got {type(model).__name__}")
    costs = {}
    if input is not None or input_size is not None:
        args, kwargs = arguments_of(input, input_size)
        costs = costs_of(model, args, kwargs)
    found = Summary(list(layers_of(model, costs)))
    if verbose:
        print("\n".join(table_of(found, depth)))
    return found


def arguments_of(input, input_size):
    """(args, kwargs) to call the model with."""
    if input_size is not None:
        sizes = [input_size] if isinstance(input_size[0], int) else input_size
        with fork_rng():
            return [randn(tuple(size)) for size in sizes], {}
    if isinstance(input, dict):
        return [], input
    return (list(input) if isinstance(input, (tuple, list)) else [input]), {}


class Cost:
    """What a module's calls added up to."""

    def __init__(self):
        self.calls, self.output, self.flops, self.products, self.bytes = 0, None, 0, 0, 0


def costs_of(model, args, kwargs):
    """{id of a module: its Cost}, after one run."""
    costs = {id(module): Cost() for module in model.modules()}

    def heard(module, row, inputs, params, out):
        cost = costs[id(module)]
        flops, products = flops_of(row, inputs, params, out)
        cost.flops, cost.products = cost.flops + flops, cost.products + products
        cost.bytes += bytes_of(row, inputs, out)

    def returned(module, args, output):
        cost = costs[id(module)]
        cost.calls, cost.output = cost.calls + 1, shapes_in(output)

    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        with fork_rng(), no_grad(), Watch(model, heard, returned):
            model(*args, **kwargs)
    finally:
        for module, training in modes:
            module.training = training
    return costs


def layers_of(model, costs):
    """A LayerSummary for each place in the tree; a module or a parameter that comes again counts where it comes first."""
    places, counted = {}, set()

    def walk(module, name, depth):
        layer = LayerSummary(name, type(module).__name__, depth, first=places.get(id(module)))
        yield layer
        if layer.first is not None:
            return
        places[id(module)] = name
        for parameter in module.parameters(recurse=False):
            if id(parameter) not in counted:
                counted.add(id(parameter))
                count(layer, parameter)
        if id(module) in costs:
            vars(layer).update(vars(costs[id(module)]))
        for child, below in module._modules.items():
            if below is not None:
                yield from walk(below, f"{name}.{child}" if name else child, depth + 1)

    return walk(model, "", 0)


def count(layer, parameter):
    layer.parameters += parameter.numel()
    layer.trainable += parameter.numel() if parameter.requires_grad else 0
    layer.parameter_bytes += parameter.numel() * parameter.element_size()
