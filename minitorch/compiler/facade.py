"""What programs ask of PyTorch's compiler, in its call form: ``torch.compiler.…``.

torch: torch/compiler
"""

from contextlib import ContextDecorator

from ..absent import absent

__all__ = [
    "allow_in_graph", "assume_constant_result", "cudagraph_mark_step_begin", "disable", "is_compiling",
    "is_dynamo_compiling", "is_exporting", "list_backends", "reset", "set_stance",
]  # fmt: skip

__getattr__ = absent(__name__)


def is_compiling():
    """No.   torch: compiler.is_compiling"""
    return False


def is_dynamo_compiling():
    """No.   torch: compiler.is_dynamo_compiling"""
    return False


def is_exporting():
    """No.   torch: compiler.is_exporting"""
    return False


def disable(fn=None, recursive=True, *, reason=None):
    """The function itself: it isn't compiled anyway.   torch: compiler.disable"""
    return disable if fn is None else fn


def allow_in_graph(fn):
    """The function itself.   torch: compiler.allow_in_graph"""
    return fn


def assume_constant_result(fn):
    """The function itself.   torch: compiler.assume_constant_result"""
    return fn


def reset():
    """Nothing: nothing is kept.   torch: compiler.reset"""


def cudagraph_mark_step_begin():
    """Nothing.   torch: compiler.cudagraph_mark_step_begin"""


def list_backends(exclude_tags=()):
    """What ``torch.compile(backend=…)`` takes: all of them run eagerly.   torch: compiler.list_backends"""
    return ["cudagraphs", "inductor"]


class set_stance(ContextDecorator):
    """How ``torch.compile`` behaves, from now on or in a block: always eagerly, here.   torch: compiler.set_stance"""

    def __init__(self, stance="default", *, skip_guard_eval_unsafe=False, force_backend=None):
        self.stance = stance

    def __enter__(self):
        return None

    def __exit__(self, *exception):
        return None
