"""The graph of a model for TensorBoard: a node for each row that ran, named by the modules that it ran in.

    input/0 → Sequential/0/linear → Sequential/1/relu → output/0

torch: utils/tensorboard/_pytorch_graph.py
"""

from tensorboardX.proto.attr_value_pb2 import AttrValue
from tensorboardX.proto.graph_pb2 import GraphDef
from tensorboardX.proto.node_def_pb2 import NodeDef
from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto

from ...engine import Tensor
from ...modes import no_grad
from ...nn.watching import Watch
from ...random import fork_rng

__all__ = ["graph_of"]


class Drawing:
    """Nodes, and which tensor comes of which. Tensors are kept, or another could take a dead one's id."""

    def __init__(self, model):
        self.nodes, self.kept, self.names, self.used = [], [], {}, {}
        root = type(model).__name__
        self.paths = {id(module): "/".join([root, *name.split(".")]).rstrip("/") for name, module in model.named_modules()}
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
            self.add("/".join([root, *name.split(".")]), "Parameter", [], tensor)

    def add(self, name, operation, inputs, out):
        """A node; a name that is taken gets a number."""
        count = self.used[name] = self.used.get(name, -1) + 1
        name = f"{name}_{count}" if count else name
        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in out.shape])
        shapes = AttrValue(list=AttrValue.ListValue(shape=[shape]))
        self.nodes.append(NodeDef(name=name, op=operation, input=inputs, attr={"_output_shapes": shapes}))
        self.kept.append(out)
        self.names[id(out)] = name

    def row(self, module, row, inputs, params, out):
        origins = [self.names[id(x)] for x in inputs if id(x) in self.names]
        self.add(f"{self.paths[id(module)]}/{row.name}", row.name, origins, out)


def tensors_in(value):
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from tensors_in(item)


def graph_of(model, arguments):
    """The GraphDef of a run of the model; the generator is left as it was."""
    drawing = Drawing(model)
    for number, tensor in enumerate(tensors_in(arguments)):
        drawing.add(f"input/{number}", "Input", [], tensor)
    with fork_rng(), no_grad(), Watch(model, drawing.row):
        result = model(*arguments)
    for number, tensor in enumerate(tensors_in(result)):
        drawing.add(f"output/{number}", "Output", [drawing.names[id(tensor)]], tensor)
    return GraphDef(node=drawing.nodes)
