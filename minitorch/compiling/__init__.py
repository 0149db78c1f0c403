"""``torch.compile``: a function is recorded once, and from then on answered by a program.

    calls                           which program answers a call, and what happens where none does
    tree                            arguments and results as a flat list of tensors, and the form of what held them

    recording, results              what one run did, as a graph, and as what is to be found, made and left behind
    holders                         how many hold a tensor
    tracing                         the graph alone, to look at
    side_effects, watching          what a replay would not do again; what the function can reach, and whether that changed
    names_in_code                   the names that its code may look up
    symbolic_arguments              numbers among the arguments that are others at each call
    kept_numbers, state_threading   numbers that Python keeps from call to call, as a count of steps; tensors, as a hidden state
    append_only                     lists that a function appends to and never reads
    outside_backward, left_history  a forward whose backward is called from outside: two programs; what its graph keeps
    run_again                       the same call once more, eagerly, where those don't tell enough
    aliased_gradients, gradients    gradients that are arguments as well; those that a program leaves, and their memory

    program, locks                  a recording, compiled; one thread at a time is in it
    guards                          the questions that are asked before each call
    answering                       the answer to a call as one Python function
    answer_rows, native_answer      the same as rows for native code, and that code; object_layout: where it finds what
    checking                        ``check=True``

    explaining, naming, measuring   ``explain()``: what became of a function, names for what it reads and writes, times
    reporting, drawing, profiling   that as text, the memory plan as a picture, and calls while a profiler listens
    wording                         what a function is called, where it stands, and what to do about one that runs eagerly

torch: torch/__init__.py (compile), torch/_dynamo/eval_frame.py
"""

from functools import partial, wraps

from ..nn.module import Module
from .calls import Compiled
from .checking import Checked

__all__ = ["InvalidBackend", "OptimizedModule", "compile"]

MODES = ("default", "lite", "reduce-overhead", "max-autotune-no-cudagraphs", "max-autotune")
EAGER = ("eager", "aot_eager", "eager_noexcept", "cudagraphs")
"""Backends of PyTorch's that compile nothing, or nothing on the CPU."""


class InvalidBackend(RuntimeError):
    """There is no compiler of that name.   torch: torch._dynamo.exc.InvalidBackend"""


class OptimizedModule(Module):
    """A module that was given to ``torch.compile``: the names in its ``state_dict`` begin with "_orig_mod.", as PyTorch's do.

    Its attributes are those of the module, to be looked at, set and deleted.
    """

    def __init__(self, module, fullgraph=False, compiled=None, check=False):
        super().__init__()
        self._orig_mod = module
        del self.__dict__["training"]
        self.__dict__["_compiled"] = (Checked if check else Compiled)(module, fullgraph) if compiled is None else compiled

    def forward(self, *args, **kwargs):
        return self._compiled(*args, **kwargs)

    def explain(self, measure=True):
        """What became of the module so far: an Explanation.   measure: run its programs, on copies, and tell the time.

        Raises RuntimeError where its backend compiles nothing.
        """
        if self._compiled is self._orig_mod:
            raise RuntimeError("nothing is compiled by this backend\nleave backend out of torch.compile, and there is something to explain")
        return self._compiled.explain(measure)

    def __getitem__(self, index):
        return self._orig_mod[index]

    def __len__(self):
        return len(self._orig_mod)

    def __getattr__(self, name):
        return getattr(self.__dict__["_modules"]["_orig_mod"], name)

    def __setattr__(self, name, value):
        if name in OWN or "_orig_mod" not in self.__dict__.get("_modules", ()):
            super().__setattr__(name, value)
        else:
            setattr(self._orig_mod, name, value)

    def __delattr__(self, name):
        if name in OWN:
            super().__delattr__(name)
        else:
            delattr(self._orig_mod, name)


OWN = {"_orig_mod", "_compiled", *vars(Module())} - {"training"}
"""What a compiled module has for itself: its hooks, and the dicts that every module has."""


def compile(model=None, *, fullgraph=False, dynamic=None, backend="inductor", mode=None, options=None, disable=False, check=False):
    """``model``, a function or a Module, answered by a compiled program from the third call with the same signature on.

    A whole training step may be compiled: ``zero_grad``, forward, ``backward()`` and ``optimizer.step()``. The first call
    runs as ever, the second is recorded, then the program runs: with the same numbers, in a fraction of the time.

    What it returns has a method ``explain()``, which tells what became of it: the kernels, the lines that they come from,
    their loops, sizes and times, the memory plan, and what runs eagerly and why.

    fullgraph: raise RuntimeError where it can't be compiled, instead of running eagerly with one warning.
    check: run eagerly as well at each call, and raise RuntimeError for the first number that differs (checking.py); what the
    function does beside its tensors is then done by the eager run.
    backend: "inductor" is the one compiler that there is; those of PyTorch's that compile nothing, as "eager", run eagerly.
    disable: give ``model`` back as it is.
    dynamic, mode, options: PyTorch's, and change nothing.

    Raises RuntimeError for an unknown backend or mode, and for both ``mode`` and ``options``.   torch: compile

    >>> @torch.compile
    ... def double(x):
    ...     return x * 2
    >>> double(tensor([1.0]))
    tensor([2.])
    """
    refuse(backend, mode, options)
    if model is None:
        return partial(compile, fullgraph=fullgraph, backend=backend, disable=disable, check=check)
    if not callable(model):
        raise AssertionError(f"A callable function is expected, but {type(model)} is provided.\npass a function or a Module")
    if disable:
        return model
    if isinstance(model, Module):
        return OptimizedModule(model, fullgraph, model if backend in EAGER else None, check)
    if backend in EAGER:
        return model
    return wraps(model)((Checked if check else Compiled)(model, fullgraph))


def refuse(backend, mode, options):
    """Raise for choices that there aren't."""
    if mode is not None and options is not None:
        raise RuntimeError("Either mode or options can be specified, but both can't be specified at the same time.")
    if mode is not None and mode not in MODES:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(MODES)}")
    if callable(backend):
        raise NotImplementedError("a backend of one's own isn't here\nthere is one compiler: leave backend out")
    if backend != "inductor" and backend not in EAGER:
        raise InvalidBackend(
            f"Invalid backend: {backend!r}, see `torch._dynamo.list_backends()` for available backends.\n"
            'there is one compiler, "inductor", and "eager", which compiles nothing: leave backend out'
        )
