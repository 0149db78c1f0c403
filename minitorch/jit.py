"""TorchScript isn't here: no program is compiled to it, saved as it or read from it.

What decorates ordinary Python functions, and asks whether one is being compiled, is here and says no. ``script`` and
``trace`` return what they were given, with a warning: it goes on running as Python, which gives the same numbers.

torch: torch/jit
"""

import warnings
from typing import Final

from .absent import absent
from .engine import Tensor
from .making import named

__all__ = [
    "Attribute", "CompilationUnit", "Final", "RecursiveScriptModule", "ScriptFunction", "ScriptModule", "annotate",
    "export", "fork", "freeze", "ignore", "interface", "is_scripting", "is_tracing", "isinstance", "load",
    "onednn_fusion_enabled", "optimize_for_inference", "optimized_execution", "save", "script", "script_if_tracing",
    "script_method", "trace", "trace_module", "unused", "wait",
]  # fmt: skip

__getattr__ = absent(__name__)

is_instance = isinstance


def eager(name, obj):
    warnings.warn(
        f"torch.jit.{name}: TorchScript isn't here, what was given is returned and runs as Python", UserWarning, stacklevel=3
    )
    return obj


def script(obj=None, optimize=None, _frames_up=0, _rcb=None, example_inputs=None):
    """``obj`` itself, a function or a Module, with a warning: it isn't compiled.   torch: jit.script"""
    if obj is None:
        return script
    return eager("script", obj)


def trace(func=None, example_inputs=None, optimize=None, check_trace=True, check_inputs=None, check_tolerance=1e-5,
          strict=True, example_kwarg_inputs=None, **options):  # fmt: skip
    """``func`` itself, a function or a Module, with a warning: no trace is made, so every branch stays.   torch: jit.trace"""
    if func is None:
        return trace
    return eager("trace", func)


def trace_module(mod, inputs, *args, **kwargs):
    """``mod`` itself, with a warning.   torch: jit.trace_module"""
    return eager("trace_module", mod)


def unchanged(name):
    def decorator(obj=None, *args, **kwargs):
        return decorator if obj is None or is_instance(obj, bool) else obj

    return named(decorator, name, f"What it decorates, unchanged.   torch: jit.{name}")


export, ignore, unused, interface, script_if_tracing, script_method, freeze, optimize_for_inference = map(
    unchanged,
    ("export", "ignore", "unused", "interface", "script_if_tracing", "script_method", "freeze", "optimize_for_inference"),
)


def is_scripting():
    """No.   torch: jit.is_scripting"""
    return False


def is_tracing():
    """No.   torch: jit.is_tracing"""
    return False


def annotate(the_type, the_value):
    """The value.   torch: jit.annotate"""
    return the_value


def isinstance(obj, target_type):
    """Python's ``isinstance``.   torch: jit.isinstance"""
    return is_instance(obj, target_type)


class Future:
    """What ``fork`` returns: the result is there already."""

    def __init__(self, result):
        self.result = result

    def wait(self):
        """The result."""
        return self.result

    def done(self):
        """True."""
        return True


def fork(func, *args, **kwargs):
    """``func(*args, **kwargs)``, run at once.   torch: jit.fork"""
    return Future(func(*args, **kwargs))


def wait(future):
    """The result of ``fork``.   torch: jit.wait"""
    return future.wait()


def onednn_fusion_enabled():
    """No.   torch: jit.onednn_fusion_enabled"""
    return False


class optimized_execution:
    """A block, and nothing more.   torch: jit.optimized_execution"""

    def __init__(self, should_optimize):
        pass

    def __enter__(self):
        return None

    def __exit__(self, *exception):
        return None


NO_FILES = "TorchScript isn't here\nkeep the weights: torch.save(model.state_dict(), f) and torch.load(f)"


def save(m, f, _extra_files=None):
    """Raises NotImplementedError.   torch: jit.save"""
    raise NotImplementedError(f"torch.jit.save: {NO_FILES}")


def load(f, map_location=None, _extra_files=None, _restore_shapes=False):
    """Raises NotImplementedError.   torch: jit.load"""
    raise NotImplementedError(f"torch.jit.load: {NO_FILES}")


class Absent:
    """Something of TorchScript's: can't be made, and nothing is one."""

    def __init__(self, *args, **kwargs):
        raise NotImplementedError(f"torch.jit.{type(self).__name__}: TorchScript isn't here\nuse ordinary modules and functions")


class ScriptModule(Absent):
    """A compiled Module: raises NotImplementedError.   torch: jit.ScriptModule"""


class RecursiveScriptModule(ScriptModule):
    """The same.   torch: jit.RecursiveScriptModule"""


class ScriptFunction(Absent):
    """A compiled function: raises NotImplementedError.   torch: jit.ScriptFunction"""


class CompilationUnit(Absent):
    """Compiled source: raises NotImplementedError.   torch: jit.CompilationUnit"""


class Attribute:
    """A value with a type, for a ScriptModule.   torch: jit.Attribute"""

    def __init__(self, value, type=Tensor):
        self.value, self.type = value, type
