"""Module: a function with memory. Parameters it learns, buffers it keeps, submodules it is made of.

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = nn.Linear(2, 16)                  a submodule: _modules["hidden"]
            self.scale = nn.Parameter(torch.ones(1))        a parameter: _parameters["scale"]
            self.register_buffer("seen", torch.zeros(1))    a buffer:    _buffers["seen"]

        def forward(self, x):
            return self.hidden(x) * self.scale

To assign an attribute is to register it. parameters(), state_dict(), to(), train() and printing then go down the tree
of submodules. Beside this file: ``members`` (the three dicts), ``state`` (to a dict of tensors and back),
``conversion`` (move, cast, freeze) and ``hooks``; their functions are listed in the class as its methods.

torch: nn/modules/module.py
"""

from collections import OrderedDict
from importlib import import_module

from ..engine import Tensor
from ..graph import CHANGES
from ..tensortypes import typename
from . import conversion, state
from .hooks import add_hook, call_with_hooks, every_buffer, every_call, every_module, every_parameter
from .members import BOOKS, Members
from .parameter import Buffer, Parameter

__all__ = ["LayerNote", "Module", "indented", "note_layer"]

HOOKS = (
    "_forward_pre_hooks", "_forward_pre_hooks_with_kwargs", "_forward_hooks", "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called", "_backward_pre_hooks", "_backward_hooks", "_state_dict_pre_hooks",
    "_state_dict_hooks", "_state_dict_post_hooks", "_load_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks_with_module", "_load_state_dict_post_hooks",
)  # fmt: skip


