"""Operations whose derivative their author wrote.

    class Cube(Function):
        @staticmethod
        def forward(ctx, x):                 computes with gradients off, on whatever it likes
            ctx.save_for_backward(x)
            return x ** 3

        @staticmethod
        def backward(ctx, g):                the gradient of each input, given that of each output
            x, = ctx.saved_tensors
            return g * 3 * x ** 2            recorded under create_graph: second derivatives come free

    y = Cube.apply(x)

In the graph, an application is one Node. If it has several outputs, each of them gets a Node of its own that only hands
its gradient on, so that the Function is called once, when all of them have arrived.

torch: torch/autograd/function.py, torch/csrc/autograd/python_function.cpp
"""

from functools import wraps
from weakref import ref

from .. import errors
from ..absent import absent
from ..creation import zeros
from ..engine import Tensor, edge_of, wrap
from ..graph import AccumulateGrad, Node
from ..inplace import remember_write
from ..modes import MODE, no_grad

__all__ = ["Function", "FunctionCtx", "FunctionNode", "Gradients", "InplaceFunction", "OutputNode", "once_differentiable"]

__getattr__ = absent(__name__)


class FunctionCtx:
    """What forward leaves for backward. Attributes of one's own may be added.   torch: autograd.function.FunctionCtx

    needs_input_grad  for each input whether its gradient will be used
    """

    _to_save = _dirty = _fixed = ()
    _materialize = True
    _saved = ()
    _node = None

    def save_for_backward(self, *tensors):
        """Keep inputs and outputs (or None) for backward, which finds them in ``saved_tensors``, safe from overwriting."""
        for i, x in enumerate(tensors):
            if x is not None and not isinstance(x, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {i} is of type {type(x).__name__}\n"
                    "keep anything else as an attribute: ctx.n = n"
                )
        self._to_save = tensors

    save_for_forward = save_for_backward

    def mark_dirty(self, *tensors):
        """These inputs are changed in place by forward, and are outputs too."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors):
        """These outputs get no gradient."""
        self._fixed = tensors

    def set_materialize_grads(self, value):
        """Whether an output without gradient gives backward zeros (True) or None."""
        self._materialize = value

    @property
    def saved_tensors(self):
        """What was saved. Raises RuntimeError if it was freed, or written to since."""
        if self._saved is None:
            raise RuntimeError(errors.FREED)
        return tuple([None if saved is None else self._unpacked(*saved) for saved in self._saved])

    def _unpacked(self, tensor, version, source):
        node = self._node().output(source) if isinstance(source, int) else source
        if tensor._version != version:
            name = None if node is None else node.name()
            raise errors.overwritten_error(tensor.dtype.name, tensor.shape, name, tensor._version, version)
        if node is None:
            return tensor
        tensor = wrap(tensor._array, tensor._storage)
        tensor._node = node
        return tensor

    def _save(self, outputs):
        """Save what forward wished to: a leaf as itself, an output by its number, all else as memory and its Node.

        So nothing that is saved holds this application's own Node: it would never be freed.
        """
        self._saved = []
        for x in self._to_save:
            if x is None:
                self._saved.append(None)
                continue
            position = next((i for i, output in enumerate(outputs) if output is x), None)
            edge = edge_of(x)
            if edge is None or isinstance(edge, AccumulateGrad):
                self._saved.append((x, x._version, None))
            else:
                source = edge if position is None else position
                self._saved.append((wrap(x._array, x._storage), x._version, source))
        self._to_save = ()


class FunctionNode(Node):
    """An application of a Function, in the graph. What the user left on its ctx is found here too, by its name."""

    __slots__ = ("ctx", "function", "inputs", "outputs")

    def __init__(self, function, ctx, args, edges):
        Node.__init__(self, None, (), edges, None, 0)
        self.function, self.ctx = function, ctx
        self.inputs = [(x._array.shape, x.dtype) if isinstance(x, Tensor) else None for x in args]
        self.outputs = []  # (shape, dtype, device) of each, None for what has no gradient
        ctx._node = ref(self)

    def pull(self, g, useful=None):
        arrived = g.of if isinstance(g, Gradients) else {0: g}
        gradients = []
        for i, facts in enumerate(self.outputs):
            given = arrived.get(i)
            if given is None and facts is not None and self.ctx._materialize:
                shape, dtype, device = facts
                given = zeros(shape, dtype=dtype, device=device)
            gradients.append(given)

        results = self.function._backward_of()(self.ctx, *gradients)
        return self.checked(results if isinstance(results, tuple) else (results,))

    def checked(self, results):
        """What backward returned, as it should be: one for each input, None or of the input's shape and dtype."""
        count = len(self.inputs)
        if len(results) < count or any(g is not None for g in results[count:]):
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {count}, got {len(results)})\n"
                "return one for each argument of forward after ctx, None for those that aren't tensors"
            )
        gradients = []
        for i, (g, facts, edge) in enumerate(zip(results, self.inputs, self.edges, strict=False)):
            if g is not None and facts is None:
                raise RuntimeError(
                    f"function {self.name()} returned a gradient different than None at position {i + 1}, "
                    "but the corresponding forward input was not a Variable"
                )
            if g is not None and not isinstance(g, Tensor):
                raise RuntimeError(f"expected Variable or None (got {type(g).__name__})")
            gradients.append(None if g is None or edge is None else self.fitted(g, i, *facts))
        return gradients

    def fitted(self, g, i, shape, dtype):
        if g._array.shape != shape:
            padded = (1,) * (g.ndim - len(shape)) + shape
            if g.ndim < len(shape) or any(n not in (1, m) for n, m in zip(padded, g.shape, strict=True)):
                position = sum(facts is not None for facts in self.inputs[:i])
                raise RuntimeError(
                    f"Function {self.name()} returned an invalid gradient at index {position} - got {list(g.shape)} "
                    f"but expected shape compatible with {list(shape)}"
                )
            g = g.sum_to(shape)
        if g.dtype is not dtype:
            return g.to(dtype)
        # Another tensor on that memory: whoever looks at its count sees if backward has kept the gradient for itself.
        return g if MODE.grad else wrap(g._array, g._storage)

    def free(self):
        if self.ctx._saved:
            self.ctx._saved = None

    def output(self, i):
        """The Node of the i-th output."""
        return self if len(self.outputs) == 1 else OutputNode(self, i)

    def name(self):
        return f"{self.function.__name__}Backward"

    def __getattr__(self, name):
        return getattr(self.ctx, name)

    def __repr__(self):
        return f"<torch.autograd.function.{self.name()} object at {id(self):#x}>"


