"""A parameter that is computed from another at each use: ``module.weight`` becomes ``f(module.parametrizations.weight.original)``.

    class Symmetric(nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).mT

    register_parametrization(layer, "weight", Symmetric())

The layer's class becomes one made for it, of the same name with "Parametrized" before it, in which ``weight`` is a
property. ``right_inverse``, if the parametrization has it, says which original belongs to a given value.

torch: nn/utils/parametrize.py
"""

from collections.abc import Sequence
from contextlib import contextmanager
from copy import deepcopy

from ...absent import absent
from ...engine import Tensor, no_grad
from ..container import ModuleDict, ModuleList
from ..parameter import Parameter

__all__ = [
    "ParametrizationList", "cached", "is_parametrized", "register_parametrization", "remove_parametrizations",
    "transfer_parametrizations_and_params", "type_before_parametrizations",
]  # fmt: skip

__getattr__ = absent(__name__)

values: list[dict] = []
"""Inside ``cached``: the values computed so far, by module and name. Nested blocks share them."""


@contextmanager
def cached():
    """Inside this block every parametrized tensor is computed once only, when first used.

    torch: nn.utils.parametrize.cached
    """
    values.append(values[-1] if values else {})
    try:
        yield
    finally:
        values.pop()


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, first to last, and that tensor as ``original``, or ``original0``, ``original1``…

    Several originals are what a ``right_inverse`` that returns several tensors makes.
    torch: nn.utils.parametrize.ParametrizationList
    """

    def __init__(self, modules, original, unsafe=False):
        if len(modules) == 0:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype = original.shape, original.dtype

        with no_grad():
            new = original
            for module in reversed(self):
                if hasattr(module, "right_inverse"):
                    try:
                        new = module.right_inverse(new)
                    except NotImplementedError:
                        pass  # as if there were none: the identity
        if not isinstance(new, (Tensor, Sequence)):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(new).__name__}"
            )
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if self.is_tensor else len(new)
        if self.is_tensor:
            self._keep_one(original, new)
        else:
            self._keep_several(original, new)

        if not unsafe:
            value = self()
            _check_returned(value)
            _check_same("dtype", dtype, value.dtype)
            _check_same("shape", shape, value.shape)

    def _keep_one(self, original, new):
        for what in ("dtype", "device"):
            before, after = getattr(original, what), getattr(new, what)
            if before != after:
                raise ValueError(
                    f"When `right_inverse` outputs one tensor, it may not change the {what}.\n"
                    f"original.{what}: {before}\nright_inverse(original).{what}: {after}"
                )
        original.data = new.data  # the same object: an optimizer that has it keeps it
        _register(self, "original", original)

    def _keep_several(self, original, new):
        for i, tensor in enumerate(new):
            if not isinstance(tensor, Tensor):
                raise ValueError(
                    "'right_inverse' must return a Tensor or a Sequence of tensors "
                    f"(list, tuple...). Got element {i} of the sequence with type {type(tensor).__name__}."
                )
            if isinstance(original, Parameter):
                tensor = Parameter(tensor, original.requires_grad)
            tensor.requires_grad_(original.requires_grad)
            _register(self, f"original{i}", tensor)

    def right_inverse(self, value):
        """Make the originals such that the parametrized tensor becomes ``value``: what an assignment to it does."""
        with no_grad():
            for module in reversed(self):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse.\n"
                        "without it nothing can be assigned to the parametrized tensor"
                    )
                value = module.right_inverse(value)
            if self.is_tensor:
                self._set_one(value)
            else:
                self._set_several(value)

    def _set_one(self, value):
        if not isinstance(value, Tensor):
            raise ValueError(f"`right_inverse` should return a tensor. Got {type(value).__name__}")
        if value.dtype != self.original.dtype:
            raise ValueError(
                f"The tensor returned by `right_inverse` has dtype {value.dtype} "
                f"while `original` has dtype {self.original.dtype}"
            )
        self.original.data = value.data

    def _set_several(self, value):
        if not isinstance(value, Sequence):
            raise ValueError(f"'right_inverse' must return a sequence of tensors. Got {type(value).__name__}.")
        if len(value) != self.ntensors:
            raise ValueError(
                "'right_inverse' must return a sequence of tensors of length "
                f"{self.ntensors}. Got a sequence of length {len(value)}."
            )
        for i, (original, tensor) in enumerate(zip(self._originals(), value, strict=True)):
            if not isinstance(tensor, Tensor):
                raise ValueError(
                    "'right_inverse' must return a sequence of tensors or reference-type opaques. "
                    f"Got element {i} of type {type(tensor).__name__}."
                )
            if original.dtype != tensor.dtype:
                raise ValueError(
                    f"Tensor {i} returned by `right_inverse` has dtype {tensor.dtype} "
                    f"while `original{i}` has dtype {original.dtype}"
                )
            original.data = tensor.data

    def _originals(self):
        return [self.original] if self.is_tensor else [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def forward(self):
        first, *others = self
        x = first(*self._originals())
        for module in others:
            x = module(x)
        return x


def _register(module, name, tensor):
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _check_returned(value):
    if not isinstance(value, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(value).__name__}.")


def _check_same(what, before, after):
    if before != after:
        raise ValueError(
            f"Registering a parametrization may not change the {what} of the tensor, unless `unsafe` flag is enabled.\n"
            f"unparametrized {what}: {before}\nparametrized {what}: {after}"
        )


# --------------------------------------------------------------------------------------------------- the layer's own class


def _refuse_pickling(module):
    raise RuntimeError(
        "Serialization of parametrized modules is only "
        "supported through state_dict(). See:\n"
        "https://pytorch.org/tutorials/beginner/saving_loading_models.html"
        "#saving-loading-a-general-checkpoint-for-inference-and-or-resuming-training"
    )


def _class_with(cls, names):
    """A class like ``cls`` in which each of ``names`` is computed by ``self.parametrizations``."""
    own = {
        "__getstate__": _refuse_pickling,
        "__deepcopy__": lambda self, memo: _deep_copy(self, cls, memo),
        **{name: _computed(name) for name in names},
    }
    return type(f"Parametrized{cls.__name__}", (cls,), own)


def _deep_copy(module, cls, memo):
    if id(module) not in memo:
        replica = memo[id(module)] = object.__new__(type(module))
        replica.__setstate__(deepcopy(cls.__getstate__(module), memo))
    return memo[id(module)]


def _computed(name):
    def get(module):
        parametrization = module.parametrizations[name]
        if not values:
            return parametrization()
        known, key = values[-1], (id(module), name)
        if key not in known:
            known[key] = parametrization()
        return known[key]

    def set(module, value):
        module.parametrizations[name].right_inverse(value)

    return property(get, set)


# ------------------------------------------------------------------------------------------------------------- on and off


def register_parametrization(module, tensor_name, parametrization, *, unsafe=False):
    """Compute ``module.tensor_name`` by ``parametrization`` at each use, after those that it has already.

    unsafe: allow that dtype or shape change, and skip the checks, which call the parametrization.
    torch: nn.utils.parametrize.register_parametrization

    >>> from minitorch.nn.utils.parametrize import register_parametrization
    >>> class Doubled(nn.Module):
    ...     def forward(self, x):
    ...         return 2 * x
    >>> layer = nn.Linear(1, 1, bias=False)
    >>> _ = layer.weight.data.fill_(3)
    >>> register_parametrization(layer, "weight", Doubled()).weight
    tensor([[6.]], grad_fn=<MulBackward0>)
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _check_next(module, tensor_name, parametrization)
        module.parametrizations[tensor_name].append(parametrization)
        module.parametrizations[tensor_name].unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        made = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe=unsafe)
        delattr(module, tensor_name)
        cls = type_before_parametrizations(module)
        if not is_parametrized(module):
            module.parametrizations = ModuleDict()
        module.__class__ = _class_with(cls, [*module.parametrizations, tensor_name])
        module.parametrizations[tensor_name] = made
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a "
            f"parametrized element with name '{tensor_name}'"
        )
    return module