class Module:
    """The base of all layers and models: write ``__init__`` (after ``super().__init__()``) and ``forward``.

    torch: nn.Module

    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = nn.Parameter(tensor(3.))
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> module = Scale()
    >>> module(tensor(2.))
    tensor(6., grad_fn=<MulBackward0>)
    >>> dict(module.state_dict())
    {'factor': tensor(3.)}
    """

    training: bool
    call_super_init = False
    dump_patches = False
    _version = 1
    _compiled_call_impl = None
    _is_full_backward_hook: bool | None = None

    def __init__(self, *args, **kwargs):
        if not self.call_super_init and (args or kwargs):
            self._refuse_arguments(args, kwargs)

        for book in BOOKS:
            self._keep(book, {})
        attributes = self.__dict__
        attributes.update((hooks, OrderedDict()) for hooks in HOOKS)
        attributes["_non_persistent_buffers_set"] = set()
        attributes["training"] = True

        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def _refuse_arguments(self, args, kwargs):
        name = type(self).__name__
        if kwargs:
            raise TypeError(f"{name}.__init__() got an unexpected keyword argument '{next(iter(kwargs))}'")
        raise TypeError(f"{name}.__init__() takes 1 positional argument but {len(args) + 1} were given")

    # -----------------------------------------------------------------------------------------------------
    # Calling

    def forward(self, *args, **kwargs):
        """What the module computes. Call ``module(x)``, not this: the call runs the hooks as well."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function\n'
            "define forward(self, x) in the class; containers such as ModuleList have none: call their elements"
        )

    def __call__(self, *args, **kwargs):
        try:
            own = self.__dict__
            if (
                own["_forward_hooks"] or own["_forward_pre_hooks"] or own["_backward_hooks"]
                or own["_backward_pre_hooks"] or every_call or self._compiled_call_impl
            ):  # fmt: skip
                return (self._compiled_call_impl or self._call_impl)(*args, **kwargs)
            return self.forward(*args, **kwargs)
        except Exception as error:
            note_layer(error, self)
            raise

    def _call_impl(self, *args, **kwargs):
        return call_with_hooks(self, args, kwargs)

    def compile(self, *args, **kwargs) -> None:
        """Have calls of this module answered by a compiled program from now on: ``torch.compile`` of the call, hooks too.

        Copies of it, and what is loaded from its pickle, run eagerly.   torch: Module.compile

        >>> layer = nn.Identity()
        >>> layer.compile()
        >>> layer(tensor(2.))
        tensor(2.)
        """
        compiling = import_module("..compiling", __package__)  # loaded by whoever compiles, and nobody else
        self.__dict__["_compiled_call_impl"] = compiling.compile(self._call_impl, *args, **kwargs)

    def register_forward_pre_hook(self, hook, *, prepend=False, with_kwargs=False):
        """Call ``hook(module, args)`` before forward; what it returns, if not None, is forward's new args.

        With ``with_kwargs`` it is ``hook(module, args, kwargs)`` and returns both.
        torch: Module.register_forward_pre_hook
        """
        flags = [self._forward_pre_hooks_with_kwargs] if with_kwargs else []
        return add_hook(self._forward_pre_hooks, hook, prepend, flags)

    def register_forward_hook(self, hook, *, prepend=False, with_kwargs=False, always_call=False):
        """Call ``hook(module, args, output)`` after forward; what it returns, if not None, is the new output.

        With ``with_kwargs`` it is ``hook(module, args, kwargs, output)``; with ``always_call`` it is called even if
        forward raised.   torch: Module.register_forward_hook
        """
        flags = [self._forward_hooks_with_kwargs] if with_kwargs else []
        if always_call:
            flags.append(self._forward_hooks_always_called)
        return add_hook(self._forward_hooks, hook, prepend, flags)

    def register_full_backward_pre_hook(self, hook, prepend=False):
        """Call ``hook(module, grad_output)`` in backward; what it returns, if not None, goes on in grad_output's place.

        torch: Module.register_full_backward_pre_hook
        """
        return add_hook(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(self, hook, prepend=False):
        """Call ``hook(module, grad_input, grad_output)`` when backward has reached the module's positional inputs.

        What it returns, if not None, goes on in grad_input's place.   torch: Module.register_full_backward_hook

        >>> layer, x = nn.Identity(), tensor(2., requires_grad=True)
        >>> handle = layer.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] * 10,))
        >>> layer(x).backward()
        >>> x.grad
        tensor(10.)
        """
        self._backward_hooks_are(full=True)
        return add_hook(self._backward_hooks, hook, prepend)

    def register_backward_hook(self, hook):
        """The older hook: its grad_input is that of the last operation in forward, not of the module.

        Use ``register_full_backward_hook``.   torch: Module.register_backward_hook
        """
        self._backward_hooks_are(full=False)
        return add_hook(self._backward_hooks, hook)

    def _backward_hooks_are(self, full):
        if self._is_full_backward_hook is (not full):
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a "
                "single Module. Please use only one of them."
            )
        self._is_full_backward_hook = full

    # -----------------------------------------------------------------------------------------------------
    # Attributes

    def __getattr__(self, name):
        # found in __dict__ before this is asked, but for a module restored by a __setstate__ of its own
        for book in BOOKS:
            members = self.__dict__.get(book)
            if members is not None and name in members:
                return members[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'", name=name, obj=self)

    def __setattr__(self, name, value):
        own = self.__dict__
        if isinstance(value, Parameter) or name in own.get("_parameters", ()):
            self._set_parameter(name, value)
        elif isinstance(value, Module) or name in own.get("_modules", ()):
            self._set_module(name, value)
        elif isinstance(value, Buffer) or name in own.get("_buffers", ()):
            self._set_buffer(name, value)
        elif name in BOOKS:
            self._keep(name, value)
        else:
            if own.get(name, own) is not value and getattr(own.get("_modules"), "watched", True):
                CHANGES[0] += 1
            object.__setattr__(self, name, value)

    def _set_parameter(self, name, value):
        if isinstance(value, Parameter):
            self._must_be_ready("parameters")
            self._forget(name, but="_parameters")
        elif value is not None:
            raise TypeError(
                f"cannot assign '{typename(value)}' as parameter '{name}' (torch.nn.Parameter or None expected)\n"
                f"wrap it in nn.Parameter, or change the values in place: module.{name}.copy_(...) under no_grad"
            )
        self.register_parameter(name, value)

    def _set_module(self, name, value):
        if isinstance(value, Module):
            self._must_be_ready("module")
            self._forget(name, but="_modules")
        elif value is not None:
            raise TypeError(
                f"cannot assign '{typename(value)}' as child module '{name}' (torch.nn.Module or None expected)\n"
                f"'{name}' is a submodule: del module.{name} first to use the name for something else"
            )
        self._modules[name] = _after_hooks(every_module, self, name, value)

    def _set_buffer(self, name, value):
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(
                f"cannot assign '{typename(value)}' as buffer '{name}' "
                "(torch.nn.Buffer, torch.Tensor or None expected)\n"
                f"make it a tensor, or del module.{name} first to use the name for something else"
            )
        if isinstance(value, Buffer):
            self.register_buffer(name, value, value.persistent)
        else:
            self.register_buffer(name, value, name not in self._non_persistent_buffers_set)

    def __delattr__(self, name):
        for book in BOOKS:
            if name in self.__dict__[book]:
                del self.__dict__[book][name]
                self._non_persistent_buffers_set.discard(name)
                return
        CHANGES[0] += 1
        object.__delattr__(self, name)

    def __dir__(self):
        names = {*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers}
        return sorted(name for name in names if not name[0].isdigit())

    def _keep(self, book, members):
        """Make ``members`` the module's new ``book``, and its entries attributes in place of the old one's."""
        own = self.__dict__
        watched = getattr(own.get(book), "watched", False)
        CHANGES[0] += watched
        for name in own.get(book, ()):
            own.pop(name, None)
        own[book] = Members(self, members, watched)

    def _forget(self, name, but):
        self.__dict__.pop(name, None)
        self._non_persistent_buffers_set.discard(name)
        for book in BOOKS:
            if book != but:
                self.__dict__[book].pop(name, None)

    def _must_be_ready(self, what):
        if "_parameters" not in self.__dict__:
            raise AttributeError(
                f"cannot assign {what} before Module.__init__() call\n"
                f"call super().__init__() first in {type(self).__name__}.__init__"
            )

    def register_parameter(self, name, param) -> None:
        """Make ``param`` (a Parameter or None) an attribute that is learned.   torch: Module.register_parameter"""
        self._must_be_ready("parameter")
        self._check_name(name, "parameter", self._parameters)
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{typename(param)}' object to parameter '{name}' "
                    "(torch.nn.Parameter or None required)\nwrap it in nn.Parameter"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created explicitly."
                    f" To express '{name}' as a function of another Tensor, compute the value in the forward() method."
                )
            param = _after_hooks(every_parameter, self, name, param)
        self._parameters[name] = param

    def register_buffer(self, name, tensor, persistent=True) -> None:
        """Make ``tensor`` (a Tensor or None) an attribute ``name``: state that moves with the module but isn't learned.

        A persistent one is part of ``state_dict``.   torch: Module.register_buffer
        """
        self._must_be_ready("buffer")
        self._check_name(name, "buffer", self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{typename(tensor)}' object to buffer '{name}' (torch Tensor or None required)\n"
                "make it one: torch.tensor(...)"
            )
        self._buffers[name] = _after_hooks(every_buffer, self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name, module) -> None:
        """Make ``module`` (a Module or None) a child called ``name``.   torch: Module.add_module"""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{typename(module)} is not a Module subclass\npass an instance of nn.Module")
        self._must_be_ready("module")
        self._check_name(name, "module", self._modules)
        self._modules[name] = _after_hooks(every_module, self, name, module)

    def register_module(self, name, module) -> None:
        """The same as ``add_module``."""
        self.add_module(name, module)

    def _check_name(self, name, kind, book):
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {typename(name)}")
        if hasattr(self, name) and name not in book:
            raise KeyError(f"attribute '{name}' already exists")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."' + (f", got: {name}" if kind == "module" else ""))
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')

    # -----------------------------------------------------------------------------------------------------
    # The tree

    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        """This module and all below it, each with its path; one that is used twice comes once.

        torch: Module.named_modules

        >>> [name for name, _ in nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh())).named_modules()]
        ['', '0', '1', '1.0']
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                path = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(memo, path, remove_duplicate)

    def modules(self, remove_duplicate=True):
        """This module and all below it.   torch: Module.modules"""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_children(self):
        """The modules directly below, each with its name.   torch: Module.named_children"""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self):
        """The modules directly below.   torch: Module.children"""
        for _, module in self.named_children():
            yield module

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        """All parameters, each with its path; one that is used twice comes once.   torch: Module.named_parameters"""
        return self._named_members(lambda module: module._parameters.items(), prefix, recurse, remove_duplicate)

    def parameters(self, recurse=True):
        """All parameters: what an optimizer wants to have.   torch: Module.parameters"""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
        """All buffers, each with its path.   torch: Module.named_buffers"""
        return self._named_members(lambda module: module._buffers.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse=True):
        """All buffers.   torch: Module.buffers"""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def _named_members(self, get_members_fn, prefix="", recurse=True, remove_duplicate=True):
        seen = set()
        modules = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, member in get_members_fn(module):
                if member is None or id(member) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(member))
                yield (f"{path}.{name}" if path else name), member

    def get_submodule(self, target: str):
        """The module at path ``target``, e.g. "layers.2.norm".   torch: Module.get_submodule"""
        module = self
        for name in target.split(".") if target else ():
            module = module._get_member(name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module\nin the path '{target}'")
        return module

    def set_submodule(self, target: str, module, strict=False) -> None:
        """Put ``module`` at path ``target``; if ``strict`` there must be one already.   torch: Module.set_submodule"""
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict or hasattr(parent, name):
            if not isinstance(parent._get_member(name), Module):
                raise AttributeError(f"`{name}` is not an nn.Module\nin the path '{target}'")
        setattr(parent, name, module)

    def get_parameter(self, target: str):
        """The parameter at path ``target``, e.g. "layers.2.weight".   torch: Module.get_parameter"""
        path, _, name = target.rpartition(".")
        parameter = self.get_submodule(path)._get_member(name)
        if not isinstance(parameter, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter\nin the path '{target}'")
        return parameter

    def get_buffer(self, target: str):
        """The buffer at path ``target``.   torch: Module.get_buffer"""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        buffer = module._get_member(name)
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer\nin the path '{target}'")
        return buffer

    def _get_member(self, name):
        if not hasattr(self, name):
            known = ", ".join([*self._modules, *self._parameters, *self._buffers]) or "nothing"
            raise AttributeError(f"{self._get_name()} has no attribute `{name}`\nit has {known}")
        return getattr(self, name)

    # -----------------------------------------------------------------------------------------------------
    # State, conversion, modes

    state_dict, load_state_dict = state.state_dict, state.load_state_dict
    _save_to_state_dict, _load_from_state_dict = state._save_to_state_dict, state._load_from_state_dict
    get_extra_state, set_extra_state = state.get_extra_state, state.set_extra_state
    register_state_dict_pre_hook = state.register_state_dict_pre_hook
    register_state_dict_post_hook = state.register_state_dict_post_hook
    register_load_state_dict_pre_hook = state.register_load_state_dict_pre_hook
    register_load_state_dict_post_hook = state.register_load_state_dict_post_hook
    _register_state_dict_hook = state._register_state_dict_hook
    _register_load_state_dict_pre_hook = state._register_load_state_dict_pre_hook

    _apply, apply, to, to_empty = conversion._apply, conversion.apply, conversion.to, conversion.to_empty
    cpu, cuda, type, share_memory = conversion.cpu, conversion.cuda, conversion.type, conversion.share_memory
    float, double, half, bfloat16 = conversion.float, conversion.double, conversion.half, conversion.bfloat16
    requires_grad_, zero_grad = conversion.requires_grad_, conversion.zero_grad

    def train(self, mode=True):
        """Set ``training`` here and in all modules below: Dropout and BatchNorm do another thing then.

        torch: Module.train
        """
        if not isinstance(mode, bool):
            raise ValueError(f"training mode is expected to be boolean\ngot {typename(mode)}: pass True or False")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self):
        """``train(False)``: for testing and use.   torch: Module.eval"""
        return self.train(False)

    def __getstate__(self):
        # the books as plain dicts, and their entries only there
        state = self.__dict__.copy()
        state.pop("_compiled_call_impl", None)
        for book in BOOKS:
            members = state.pop(book, {})
            for name in members:
                state.pop(name, None)
            state[book] = dict(members)
        return state

    def __setstate__(self, state):
        watched = getattr(self.__dict__.get("_modules"), "watched", False)
        self.__dict__.update(state)
        for book in BOOKS:
            self._keep(book, state[book])
            self.__dict__[book].watched = watched
        CHANGES[0] += watched

    # -----------------------------------------------------------------------------------------------------
    # Printing

    def _get_name(self):
        return self.__class__.__name__

    def extra_repr(self) -> str:
        """What stands in the parentheses when the module is printed: override it.   torch: Module.extra_repr"""
        return ""

    def __repr__(self):
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        if len(lines) <= 1 and not self._modules:
            return f"{self._get_name()}({extra})"
        lines += [f"({name}): {indented(repr(module))}" for name, module in self._modules.items()]
        return "\n  ".join([f"{self._get_name()}(", *lines]) + "\n)"


def indented(text):
    """``text`` with two spaces before each line but the first."""
    first, *rest = text.split("\n")
    return "\n".join([first, *("  " + line if line.strip() else "" for line in rest)])


def _after_hooks(hooks, module, name, value):
    """``value`` as the hooks on registration leave it."""
    for hook in hooks.values():
        changed = hook(module, name, value)
        value = value if changed is None else changed
    return value


# ---------------------------------------------------------------------------------------------------------
# Where an error happened


class LayerNote(str):
    """A line that an exception raised in a forward carries."""

    __slots__ = ()


def note_layer(error, outermost):
    """Add to ``error`` which layer it was raised in: the innermost module whose call it came through.

        in layers.2 (Linear(in_features=4, out_features=3, bias=True))

    Each module that the error passes says so anew, with the path from itself; the outermost has the last word.
    """
    if isinstance(error, RecursionError):
        return  # there is no room to look around in
    module = _innermost(error, outermost)
    path = next((name for name, m in outermost.named_modules() if m is module), "")
    text = _one_line(module)
    note = LayerNote(f"in {path} ({text})" if path else f"in {text}")
    error.__notes__ = [n for n in getattr(error, "__notes__", ()) if not isinstance(n, LayerNote)] + [note]


def _innermost(error, outermost):
    found = outermost
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code is Module.__call__.__code__:
            found = step.tb_frame.f_locals["self"]
        step = step.tb_next
    return found


def _one_line(module):
    try:
        text = repr(module)
    except Exception:  # a module that is only half built
        text = "\n"
    return f"{type(module).__name__}(...)" if "\n" in text else text