class OutputNode(Node):
    """One of several outputs of an application."""

    __slots__ = ("position",)

    def __init__(self, application, position):
        Node.__init__(self, None, (), [application], None, 0)
        self.position = position

    def pull(self, g, useful=None):
        return [Gradients({self.position: g})]

    def free(self):
        pass

    def name(self):
        return self.edges[0].name()


class Gradients:
    """The gradients of several outputs, by their number. Adding brings together what arrives one by one."""

    __slots__ = ("of",)

    def __init__(self, of):
        self.of = of

    def __add__(self, other):
        both = dict(self.of)
        for i, g in other.of.items():
            both[i] = both[i] + g if i in both else g
        return Gradients(both)


class Function:
    """An operation with a derivative of one's own: write ``forward`` and ``backward``, call ``apply``.

    Forward may leave what it has for backward to ``setup_context(ctx, inputs, output)``, and is then called without
    ctx.   torch: autograd.Function

    >>> class Cube(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x ** 3
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         x, = ctx.saved_tensors
    ...         return g * 3 * x ** 2
    >>> x = tensor(2., requires_grad=True)
    >>> y = Cube.apply(x)
    >>> y.backward()
    >>> y, x.grad
    (tensor(8., grad_fn=<CubeBackward>), tensor(12.))
    """

    @staticmethod
    def forward(*args, **kwargs):
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function.\nas a static method: forward(ctx, *inputs)"
        )

    @staticmethod
    def setup_context(ctx, inputs, output):
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with backward "
            "mode AD.\nas a static method: backward(ctx, *gradients of outputs)"
        )

    vjp = backward

    @classmethod
    def _backward_of(cls):
        return cls.vjp if cls.vjp is not Function.vjp else cls.backward

    @classmethod
    def apply(cls, *args, **kwargs):
        """Run forward, and remember to run backward.   torch: autograd.Function.apply"""
        ctx = FunctionCtx()
        apart = cls.setup_context is not Function.setup_context
        if apart:
            args = _with_defaults(cls.forward, args, kwargs)
        edges = [edge_of(x) if isinstance(x, Tensor) else None for x in args]
        ctx.needs_input_grad = tuple([edge is not None for edge in edges])

        recording = MODE.grad and any(ctx.needs_input_grad)
        with no_grad():
            if apart:
                made = cls.forward(*args)
                cls.setup_context(ctx, args, made)
            else:
                made = cls.forward(ctx, *args, **kwargs)
        if not recording:
            return made
        return _recorded(FunctionNode(cls, ctx, args, edges), args, made)

    def __call__(self, *args, **kwargs):
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. "
            "Please use new-style autograd function with static forward method.\n"
            f"call {type(self).__name__}.apply(...), without making an object"
        )


