"""Modules made of modules, and lists and dicts whose elements a Module knows.

torch: nn/modules/container.py
"""

import operator
import warnings
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from ..engine import Tensor
from ..tensortypes import typename
from .module import Module, indented
from .parameter import Parameter

__all__ = ["Container", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]


class Container(Module):
    """``Module`` with given submodules.   torch: nn.Container"""

    def __init__(self, **kwargs):
        warnings.warn(
            "`nn.Container` is deprecated. "
            "All of its functionality is now implemented in `nn.Module`. Subclass that instead.",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__()
        for name, module in kwargs.items():
            self.add_module(name, module)


class _InOrder(Module):
    """What Sequential and ModuleList share: modules in order, registered under the names "0", "1", ..."""

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules.values())

    def __setitem__(self, index, module):
        setattr(self, self._name_at(index), module)

    def __delitem__(self, index):
        names = list(self._modules)[index] if isinstance(index, slice) else [self._name_at(index)]
        for name in names:
            delattr(self, name)
        self._number(self)

    def _name_at(self, index):
        return list(self._modules)[_absolute(index, len(self))]

    def _number(self, modules):
        self._modules = {str(i): module for i, module in enumerate(modules)}

    def append(self, module):
        """Add ``module`` at the end."""
        self.add_module(str(len(self)), module)
        return self

    def insert(self, index, module):
        """Put ``module`` before the one at ``index``."""
        if not isinstance(module, Module):
            raise AssertionError(f"module should be of type: {Module}\ngot {typename(module)}")
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index}\nthere are {len(self)} modules")
        modules = list(self)
        modules.insert(index, module)
        self._number(modules)
        return self

    def pop(self, key):
        """Take the module at ``key``, an index or a slice, out and return it."""
        taken = self[key]
        del self[key]
        return taken


class Sequential(_InOrder):
    """f_n ∘ … ∘ f_2 ∘ f_1: each module is called with what the one before it returned.

    Modules, or one OrderedDict of them by name.   torch: nn.Sequential

    >>> nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
    Sequential(
      (0): Linear(in_features=2, out_features=16, bias=True)
      (1): ReLU()
      (2): Linear(in_features=16, out_features=1, bias=True)
    )
    """

    def __init__(self, *args):
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for i, module in enumerate(args):
                self.add_module(str(i), module)

    def forward(self, input):
        for module in self._modules.values():
            input = module(input)
        return input

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self.__class__(OrderedDict(list(self._modules.items())[index]))
        return self._modules[self._name_at(index)]

    def extend(self, sequential):
        """Add the modules of ``sequential`` at the end."""
        for module in list(sequential):
            self.append(module)
        return self

    def __add__(self, other):
        return Sequential(*self, *_sequential(other))

    def __iadd__(self, other):
        return self.extend(_sequential(other))

    def __mul__(self, other):
        return Sequential(*list(self) * self._times(other))

    __rmul__ = __mul__

    def __imul__(self, other):
        return self.extend(list(self) * (self._times(other) - 1))

    def _times(self, number):
        if not isinstance(number, int):
            raise TypeError(f"unsupported operand type(s) for *: {type(self)} and {type(number)}")
        if number <= 0:
            raise ValueError(f"Non-positive multiplication factor {number} for {type(self)}")
        return number


class ModuleList(_InOrder):
    """A list of modules that are registered: they have no order of call, that is for the owner's forward to say.

    torch: nn.ModuleList

    >>> nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
    ModuleList(
      (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
    )
    """

    def __init__(self, modules=None):
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self.__class__(list(self)[index])
        return self._modules[self._name_at(index)]

    def extend(self, modules):
        """Add each of ``modules`` at the end."""
        if not isinstance(modules, Iterable):
            raise TypeError(f"ModuleList.extend should be called with an iterable, but got {type(modules).__name__}")
        for module in list(modules):
            self.append(module)
        return self

    def __iadd__(self, modules):
        return self.extend(modules)

    def __add__(self, other):
        return ModuleList([*self, *other])

    def __repr__(self):
        # neighbours that print alike are one line
        runs: list = []
        for i, text in enumerate(repr(module) for module in self):
            if runs and runs[-1][2] == text:
                runs[-1][1] = i
            else:
                runs.append([i, i, text])

        lines = [f"{self._get_name()}("]
        for first, last, text in runs:
            label = f"({first}): " if first == last else f"({first}-{last}): {last - first + 1} x "
            lines.append(indented(label + text))
        return "\n  ".join(lines) + ("\n)" if runs else ")")


