"""A call of a compiled function, made again eagerly: for gradients of gradients, and for hooks on what other results come of.

    g, = grad(compiled(x), x, create_graph=True)       the function runs again, and leaves a graph that can be differentiated

The results must be the same as those of the program, and nothing else may change. So it is refused for a function that draws
random numbers or counts its calls; what it only writes to, as running statistics, is put back.

torch: none; its compiled functions have no second derivatives
"""

from ..engine import enable_grad
from ..modes import MODE
from .tree import flattened, rebuilt

__all__ = ["Again"]

INSTEAD = "call the function itself, not compiled, for gradients of gradients and for hooks on results that others come of"


class Again:
    """Calls of a compiled function, to be made again.

    form: of its arguments.   watch: what the function reaches.   written: tensors that it writes to.
    """

    def __init__(self, function, form, watch, autocast, written):
        self.function, self.form, self.watch, self.autocast, self.written = function, form, watch, autocast, written

    def run(self, leaves, unrepeatable):
        """The tensors that it gives, with a graph; nothing else is changed. Raises RuntimeError where that can't be.

        leaves: the tensors and numbers of its arguments.   unrepeatable: why it never can be, or "".
        """
        why = unrepeatable or ("" if self.watch.still_holds() else "what it reaches was changed since")
        if why:
            raise RuntimeError(f"torch.compile with aot_autograd does not currently support double backward\n{why}: {INSTEAD}")
        before = [(x, x._array.copy(), x._storage.version) for x in self.written]
        autocast, MODE.autocast = MODE.autocast, self.autocast
        try:
            args, kwargs = rebuilt(self.form, iter(leaves))
            with enable_grad():
                results, _ = flattened(self.function(*args, **kwargs))
        finally:
            MODE.autocast = autocast
            for x, array, version in before:
                x._array[...], x._storage.version = array, version
        return results
