"""A tensor that remembers where it came from, and the walk back through what it remembers.

    a, b, c = Tensor(4), Tensor(3), Tensor(2)
    e = (a + b) * c            each operation passes the gate, ``apply``, which runs a row of the table and leaves a Node
    e.backward()               goes back through the Nodes, newest first, and leaves de/da = 2 in ``a.grad``

Four things happen at the gate, and nowhere else: numbers and dtypes are brought together (``fit``), the row's forward
runs on plain arrays, a Node is left if some input wants its gradient, and the listeners are told. Writing into a tensor
(``write``) is the same with another place for the result. The derivatives themselves are in ``primitives.py``.

torch: c10/core/TensorImpl.h, torch/csrc/autograd/variable.cpp, engine.cpp and saved_variable.cpp
"""

from copy import deepcopy
from numbers import Integral
from weakref import ref

from . import errors, primitives
from .backends import ACCELERATORS, ARRAY_TYPES, backend_of, for_device
from .backward import backward
from .device import CPU, as_device
from .dtypes import float32, get_default_dtype, int64
from .formatting import format_tensor
from .graph import (
    CHANGES,
    GRAD,
    AccumulateGrad,
    HookHandle,
    InferenceStorage,
    Node,
    Storage,
    edge_of,
    edges_of,
    remembered,
    viewed,
)
from .inplace import refuse_write, write
from .mixed_precision import METHODS, autocast_doors
from .modes import (
    MODE,
    ask,
    beside,
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    leave,
    no_grad,
    set_grad_enabled,
    show,
    tell,
    turn,
)  # fmt: skip
from .ops.memory_format import memory_order
from .ops.vocabulary import Vocabulary
from .promotion import common_dtype, explained, fit, on_one_device, takes, wrapped_numbers
from .replay_forward import METHODS as REPLAYED
from .replay_forward import replay_doors
from .settings import SETTINGS
from .size import Size, broadcast_shape
from .symbolic import begun
from .tables.strides import alias

__all__ = [
    "AccumulateGrad", "MODE", "Node", "Tensor", "apply", "backward", "common_dtype", "create", "edge_of",
    "enable_grad", "from_data", "inference_mode", "is_grad_enabled", "is_inference_mode_enabled", "no_grad", "of_class",
    "set_grad_enabled", "wrap", "write",
]  # fmt: skip


# ------------------------------------------------------------------------------------------------------------- the gate


def wrap(array, storage=None):
    """A Tensor on ``array``, without history."""
    tensor = object.__new__(Tensor)
    if storage is None:
        storage = Storage()
        storage.version = 0
    tensor._array, tensor._storage = array, storage
    tensor._node = tensor._view = tensor._grad = None
    return tensor