class InplaceFunction(Function):
    """A Function that may say of itself whether it writes to its input.   torch: autograd.function.InplaceFunction"""

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace


def _with_defaults(function, args, kwargs):
    """All arguments of a call, defaults too, by position."""
    import inspect

    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args


def _recorded(node, args, made):
    """The outputs of forward, with their history."""
    ctx = node.ctx
    outputs = list(made) if isinstance(made, tuple) else [made]
    _check_dirty(ctx._dirty, outputs)
    node.outputs = [(x._array.shape, x.dtype, x.device) if isinstance(x, Tensor) else None for x in outputs]

    for i, x in enumerate(outputs):
        if not isinstance(x, Tensor):
            continue
        dirty, fixed = _among(ctx._dirty, x), _among(ctx._fixed, x)
        if not dirty and (_among(args, x) or x._node is not None):
            with no_grad():
                outputs[i] = x = x.view_as(x)  # an input stays what it was
        if fixed or not (x.is_floating_point() or x.is_complex()):
            continue
        if dirty:
            x._storage.version += 1
            remember_write(x, node.output(i))
        else:
            x._node = node.output(i)
    ctx._save(outputs)
    return tuple(outputs) if isinstance(made, tuple) else outputs[0]


def _check_dirty(dirty, outputs):
    for x in dirty:
        if not _among(outputs, x):
            raise RuntimeError(
                "Some elements marked as dirty during the forward method were not returned as output. The inputs that are "
                "modified inplace must all be outputs of the Function."
            )
        if isinstance(x._node, AccumulateGrad) or (x._view is not None and isinstance(x._view.base._node, AccumulateGrad)):
            raise RuntimeError(
                "a leaf Variable that requires grad has been used in an in-place operation.\n"
                "its gradient would be lost: give the Function a clone()"
            )


def _among(tensors, x):
    return any(x is other for other in tensors)


class _Once(Node):
    """The history of a gradient that can't be differentiated again."""

    __slots__ = ()

    def pull(self, g, useful=None):
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable\n"
            "write its backward in tensor operations and drop the decorator"
        )

    def name(self):
        return "Error"


def once_differentiable(backward):
    """Decorates a ``backward`` that computes with something else than tensors: differentiating it raises RuntimeError.

    torch: autograd.function.once_differentiable
    """

    @wraps(backward)
    def once(ctx, *gradients):
        with no_grad():
            results = backward(ctx, *gradients)
        edges = [edge_of(g) for g in gradients if isinstance(g, Tensor)]
        if not MODE.grad or not any(edge is not None for edge in edges):
            return results

        many = isinstance(results, tuple)
        ends = []
        for g in results if many else (results,):
            if g is not None:
                g = g.detach()
                g._node = _Once(None, (), edges, None, 0)
            ends.append(g)
        return tuple(ends) if many else ends[0]

    return once