class ModuleDict(Module):
    """A dict of modules that are registered, in the order in which they came.   torch: nn.ModuleDict

    >>> activations = nn.ModuleDict({"relu": nn.ReLU(), "tanh": nn.Tanh()})
    >>> activations["relu"](tensor(-1.))
    tensor(0.)
    """

    def __init__(self, modules=None):
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key):
        return self._modules[key]

    def __setitem__(self, key, module):
        self.add_module(key, module)

    def __delitem__(self, key):
        del self._modules[key]

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules)

    def __contains__(self, key):
        return key in self._modules

    def clear(self) -> None:
        """Take all modules out."""
        self._modules.clear()

    def pop(self, key):
        """Take the module ``key`` out and return it."""
        return self._modules.pop(key)

    def keys(self):
        """The names."""
        return self._modules.keys()

    def items(self):
        """Pairs of name and module."""
        return self._modules.items()

    def values(self):
        """The modules."""
        return self._modules.values()

    def update(self, modules) -> None:
        """Take in all of ``modules``, a mapping or pairs of name and module."""
        for key, module in _pairs(modules, "ModuleDict.update", "ModuleDict"):
            self[key] = module


class ParameterList(Module):
    """A list whose Tensors become Parameters and are registered; it takes any other value as well.

    torch: nn.ParameterList

    >>> nn.ParameterList([torch.zeros(2, 3), nn.Parameter(torch.zeros(1))])
    ParameterList(
        (0): Parameter containing: [torch.float32 of size 2x3]
        (1): Parameter containing: [torch.float32 of size 1]
    )
    """

    def __init__(self, values=None):
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self.__class__(list(self)[index])
        return getattr(self, str(_absolute(index, self._size)))

    def __setitem__(self, index, value):
        setattr(self, str(_absolute(index, self._size)), _as_parameter(value))

    def __len__(self):
        return self._size

    def __iter__(self):
        return (self[i] for i in range(self._size))

    def __iadd__(self, values):
        return self.extend(values)

    def append(self, value):
        """Add ``value`` at the end."""
        self._size += 1
        self[self._size - 1] = value
        return self

    def extend(self, values):
        """Add each of ``values`` at the end."""
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise TypeError(f"ParameterList.extend should be called with an iterable, but got {type(values).__name__}")
        for value in list(values):
            self.append(value)
        return self

    def extra_repr(self):
        return "\n".join(_entry(i, value, getattr(value, "dtype", None)) for i, value in enumerate(self))

    def __call__(self, *args, **kwargs):
        raise RuntimeError("ParameterList should not be called.")


