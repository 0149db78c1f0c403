"""From traces to an ONNX model: the steps are said one after the other, and views and writes become values.

ONNX knows no memory. So a tensor that is written to is a new value under its number from then on; if it is a view, the
value of its base is the base with that region replaced, and the other views of that base are said again when next read.
"""

from ..version import __version__
from .sizes import Size
from .spelling import SPELLINGS
from .spelling.movement import written
from .tracing import Ref
from .writer import CODES, Value, Writer

__all__ = ["said", "to_proto"]


class Said:
    """The steps of a trace, said: ``writer`` has the nodes, ``current(number)`` is the value of an array as it is now."""

    def __init__(self, trace, input_names, axes, opset):
        self.trace, self.writer = trace, Writer(SPELLINGS, opset, axes, trace.runs)
        self.values, self.parents = {}, {}
        self.stamps, self.clock = {}, 0  # when an array got its value; for a base, when it was last written to
        self.dtypes = trace.dtypes
        for number, name in zip(trace.inputs, input_names, strict=True):
            self.values[number] = Value(self.writer.free(name), self.dtypes[number], trace.shapes[number])
        for number, (name, array) in trace.weights.items():
            self.values[number] = self.constant(number, array, name)
        for number, array in trace.constants.items():
            self.values[number] = self.constant(number, array)

    def constant(self, number, array, name=None):
        return Lazy(array, name, self.dtypes[number], self.trace.shapes[number])

    def run(self):
        for step in self.trace.steps:
            self.writer.place = step.place
            _, inside, module = step.place.rpartition("module '")
            self.writer.scope = module.rstrip("'") + "/" if inside else ""
            self.step(step)

    def step(self, step):
        number = step.out
        if step.written:
            self.write(step)
            return
        if step.shared:
            self.parents[number] = (step.operands[0].number, step.row, step.params)
        self.stamps[number] = self.clock
        if step.constant is not None:
            self.values[number] = self.constant(number, step.constant)
        else:
            self.values[number] = self.made(step.row, step.operands, step.params, number)

    def made(self, row, operands, params, number):
        operands = [self.current(x.number) if x.__class__ is Ref else x for x in operands]
        return self.writer.say(row, operands, params, self.dtypes[number], self.trace.shapes[number])

    def write(self, step):
        """An operation in place: what it makes, in the dtype and shape of what it is written over."""
        number, o = step.out, self.writer
        shape, dtype = self.trace.shapes[number], self.dtypes[number]
        shapes = [self.trace.shapes[x.number] for x in step.operands if x.__class__ is Ref]
        found = [self.dtypes[x.number] for x in step.operands if x.__class__ is Ref]
        operands = [self.current(x.number) if x.__class__ is Ref else x for x in step.operands]
        made = o.say(step.row, operands, step.params, dtype, shape)
        if any([d is not dtype for d in found]):
            made = Value(o.cast(made, dtype), dtype, shape)
        if step.row.name == "assign":  # what is written may be smaller, or a number
            shapes = [self.trace.shapes[x.number] for x in step.operands[1:] if x.__class__ is Ref]
        if shape not in shapes:
            made = Value(o.Expand(made, list(shape)), dtype, shape)
        base, path = self.root(number)
        self.clock += 1
        if base != number:
            whole = self.current(base)
            self.values[base] = whole._replace(name=o.named(written(o, whole, made, path)))
        self.values[number] = made
        self.stamps[base] = self.stamps[number] = self.clock

    def root(self, number):
        """The array that is no view, and the way from there: (row, params, shape after it) …"""
        path = []
        while number in self.parents:
            parent, row, params = self.parents[number]
            path.insert(0, (row, params, self.trace.shapes[number]))
            number = parent
        return number, path

    def current(self, number):
        """The value of an array as it is now."""
        if number in self.parents:
            base, _ = self.root(number)
            if self.stamps[number] < self.stamps.get(base, 0):
                parent, row, params = self.parents[number]
                self.stamps[number] = self.clock
                self.values[number] = self.made(row, (Ref(parent),), params, number)
        value = self.values[number]
        if isinstance(value, Lazy):
            name = self.writer.array(value.array, value.name)
            value = self.values[number] = Value(name, value.dtype, value.shape)
        return value


class Lazy:
    """A constant that isn't in the graph until it is used."""

    def __init__(self, array, name, dtype, shape):
        self.array, self.name, self.dtype, self.shape = array, name, dtype, shape


def said(trace, input_names, output_names, axes, opset):
    """The nodes, constants, inputs and outputs of a trace: (nodes, {name: array}, [Value], [Value])."""
    told = Said(trace, input_names, axes, opset)
    inputs = [told.values[number] for number in trace.inputs]
    told.run()
    o, outputs, renamed = told.writer, [], {}
    o.scope = ""
    kept = {value.name for value in inputs}
    for number, name in zip(trace.results, output_names, strict=True):
        value = told.current(number)
        if value.name in kept or value.name in o.constants or value.name in renamed:
            renamed[o.node("Identity", value, fresh=True)] = name
        else:
            renamed[value.name] = name
        outputs.append(value._replace(name=name))
    nodes = useful(o.nodes, renamed)
    nodes = [
        node._replace(
            inputs=tuple([renamed.get(x, x) for x in node.inputs]),
            outputs=tuple([renamed.get(x, x) for x in node.outputs]),
        )
        for node in nodes
    ]
    used = {x for node in nodes for x in node.inputs}
    return nodes, {name: array for name, array in o.constants.items() if name in used}, inputs, outputs


def useful(nodes, wanted):
    """The nodes that ``wanted`` come of."""
    kept, wanted = [], set(wanted)
    for node in reversed(nodes):
        if any([x in wanted for x in node.outputs]):
            wanted.update(node.inputs)
            kept.append(node)
    return kept[::-1]


def to_proto(nodes, constants, inputs, outputs, opset, name):
    """ONNX's own object of them, checked."""
    import onnx

    made = []
    for i, node in enumerate(nodes):
        attributes = {key: value for key, value in node.attributes.items() if value is not None}
        label = f"{node.scope}{node.kind}_{i}"
        made.append(
            onnx.helper.make_node(node.kind, node.inputs, node.outputs, name=label, doc_string=node.place, **attributes)
        )
    graph = onnx.helper.make_graph(
        made, name, [information(onnx, value) for value in inputs], [information(onnx, value) for value in outputs],
        [onnx.numpy_helper.from_array(array, key) for key, array in constants.items()],
    )  # fmt: skip
    imports = [onnx.helper.make_opsetid("", opset)]
    version = onnx.helper.find_min_ir_version_for(imports)
    model = onnx.helper.make_model(
        graph, opset_imports=imports, ir_version=version, producer_name="minitorch", producer_version=__version__
    )
    onnx.checker.check_model(model)
    return model


def information(onnx, value):
    shape = [repr(n) if isinstance(n, Size) else n for n in value.shape]
    return onnx.helper.make_tensor_value_info(value.name, CODES[value.dtype.name], shape)
