"""What is built on backward: gradients on request, derivatives of one's own, derivatives of derivatives, and checks.

reverse       ``grad`` returns gradients, ``backward`` adds them to ``.grad``
function      a ``Function`` has a derivative that its author wrote
functional    Jacobians and Hessians, whole or times a vector
gradcheck     are the derivatives right? asked of finite differences
anomaly_mode  where does the NaN come from?

The walk itself is in ``backward.py``.   torch: torch.autograd
"""

from importlib import import_module

from .. import modes
from ..absent import absence
from ..modes import enable_grad, inference_mode, no_grad, set_grad_enabled
from ..paths import path
from . import anomaly_mode, function, functional, reverse
from .anomaly_mode import detect_anomaly, set_detect_anomaly
from .function import Function
from .gradcheck import GradcheckError, gradcheck, gradgradcheck
from .reverse import Variable, backward, grad

grad_mode, variable = path(f"{__name__}.grad_mode", modes), path(f"{__name__}.variable", reverse)


def __getattr__(name):
    if name in ("graph", "profiler"):  # seldom needed
        return import_module(f".{name}", __name__)
    raise absence(__name__, name)


__all__ = [
    "Function", "GradcheckError", "Variable", "anomaly_mode", "backward", "detect_anomaly", "enable_grad", "function",
    "functional", "grad", "grad_mode", "gradcheck", "gradgradcheck", "inference_mode", "no_grad", "set_detect_anomaly",
    "set_grad_enabled", "variable",
]  # fmt: skip