class ParameterDict(Module):
    """A dict whose Tensors become Parameters and are registered; it takes any other value as well.

    torch: nn.ParameterDict

    >>> sides = nn.ParameterDict({"left": torch.zeros(2), "right": torch.ones(2)})
    >>> [name for name, _ in sides.named_parameters()]
    ['left', 'right']
    """

    def __init__(self, parameters=None):
        super().__init__()
        self._keys: dict = {}  # in order, as the values may be in _parameters or plain attributes
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key):
        return getattr(self, _checked_key(key))

    def __setitem__(self, key, value):
        setattr(self, _checked_key(key), _as_parameter(value))
        self._keys[key] = None

    def __delitem__(self, key):
        del self._keys[key]
        delattr(self, key)

    def __len__(self):
        return len(self._keys)

    def __iter__(self):
        return iter(self._keys)

    def __reversed__(self):
        return reversed(self._keys)

    def __contains__(self, key):
        return key in self._keys

    def copy(self):
        """Another ParameterDict with the same Parameters."""
        return ParameterDict(OrderedDict(self.items()))

    def get(self, key, default=None):
        """The value of ``key``, or ``default`` if there is none."""
        return self[key] if key in self._keys else default

    def setdefault(self, key, default=None):
        """The value of ``key``, which becomes ``default`` if there is none."""
        if key not in self._keys:
            self[key] = default
        return self[key]

    def pop(self, key):
        """Take ``key`` out and return its value."""
        value = self[key]
        del self[key]
        return value

    def popitem(self):
        """Take the last key out and return it with its value."""
        if not self._keys:
            raise KeyError("popitem(): dictionary is empty")
        key = next(reversed(self._keys))
        return key, self.pop(key)

    def clear(self) -> None:
        """Take all keys out."""
        for key in list(self._keys):
            del self[key]

    def fromkeys(self, keys, default=None):
        """A new ParameterDict in which each of ``keys`` has the value ``default``."""
        return ParameterDict([(key, default) for key in keys])

    def keys(self):
        """The names."""
        return self._keys.keys()

    def items(self):
        """Pairs of name and value."""
        return ((key, self[key]) for key in self._keys)

    def values(self):
        """The values."""
        return (self[key] for key in self._keys)

    def update(self, parameters) -> None:
        """Take in all of ``parameters``, a mapping or pairs. A plain dict comes in the order of its sorted keys."""
        pairs = _pairs(parameters, "ParametersDict.update", "ParameterDict")
        if isinstance(parameters, Mapping) and not isinstance(parameters, OrderedDict):
            pairs = sorted(pairs)
        for key, value in pairs:
            self[key] = value

    def __or__(self, other):
        union = self.copy()
        union.update(other)
        return union

    def __ror__(self, other):
        union = other.copy()
        union.update(self)
        return union

    def __ior__(self, other):
        self.update(other)
        return self

    def extra_repr(self):
        return "\n".join(_entry(key, value, typename(value)) for key, value in self.items())

    def __call__(self, *args, **kwargs):
        raise RuntimeError("ParameterDict should not be called.")


# ---------------------------------------------------------------------------------------------------------


def _absolute(index, size):
    """``index`` counted from the beginning: -1 is ``size - 1``."""
    index = operator.index(index)
    if not -size <= index < size:
        raise IndexError(f"index {index} is out of range\nthere are {size} elements")
    return index % size


def _as_parameter(value):
    """A Tensor as a Parameter, anything else as it is."""
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


def _sequential(other):
    if not isinstance(other, Sequential):
        raise ValueError(
            f"add operator supports only objects of Sequential class, but {type(other)} is given.\n"
            "for a list of modules, use extend"
        )
    return other


def _checked_key(key):
    if not isinstance(key, str):
        raise TypeError(
            "Index given to ParameterDict cannot be used as a key as it is not a string "
            f"(type is '{type(key).__name__}'). Open an issue on github if you need non-string keys.\n"
            "use str(key): it becomes a part of the parameter's name"
        )
    return key


def _pairs(given, call, name):
    """The pairs of key and value in a mapping, one of our dicts, or a sequence of pairs."""
    if not isinstance(given, Iterable):
        raise TypeError(
            f"{call} should be called with an iterable of key/value pairs, but got {type(given).__name__}"
        )
    if isinstance(given, (Mapping, ModuleDict, ParameterDict)):
        return list(given.items())

    pairs = []
    for i, pair in enumerate(given):
        if not isinstance(pair, Iterable):
            raise TypeError(f"{name} update sequence element #{i} should be Iterable; is{type(pair).__name__}")
        pair = tuple(pair)
        if len(pair) != 2:
            raise ValueError(f"{name} update sequence element #{i} has length {len(pair)}; 2 is required")
        pairs.append(pair)
    return pairs


def _entry(key, value, kind):
    """The line that ParameterList and ParameterDict print for one of their values."""
    if not isinstance(value, Tensor):
        return f"  ({key}): Object of type: {type(value).__name__}"
    name = "Parameter" if isinstance(value, Parameter) else "Tensor"
    where = f" ({value.device})" if value.device.type == "cuda" else ""
    return f"  ({key}): {name} containing: [{kind} of size {'x'.join(map(str, value.shape))}{where}]"