def apply(row, inputs, params=()):
    """The gate. The Tensor that ``row`` makes of ``inputs``, tensors or Python numbers, and ``params``."""
    mode = MODE
    grad_mode, listeners = mode.grad, mode.listeners
    arrays, edges, wanted, bit = [], [], 0, 1
    dtype, number, mixed = None, None, False
    for x in inputs:
        if isinstance(x, Tensor):
            array = x._array
            arrays.append(array)
            if dtype is None:
                dtype = array.dtype
            elif array.dtype is not dtype:
                mixed = True
            if grad_mode:
                node = x._node if x._view is None else edge_of(x)
                edges.append(node)
                if node is not None:
                    wanted |= bit
        else:
            arrays.append(x)
            edges.append(None)
            if number is not None and number is not type(x):  # a number that stands for others says it is an int (symbolic.py)
                mixed = True
            number = type(x)
        bit += bit
    params, given = begun(row, params) if listeners else (params, params)
    if ACCELERATORS and (moved := on_one_device(row, inputs, arrays)) is not None:
        return apply(row, moved, params)
    forward, ready = row.forward, row.ready
    if not (ready is None or (number is None and not mixed and dtype.char in ready)) and not takes(row, arrays, dtype, number, mixed):
        inputs, arrays, forward = fit(row, inputs)
        wanted, edges = edges_of(inputs)
        array = next(a for a in arrays if a.__class__ in ARRAY_TYPES)
    xp = ARRAY_TYPES[array.__class__]
    try:
        result = forward(xp, *arrays, *given)
    except OverflowError:
        return apply(row, wrapped_numbers(inputs), params)
    except Exception as error:
        raise explained(row, arrays, error) from None
    if result.__class__ is not xp.ndarray and result.__class__ not in ARRAY_TYPES:
        result = xp.asarray(result)

    out = object.__new__(Tensor)
    out._array = result
    out._node = out._view = out._grad = None
    if row.view and result.base is not None and (result.base is array or result.base is array.base):
        out._storage = x._storage
        if row.vjps:  # all but detach
            out._view = viewed(x, (row, params), grad_mode)
    elif grad_mode or not mode.inference:
        out._storage = storage = Storage()
        storage.version = 0
    else:
        out._storage = InferenceStorage()
    if grad_mode and wanted & row.wants and result.dtype.kind not in "biu":
        out._node = remembered(row, inputs, params, out, wanted, edges)
    if listeners:
        tell(row, inputs, params, out, False)
    return out


def create(row, params, device=CPU):
    """A Tensor that comes of no other: a row of kind creation or random, on ``device``."""
    params, given = begun(row, params) if MODE.listeners else (params, params)
    out = wrap(row.forward(for_device(device), *given), InferenceStorage() if MODE.inference else None)
    if MODE.listeners:
        tell(row, (), (*params, device), out, False)
    return out


def seed_gradient(output, gradient):
    """The gradient to start with: ``gradient``, or 1 for a single number.

    Raises RuntimeError for several numbers without one, or for one of another shape.
    """
    if gradient is None:
        if output._array.size != 1:
            raise RuntimeError(
                "grad can be implicitly created only for scalar outputs\n"
                f"this tensor has shape {tuple(output.shape)}: call .sum().backward(), or pass gradient="
            )
        if output._array.dtype.kind == "c":
            raise errors.complex_seed_error(output.dtype)
        return create(primitives.full, ((), 1, output.dtype), output.device) if not output._array.ndim else output.ones_like()
    if not isinstance(gradient, Tensor):
        raise TypeError("gradients can be either Tensors or None, but got " + type(gradient).__name__)
    if gradient._array.shape != output._array.shape:
        shapes = f"a shape of {gradient.shape} and output[0] has a shape of {output.shape}"
        raise RuntimeError(f"Mismatch in shape: grad_output[0] has {shapes}.")
    errors.check_seed(0, gradient, output)
    return gradient


# ----------------------------------------------------------------------------------------------------------- the Tensor


def from_data(data, dtype=None, device=CPU):
    """A new tensor of Python numbers, nested lists, arrays or tensors; Python's floats get the default dtype."""
    storage = InferenceStorage() if MODE.inference else None
    if isinstance(data, Tensor):
        leave("a copy", data)
        if data.device != device or dtype is not None:
            return data.detach().to(dtype, copy=True, device=device)
        return wrap(data._array.copy(), storage)
    return beside(wrap(for_device(device).array_of(data, dtype, default=get_default_dtype()), storage))


def of_class(cls, tensor):
    """A tensor of a class ``cls`` on the memory of another, without its history."""
    made = object.__new__(cls)
    made._array, made._storage = tensor._array, tensor._storage
    made._node = made._view = made._grad = None
    return made


def rebuilt(cls, array, requires_grad, attributes, device="cpu"):
    """A tensor as it was pickled."""
    made = of_class(cls, wrap(array if device == "cpu" else for_device(as_device(device)).from_cpu(array)))
    made.__dict__.update(attributes)
    return made.requires_grad_(requires_grad)


