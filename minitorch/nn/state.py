"""A module's state as a dict of tensors, and back. These functions are methods of Module.

    OrderedDict({"0.weight": tensor, "0.bias": tensor, "1.running_mean": tensor})

A name is the path of the module and the name of the parameter or buffer. ``_metadata``, an attribute of the dict, has
each module's ``_version``. Each module saves and loads its own part in ``_save_to_state_dict`` and
``_load_from_state_dict``, which a class may override.

torch: nn/modules/module.py
"""

from collections import OrderedDict, namedtuple
from collections.abc import Mapping

from ..engine import Tensor, no_grad
from .hooks import add_hook
from .parameter import Parameter, is_lazy

__all__ = [
    "_IncompatibleKeys", "_load_from_state_dict", "_register_load_state_dict_pre_hook", "_register_state_dict_hook",
    "_save_to_state_dict", "get_extra_state", "load_state_dict", "register_load_state_dict_post_hook",
    "register_load_state_dict_pre_hook", "register_state_dict_post_hook", "register_state_dict_pre_hook",
    "set_extra_state", "state_dict",
]  # fmt: skip

EXTRA_STATE = "_extra_state"


class _IncompatibleKeys(namedtuple("_IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What ``load_state_dict`` returns: the keys that the module wanted and didn't find, and found and didn't want."""

    __slots__ = ()

    def __repr__(self):
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


# ---------------------------------------------------------------------------------------------------------
# Saving


def state_dict(self, destination=None, prefix="", keep_vars=False):
    """The parameters and persistent buffers of this module and all below, by path. They share the module's memory.

    With ``keep_vars`` they are the Parameters themselves, otherwise detached.   torch: Module.state_dict

    >>> list(nn.Sequential(nn.Linear(2, 1), nn.ReLU()).state_dict())
    ['0.weight', '0.bias']
    """
    if destination is None:
        destination = OrderedDict()
        destination._metadata = OrderedDict()
    metadata = {"version": self._version}
    if hasattr(destination, "_metadata"):
        destination._metadata[prefix[:-1]] = metadata

    for hook in self._state_dict_pre_hooks.values():
        hook(self, prefix, keep_vars)
    self._save_to_state_dict(destination, prefix, keep_vars)
    for name, module in self._modules.items():
        if module is not None:
            module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)

    for number, hook in self._state_dict_hooks.items():
        changed = hook(self, destination, prefix, metadata)
        if changed is not None and number in self._state_dict_post_hooks:
            raise RuntimeError("state_dict post-hook must return None\nlet it change the state_dict in place")
        destination = destination if changed is None else changed
    return destination


def _save_to_state_dict(self, destination, prefix, keep_vars):
    """Put this module's own part, without its children's, into ``destination``."""
    for name, tensor in _own_state(self):
        destination[prefix + name] = tensor if keep_vars else tensor.detach()
    if type(self).get_extra_state is not get_extra_state:
        destination[prefix + EXTRA_STATE] = self.get_extra_state()


def _own_state(module):
    """The parameters and persistent buffers of this one module: pairs of name and tensor."""
    hidden = module._non_persistent_buffers_set
    buffers = [(name, buffer) for name, buffer in module._buffers.items() if name not in hidden]
    return [(name, tensor) for name, tensor in [*module._parameters.items(), *buffers] if tensor is not None]


def get_extra_state(self):
    """Override to save more than tensors: what it returns becomes the entry ``_extra_state``.

    torch: Module.get_extra_state
    """
    raise RuntimeError("Reached a code path in Module.get_extra_state() that should never be called.")


def set_extra_state(self, state):
    """Override to take back what ``get_extra_state`` returned.   torch: Module.set_extra_state"""
    raise RuntimeError("Reached a code path in Module.set_extra_state() that should never be called.")


# ---------------------------------------------------------------------------------------------------------
# Loading


def load_state_dict(self, state_dict, strict=True, assign=False):
    """Copy the values of ``state_dict`` into this module and all below.

    strict: raise if a key is missing or unexpected.
    assign: put the given tensors in the parameters' and buffers' places; make the optimizer afterwards.
    torch: Module.load_state_dict

    >>> layer = nn.Linear(2, 1)
    >>> layer.load_state_dict({"weight": tensor([[1., 2.]]), "bias": tensor([3.])})
    <All keys matched successfully>
    >>> layer(tensor([1., 1.])).item()
    6.0
    """
    if not isinstance(state_dict, Mapping):
        raise TypeError(
            f"Expected state_dict to be dict-like, got {type(state_dict)}.\n"
            "load the file first: module.load_state_dict(torch.load(path))"
        )
    metadata = getattr(state_dict, "_metadata", None) or {}
    state_dict = OrderedDict(state_dict)  # a copy: _load_from_state_dict may change it
    state_dict._metadata = metadata

    found = _IncompatibleKeys([], [])
    errors: list = []
    _load(self, state_dict, "", metadata, assign, found, errors)

    if strict:
        for text, keys in (("Unexpected", found.unexpected_keys), ("Missing", found.missing_keys)):
            if keys:
                listed = ", ".join(f'"{key}"' for key in keys)
                errors.insert(0, f"{text} key(s) in state_dict: {listed}. ")
    if errors:
        report = "\n\t".join(errors)
        raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{report}")
    return found


def _load(module, state, prefix, metadata, assign, found, errors):
    """Load ``module`` and all below from the entries of ``state``, whose keys all begin with ``prefix``."""
    local = dict(metadata.get(prefix[:-1], {}))
    if assign:
        local["assign_to_params_buffers"] = True
    module._load_from_state_dict(state, prefix, local, True, found.missing_keys, found.unexpected_keys, errors)

    for name, child in module._modules.items():
        if child is not None:
            path = f"{prefix}{name}."
            below = {key: value for key, value in state.items() if key.startswith(path)}
            _load(child, below, path, metadata, assign, found, errors)

    for hook in module._load_state_dict_post_hooks.values():
        if hook(module, found) is not None:
            raise AssertionError(
                "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to return new values, "
                "if incompatible_keys need to be modified, it should be done inplace."
            )


def _load_from_state_dict(
    self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
):  # fmt: skip
    """Load this module's own part, without its children's; what is wrong is added to the three lists."""
    arguments = (state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
    for number, hook in self._load_state_dict_pre_hooks.items():
        if number in self._load_state_dict_pre_hooks_with_module:
            hook(self, *arguments)
        else:
            hook(*arguments)

    assign = local_metadata.get("assign_to_params_buffers", False)
    own = dict(_own_state(self))
    for name, tensor in own.items():
        key = prefix + name
        if key in state_dict:
            _load_tensor(self, name, tensor, key, state_dict[key], assign, error_msgs)
        elif strict:
            missing_keys.append(key)

    extra = prefix + EXTRA_STATE
    if type(self).set_extra_state is not set_extra_state:
        if extra in state_dict:
            self.set_extra_state(state_dict[extra])
        elif strict:
            missing_keys.append(extra)
    elif strict and extra in state_dict:
        unexpected_keys.append(extra)

    if strict:
        for key in state_dict:
            if key.startswith(prefix) and key != extra:
                name, dot, _ = key[len(prefix) :].partition(".")
                if name not in (self._modules if dot else own):
                    unexpected_keys.append(key)


def _load_tensor(module, name, tensor, key, value, assign, errors):
    """``value`` into the parameter or buffer ``name`` of ``module``, which now is ``tensor``."""
    if not isinstance(value, Tensor):
        errors.append(
            f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object from checkpoint '
            f"but received {type(value)}"
        )
        return
    lazy = is_lazy(tensor)
    if not lazy and tensor.ndim == 0 and tuple(value.shape) == (1,):
        value = value[0]
    if not lazy and value.shape != tensor.shape:
        errors.append(
            f"size mismatch for {key}: copying a param with shape {value.shape} from checkpoint, "
            f"the shape in current model is {tensor.shape}."
        )
        return

    try:
        with no_grad():
            if not assign:
                tensor.copy_(value)
            elif not isinstance(tensor, Parameter):
                setattr(module, name, value)
            elif isinstance(value, Parameter):
                setattr(module, name, value.requires_grad_(tensor.requires_grad))
            else:
                setattr(module, name, Parameter(value, tensor.requires_grad))
    except Exception as error:
        errors.append(
            f'While copying the parameter named "{key}", whose dimensions in the model are {tensor.shape} and '
            f"whose dimensions in the checkpoint are {value.shape}, an exception occurred : {error.args}."
        )


# ---------------------------------------------------------------------------------------------------------
# Hooks


def register_state_dict_pre_hook(self, hook):
    """Call ``hook(module, prefix, keep_vars)`` before the module is saved.   torch: register_state_dict_pre_hook"""
    return add_hook(self._state_dict_pre_hooks, hook)


def register_state_dict_post_hook(self, hook):
    """Call ``hook(module, state_dict, prefix, local_metadata)`` after the module and all below are saved.

    It may change the state_dict in place.   torch: Module.register_state_dict_post_hook
    """
    return add_hook(self._state_dict_hooks, hook, flags=[self._state_dict_post_hooks])


def _register_state_dict_hook(self, hook):
    """The older form of ``register_state_dict_post_hook``: a returned dict is what ``state_dict`` returns."""
    return add_hook(self._state_dict_hooks, hook)


def register_load_state_dict_pre_hook(self, hook):
    """Call ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)``
    before the module is loaded: the place to rename old keys.   torch: Module.register_load_state_dict_pre_hook
    """
    return self._register_load_state_dict_pre_hook(hook, with_module=True)


def _register_load_state_dict_pre_hook(self, hook, with_module=False):
    """The older form: without ``with_module`` the hook gets all but the module."""
    flags = [self._load_state_dict_pre_hooks_with_module] if with_module else []
    return add_hook(self._load_state_dict_pre_hooks, hook, flags=flags)


def register_load_state_dict_post_hook(self, hook):
    """Call ``hook(module, incompatible_keys)`` after the module and all below are loaded.

    It may change the two lists in place.   torch: Module.register_load_state_dict_post_hook
    """
    return add_hook(self._load_state_dict_post_hooks, hook)