def _check_next(module, name, parametrization):
    """One more parametrization, too, must leave dtype and shape as they are, and its inverse as well."""
    y = getattr(module, name)
    x = parametrization(y)
    _check_returned(x)
    for what in ("dtype", "shape"):
        if getattr(x, what) != getattr(y, what):
            raise ValueError(
                f"Registering a parametrization may not change the {what} of the tensor, unless the `unsafe` flag is "
                f"enabled.\nmodule.{name}.{what}: {getattr(y, what)}\n"
                f"parametrization(module.{name}).{what}: {getattr(x, what)}"
            )
    if not hasattr(parametrization, "right_inverse"):
        return
    try:
        z = parametrization.right_inverse(x)
    except NotImplementedError:
        return
    if not isinstance(z, Tensor):
        raise ValueError(f"parametrization.right_inverse must return a tensor. Got: {type(z).__name__}")
    for what in ("dtype", "shape"):
        if getattr(z, what) != getattr(y, what):
            raise ValueError(
                f"The tensor returned by parametrization.right_inverse must have the same {what} "
                f"as module.{name}, unless the `unsafe` flag is enabled.\n"
                f"module.{name}.{what}: {getattr(y, what)}\nreturned {what}: {getattr(z, what)}"
            )


def is_parametrized(module, tensor_name=None):
    """Whether ``module`` has a parametrized tensor, or that of this name.   torch: nn.utils.parametrize.is_parametrized"""
    found = getattr(module, "parametrizations", None)
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def remove_parametrizations(module, tensor_name, leave_parametrized=True):
    """Make ``module.tensor_name`` a plain parameter or buffer again: with the computed value, or with the original.

    torch: nn.utils.parametrize.remove_parametrizations
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    parametrizations = module.parametrizations[tensor_name]
    if parametrizations.is_tensor:
        original = parametrizations.original
        if leave_parametrized:
            with no_grad():
                original.data = getattr(module, tensor_name).data
    elif leave_parametrized:
        value = getattr(module, tensor_name)
        original = Parameter(value) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor "
            "that is parametrized in terms of a sequence of tensors."
        )

    cls = type_before_parametrizations(module)
    del module.parametrizations[tensor_name]
    left = list(module.parametrizations)
    if not left:
        del module.parametrizations
    module.__class__ = _class_with(cls, left) if left else cls
    _register(module, tensor_name, original)
    return module


def type_before_parametrizations(module):
    """The class that ``module`` had before.   torch: nn.utils.parametrize.type_before_parametrizations"""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(from_module, to_module, tensor_name=None):
    """Give ``to_module`` the parametrizations of ``from_module``, or of one of its tensors, and their originals.

    torch: nn.utils.parametrize.transfer_parametrizations_and_params
    """
    if not is_parametrized(from_module):
        return to_module
    for name in list(from_module.parametrizations) if tensor_name is None else [tensor_name]:
        source = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name)))
        for parametrization in source:
            register_parametrization(to_module, name, parametrization)
        target = to_module.parametrizations[name]
        for key in source._parameters | source._buffers:
            setattr(target, key, getattr(source, key))
    return to_module
