"""Functions made of functions: derivatives, a function on every element of a batch, a module as a function.

torch: torch.func
"""

from ..absent import absent
from .functional_call import functional_call, stack_module_state
from .transforms import grad, grad_and_value, hessian, jacfwd, jacrev, jvp, linearize, vjp
from .vmap import vmap

__all__ = [
    "functional_call", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize", "stack_module_state",
    "vjp", "vmap",
]  # fmt: skip

__getattr__ = absent(__name__)