class Tensor(Vocabulary):
    """An n-dimensional array that can remember how it was computed.

    ``Tensor(4)`` is a number that wants its gradient, of dtype float32; a list or array makes a float32 tensor that
    doesn't, integers make an uninitialised one of that shape. In a program that ``minitorch run`` runs one integer is a
    shape too, as in PyTorch. To choose, use ``tensor(data, dtype=…, requires_grad=…)``.

    torch: torch.Tensor

    >>> a, b, c = Tensor(4), Tensor(3), Tensor(2)
    >>> d = a + b
    >>> e = d * c
    >>> e.backward()
    >>> print(f"{a.grad} {b.grad} {c.grad}")
    2.0 2.0 7.0
    """

    addmv, addr, inner, logaddexp, logsumexp, mv, nanmean, nansum, norm, renorm, std, var = autocast_doors(
        vars(Vocabulary) | replay_doors(vars(Vocabulary), REPLAYED), METHODS
    ).values()

    __slots__ = ("__dict__", "__weakref__", "_array", "_grad", "_node", "_storage", "_view")
    __array_priority__ = 1000  # beside a NumPy array, our operators are asked first

    def __new__(cls, *data, requires_grad=None, dtype=None, device=None):
        made, xp = of_class(cls, wrap(None)), for_device(as_device(device))
        if len(data) == 1 and isinstance(data[0], Tensor):
            seen = apply(alias, data)
            made._array, made._storage, made._node, made._view = seen._array, seen._storage, seen._node, seen._view
        elif len(data) == 1 and not isinstance(data[0], Size) and not (SETTINGS.number_is_size and isinstance(data[0], Integral)):
            made._array = xp.array_of(data[0], float32 if dtype is None else dtype)
            beside(made)
            if requires_grad is None:
                requires_grad = not made._array.ndim
        else:
            shape = data[0] if data and isinstance(data[0], Size) else data or (0,)
            made._array = xp.empty(tuple(shape), float32 if dtype is None else dtype)
        if requires_grad:
            made.requires_grad = True
        return made

    def as_subclass(self, cls):
        """The same elements and history as a tensor of the class ``cls``.   torch: Tensor.as_subclass"""
        return Tensor.__new__(cls, self)

    @staticmethod
    def _make_subclass(cls, data, require_grad=False):
        """A leaf of the class ``cls`` on the memory of ``data``: how parameters of one's own are made.

        torch: Tensor._make_subclass
        """
        if not issubclass(cls, Tensor):
            raise TypeError(
                "Creating a Tensor subclass from a class that does not inherit from Tensor is not possible. Make sure your class "
                "inherits from Tensor."
            )
        made = of_class(cls, data.detach())
        made.requires_grad = require_grad
        return made

    _apply, _wrap = staticmethod(apply), staticmethod(wrap)
    _mode, _write, _leave = MODE, write, staticmethod(leave)
    _create, _from_data = staticmethod(create), staticmethod(from_data)
    _check_device, _common_dtype = staticmethod(for_device), staticmethod(common_dtype)

    # ------------------------------------------------------------------------------------------------------ its history

    @property
    def requires_grad(self):
        view = self._view
        if view is not None and view.made is not GRAD:
            return self._node is not None or (view.made == "several" and view.base._node is not None)
        return edge_of(self) is not None

    @requires_grad.setter
    def requires_grad(self, wanted):
        CHANGES[0] += 1
        node = edge_of(self)
        if wanted and self._storage.inference and not MODE.inference:
            raise RuntimeError(errors.INFERENCE_WANTING)
        if wanted and node is None:
            if not (self.is_floating_point() or self.is_complex()):
                raise errors.no_gradient_error("floating point and complex", self.dtype)
            self._node = AccumulateGrad(self)
        elif not wanted and node is not None:
            if node.__class__ is not AccumulateGrad:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a "
                    "subgraph that doesn't require differentiation use var_no_grad = var.detach()."
                )
            self._node = None

    def requires_grad_(self, requires_grad=True):
        """Set ``requires_grad``.   torch: Tensor.requires_grad_"""
        if requires_grad and not (self.is_floating_point() or self.is_complex()):
            raise errors.no_gradient_error("floating point", self.dtype)
        if requires_grad or self._node is not None:
            self.requires_grad = requires_grad
        return self

    @property
    def grad_fn(self):
        node = edge_of(self)
        return None if node.__class__ is AccumulateGrad else node

    @property
    def is_leaf(self):
        return self.grad_fn is None

    @property
    def grad(self):
        found = ask(self)._grad if MODE.listeners else self._grad
        return errors.warned_of_no_leaf(self) if found is None and self._node is not None else found

    @grad.setter
    def grad(self, gradient):
        if gradient is not None:
            if not isinstance(gradient, Tensor):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type {type(gradient).__name__}")
            if gradient._array.shape != self._array.shape or gradient._array.dtype != self._array.dtype:
                raise errors.gradient_error(self.shape, self.dtype.name, gradient.shape, gradient.dtype.name)
            if ACCELERATORS and gradient.device != self.device:
                raise RuntimeError("assigned grad has data located on a different device")
        if MODE.listeners:
            ask(self)
        self._grad = gradient

    @grad.deleter
    def grad(self):
        self.grad = None

    @property
    def data(self):
        """The same memory without history; writes through it are not noticed by backward.   torch: Tensor.data"""
        self._storage.open()
        return wrap(show(self)._array, InferenceStorage() if self._storage.inference else None)

    @data.setter
    def data(self, new):
        if not isinstance(new, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(new).__name__}")
        if show(self)._array is not new._array:  # after ``x.data -= step`` it is: then nothing is another
            CHANGES[0] += 1
            self._array, self._storage = new._array, new._storage

    @property
    def _version(self):
        if self._storage.inference:
            raise RuntimeError(errors.INFERENCE_VERSION)
        return self._storage.version

    @property
    def _base(self):
        return None if self._view is None else self._view.base

    def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
        """The gradients of this tensor, added to ``.grad`` of every leaf that it came from, or of ``inputs`` only.

        gradient: that of something further on by this tensor; 1 if this is a single number.   torch: Tensor.backward

        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
        """
        node = edge_of(self)
        if node is None:
            raise RuntimeError(
                "element 0 of tensors does not require grad and does not have a grad_fn\n"
                "nothing that it was computed from has requires_grad=True, or it was computed under no_grad"
            )
        targets = None
        if inputs is not None:
            inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
            if not inputs:
                raise RuntimeError("'inputs' argument to backward() cannot be empty.")
            for x in inputs:
                if not (x.is_leaf and x.requires_grad):
                    x.retain_grad()
            targets = {edge_of(x) for x in inputs}
        gradient = seed_gradient(self, gradient)
        backward((node,), (gradient,), create_graph if retain_graph is None else retain_graph, create_graph, targets)

    def register_hook(self, hook):
        """Call ``hook(gradient)`` when backward reaches this tensor; what it returns replaces the gradient.

        torch: Tensor.register_hook
        """
        node = edge_of(self)
        if node is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        return HookHandle(node, "tensor_hooks", hook)

    def register_post_accumulate_grad_hook(self, hook):
        """Call ``hook(tensor)`` when this leaf's gradient has arrived.   torch: Tensor.register_post_accumulate_grad_hook"""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if not self.is_leaf:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        return HookHandle(self._node, "after_hooks", hook)

    def retain_grad(self):
        """Keep the gradient of this tensor in ``.grad`` though it isn't a leaf.   torch: Tensor.retain_grad"""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self.is_leaf or self.retains_grad:
            return
        tensor = ref(self)

        def keep(g):
            if (kept := tensor()) is not None:
                kept._grad = g.clone() if kept._grad is None else kept._grad + g

        self.register_hook(keep)
        self._retained = edge_of(self)

    @property
    def retains_grad(self):
        return getattr(self, "_retained", None) is not None and self._retained is edge_of(self)

    def detach_(self):
        """Forget the history, in place.   torch: Tensor.detach_"""
        if self._view is not None:
            raise RuntimeError(errors.VIEW_DETACHED)
        self._node = None
        return self

    # ------------------------------------------------------------------------------------------- as Python and NumPy see it

    def __format__(self, spec):
        return (
            format(self.item(), spec)
            if not self._array.ndim and self.__class__ is Tensor
            else object.__format__(self, spec)
        )

    def __repr__(self, *, tensor_contents=None):
        leave("print", self)
        try:
            node = self.grad_fn
            name = None if node is None else node.name()
        except RuntimeError:  # its base was written to, and it can't follow
            name = "Invalid"
        return format_tensor(
            backend_of((self._array,)).to_cpu(self._array),
            dtype=self.dtype.name,
            device=self.device if self.is_cuda else None,
            default_dtype=get_default_dtype().name,
            grad_fn=name,
            requires_grad=self.requires_grad,
            prefix="tensor("
            if self.__class__.__name__ in ("Tensor", "Parameter", "Buffer")
            else f"{self.__class__.__name__}(",
        )

    def __deepcopy__(self, memo):
        if id(self) in memo:
            return memo[id(self)]
        leave("deepcopy", self)
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.  "
                "If you were attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage, see "
                "https://github.com/pytorch/pytorch/pull/103001\ncopy x.detach() or x.clone() instead"
            )
        made = (
            wrap(self._array.copy("K"))
            if self.__class__ is Tensor
            else rebuilt(self.__class__, self._array.copy("K"), False, {})
        )
        memo[id(self)] = made
        made._node = AccumulateGrad(made) if self.requires_grad else None
        made._grad = deepcopy(self._grad, memo)
        made.__dict__.update(deepcopy(self.__dict__, memo))
        return made

    def __reduce_ex__(self, protocol):
        leave("pickle", self)
        array, place = backend_of((self._array,)).to_cpu(self._array), str(self.device)
        return rebuilt, (self.__class__, array, self.requires_grad, dict(self.__dict__), *([place] if self.is_cuda else ()))

    def _type_name(self, prefix=""):
        return (errors.C_NAMES if prefix else errors.TYPE_NAMES)[self.dtype.name]

    def _broadcast_shape(self, *shapes):
        found = errors.broadcast_error(shapes)
        if found is not None:
            raise found
        return broadcast_shape(shapes)

    def _arange(self, count):
        return create(primitives.arange, (0, 1, count, int64), self.device)

    def _memory_order(self):
        """The dims from the outermost in memory to the innermost."""
        return list(memory_order(self) or range(self._array.ndim))

    def _strided(self, dims):
        """This fresh tensor, with its dims seen in another order."""
        return wrap(self._array.transpose(dims), self._storage)

    def _reinterpret(self, dtype):
        return wrap(self._array.view(backend_of((self._array,)).array_dtype(dtype)), self._storage)

    def _become(self, other):
        """Take over the memory and history of ``other``, which was made from this: ``x.t_()`` is ``x.t()`` by x's name."""
        if self._storage.inference and not MODE.inference:
            raise RuntimeError(errors.INFERENCE_WRITTEN)
        if MODE.grad:
            node = edge_of(self)
            if node is not None or (self._view is not None and self._view.base._node is not None):
                refuse_write(self, node)
        CHANGES[0] += 1
        turn(self)
        self._view = None if self._view is None else other._view
        self._array, self._storage = other._array, other._storage
        if MODE.grad or self._node.__class__ is not AccumulateGrad:  # a leaf stays one
            self._node = other._node
        return self

    def rows(self):
        """The input as a matrix, its leading dims made one."""
        return self if self._array.ndim == 2 else self.reshape(-1, self._array.shape[-1])
