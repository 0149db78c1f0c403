"""``torch.compile``: a function is recorded once, and from then on answered by a program.

torch: torch/__init__.py (compile), torch/_dynamo/eval_frame.py
"""

from functools import partial, wraps

from ..nn.module import Module
from .calls import Compiled

__all__ = ["OptimizedModule", "compile"]


class OptimizedModule(Module):
    """A module that was given to ``torch.compile``: the names in its ``state_dict`` begin with "_orig_mod.", as PyTorch's do."""

    def __init__(self, module, fullgraph=False):
        super().__init__()
        self._orig_mod = module
        self.__dict__["training"] = module.training
        self.__dict__["_compiled"] = Compiled(module, fullgraph)

    def forward(self, *args, **kwargs):
        return self._compiled(*args, **kwargs)

    def explain(self, measure=True):
        """What became of the module so far: an Explanation.   measure: run its programs, on copies, and tell the time."""
        return self._compiled.explain(measure)

    def __getitem__(self, index):
        return self._orig_mod[index]

    def __len__(self):
        return len(self._orig_mod)

    def __getattr__(self, name):
        return getattr(self.__dict__["_modules"]["_orig_mod"], name)


def compile(model=None, *, fullgraph=False, dynamic=None, backend="inductor", mode=None, options=None, disable=False, check=False):
    """``model``, a function or a Module, answered by a compiled program from the third call with the same signature on.

    A whole training step may be compiled: ``zero_grad``, forward, ``backward()`` and ``optimizer.step()``. The first call
    runs as ever, the second is recorded, then the program runs: with the same numbers, in a fraction of the time.

    fullgraph: raise RuntimeError where it can't be compiled, instead of running eagerly with one warning.
    check: run eagerly as well at each call, and compare.   The other options are PyTorch's and change nothing.

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
        return partial(compile, fullgraph=fullgraph, backend=backend, disable=disable, check=check)
    if not callable(model):
        raise AssertionError(f"A callable function is expected, but {type(model)} is provided.")
    if isinstance(model, Module):
        return OptimizedModule(model, fullgraph)
    if disable:
        return model
    return wraps(model)(Compiled(model, fullgraph, check))
