"""``torch.compile`` in PyTorch's call form. Until the compiler is here, what it returns runs eagerly.

torch: torch/__init__.py (compile), torch/_dynamo/eval_frame.py
"""

from functools import wraps

from .nn.module import Module

__all__ = ["OptimizedModule", "compile"]


class OptimizedModule(Module):
    """A module that was given to ``torch.compile``: the names in its ``state_dict`` begin with "_orig_mod.", as PyTorch's do."""

    def __init__(self, module):
        super().__init__()
        self._orig_mod = module
        self.train(module.training)

    def forward(self, *args, **kwargs):
        return self._orig_mod(*args, **kwargs)

    def __getitem__(self, index):
        return self._orig_mod[index]

    def __len__(self):
        return len(self._orig_mod)

    def __getattr__(self, name):
        return getattr(self.__dict__["_modules"]["_orig_mod"], name)


def compile(model=None, *, fullgraph=False, dynamic=None, backend="inductor", mode=None, options=None, disable=False):
    """``model``, a function or a Module, to be called as before. NOTHING IS COMPILED YET: it runs eagerly, with the same numbers.

    Called without ``model`` it is a decorator. The options are those of PyTorch and change nothing.

    Raises RuntimeError for both ``mode`` and ``options``.   torch: compile

    >>> @torch.compile
    ... def double(x):
    ...     return x * 2
    >>> double(tensor([1.0]))
    tensor([2.])
    """
    if mode is not None and options is not None:
        raise RuntimeError("Either mode or options can be specified, but both can't be specified at the same time.")
    if model is None:
        return compile
    if isinstance(model, Module):
        return OptimizedModule(model)
    if not callable(model):
        raise AssertionError(f"A callable function is expected, but {type(model)} is provided.")

    @wraps(model)
    def eagerly(*args, **kwargs):
        return model(*args, **kwargs)

    return eagerly
