"""From PyTorch's values to ours and back: tensors with their memory, dtypes, devices, generators, and functions.

Everything that a sample of PyTorch's databases holds can cross. Tensors that share memory there share it here.
"""

import builtins
import dataclasses
import functools
import types

import numpy
import torch

import minitorch

__all__ = ["Crossing", "PLACE", "arrays_of", "flat", "missing", "named", "tensors_in"]

# With the databases come PyTorch's test tools, which forbid to set switches such as cudnn.benchmark; other tests of this process do.
torch.backends.flags_frozen.__globals__["__allow_nonbracketed_mutation_flag"] = True


def named(path):
    """What ``path``, such as "nn.functional.relu", is in minitorch; None if it isn't there."""
    found = minitorch
    for part in path.removeprefix("torch.").split("."):
        found = getattr(found, part, None)
        if found is None:
            return None
    return found


class missing(Exception):
    """Something of PyTorch's that we don't have."""


NARROW = {torch.bfloat16: (torch.int16, "bfloat16")}


PLACE = {"device": "cpu"}
"""Where our tensors live. PyTorch's stay on the CPU."""


class Crossing:
    """Carries values over, each once: what is shared or the same on the one side is so on the other."""

    def __init__(self):
        self.buffers, self.made, self.kept, self.moved = {}, {}, [], {}

    def __call__(self, value):
        """``value`` as one of ours."""
        if isinstance(value, torch.Tensor):
            return self.tensor(value)
        if isinstance(value, torch.Size):
            return minitorch.Size(value)
        if isinstance(value, torch.dtype):
            found = getattr(minitorch, str(value).removeprefix("torch."), None)
            if found is None:
                raise missing(str(value))
            return found
        if isinstance(value, torch.device):
            return minitorch.device(PLACE["device"] if str(value) == "cpu" else str(value))
        if isinstance(value, (torch.memory_format, torch.layout)):
            return named(str(value)) or str(value)
        if isinstance(value, torch.Generator):
            return minitorch.Generator(PLACE["device"]).manual_seed(value.initial_seed())
        if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
            return type(value)(self(item) for item in value)
        if isinstance(value, dict):
            return {key: PLACE["device"] if (key, item) == ("device", "cpu") else self(item) for key, item in value.items()}
        if isinstance(value, slice):
            return slice(self(value.start), self(value.stop), self(value.step))
        ours = named(f"nn.{type(value).__name__}")
        if dataclasses.is_dataclass(value) and not isinstance(value, type) and ours is not None:
            fields = {field.name: self(getattr(value, field.name)) for field in dataclasses.fields(value)}
            return ours(**fields)
        if isinstance(value, functools.partial):
            return functools.partial(self(value.func), *self(value.args), **self(value.keywords))
        if callable(value) and not isinstance(value, type):
            return self.function(value)
        return value

    def tensor(self, x):
        if id(x) in self.made:
            return self.made[id(x)]
        if x.layout is not torch.strided:
            raise missing(f"layout {x.layout}")
        plain = x.detach().resolve_conj().resolve_neg()
        plain = plain.clone() if plain._is_zerotensor() else plain
        made = minitorch.from_numpy(self.array(plain)) if plain.dtype not in NARROW else self.narrow(plain)
        made = made if PLACE["device"] == "cpu" else self.elsewhere(made)
        if x.requires_grad and x.is_leaf:
            made = (made if made.is_leaf else made.detach()).requires_grad_()
        if isinstance(x, torch.nn.Parameter):
            made = minitorch.nn.Parameter(made.detach(), requires_grad=x.requires_grad)
        self.made[id(x)] = made
        self.kept.append(x)
        return made

    def array(self, x):
        """A NumPy array with the layout of ``x``; those that share memory there share it here."""
        storage = x.untyped_storage()
        dtype = numpy.dtype(str(x.dtype).removeprefix("torch."))
        key = (storage.data_ptr(), storage.nbytes(), dtype)
        if key not in self.buffers or not storage.nbytes():
            raw = torch.empty(0, dtype=torch.uint8).set_(storage).clone().numpy()  # of a storage with an array on it none is resized
            self.buffers[key] = raw[: len(raw) // dtype.itemsize * dtype.itemsize].view(dtype).copy()
        flat = self.buffers[key]
        if x.is_contiguous() and x.numel() == flat.size and x.storage_offset() == 0:
            return flat.reshape(tuple(x.shape)) if x.dim() != 1 else flat
        if not x.numel():
            return numpy.empty(tuple(x.shape), dtype)
        strides = [s * dtype.itemsize for s in x.stride()]
        return numpy.ndarray(tuple(x.shape), dtype, flat, x.storage_offset() * dtype.itemsize, strides)

    def elsewhere(self, x):
        """The same tensor on another device: what shares memory here shares it there."""
        if not x.numel():
            return x.to(PLACE["device"])
        storage = x.untyped_storage()
        key = storage.data_ptr(), x.dtype
        if key not in self.moved:
            count = storage.nbytes() // x.element_size()
            self.moved[key] = x.as_strided((count,), (1,), 0).to(PLACE["device"])
        return self.moved[key].as_strided(x.shape, x.stride(), x.storage_offset()).detach()

    def narrow(self, x):
        """A tensor of a dtype that NumPy lacks; its layout is kept, what it shares isn't."""
        wide = minitorch.from_numpy(self.array(x.float()))
        return wide.to(getattr(minitorch, NARROW[x.dtype][1]))

    def function(self, f):
        """Our function for one of PyTorch's; one that is written in Python sees ours under the name ``torch``."""
        module = getattr(f, "__module__", None) or ""
        if isinstance(f, types.FunctionType) and module.startswith(("torch.testing", "__main__")):
            return rebound(f)
        for path in (f"{module}.{getattr(f, '__qualname__', '')}", getattr(f, "__qualname__", "")):
            if module.startswith("torch") and (found := named(path)) is not None:
                return found
        if isinstance(f, torch.nn.Module):  # one without parameters, such as a distance
            return named(f"nn.{type(f).__name__}")(*(getattr(f, name) for name in f.__constants__))
        if isinstance(f, types.BuiltinFunctionType):
            return named(f.__name__) or named(f"nn.functional.{f.__name__}") or f
        return f


REPLACED = {"torch": minitorch, "freeze_rng_state": minitorch.random.fork_rng}


def rebound(f):
    """The Python function ``f`` with ``torch`` standing for minitorch, in the functions it calls too."""
    scope = {**f.__globals__, **REPLACED}
    for name in set(f.__code__.co_names) - set(REPLACED):
        inner = f.__globals__.get(name)
        if isinstance(inner, types.FunctionType) and inner.__module__.startswith("torch.testing") and inner is not f:
            scope[name] = rebound(inner)
    cells = f.__closure__ and tuple(types.CellType(Crossing()(cell.cell_contents)) for cell in f.__closure__)
    made = types.FunctionType(f.__code__, scope, f.__name__, f.__defaults__, cells)
    made.__kwdefaults__ = f.__kwdefaults__
    return made


def flat(value):
    """All that is in nested lists, tuples and dictionaries."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)) and not isinstance(value, (torch.Size, minitorch.Size)):
        return [inner for item in value for inner in flat(item)]
    return [value]


def tensors_in(value):
    """The tensors of either library in nested lists, tuples and dictionaries."""
    return [x for x in flat(value) if isinstance(x, (torch.Tensor, minitorch.Tensor))]


def arrays_of(x):
    """The numbers of a tensor of either library, as a NumPy array."""
    x = x.detach()
    if isinstance(x, torch.Tensor):
        x = x.resolve_conj().resolve_neg()
        x = x.clone() if x._is_zerotensor() else x  # zeros that have no memory
    else:
        x = x.cpu()
    return (x.float() if str(x.dtype) == "torch.bfloat16" else x).numpy()


ModuleType = builtins.type(torch)
