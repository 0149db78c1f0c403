"""Who computes what: each row that passes the gate, with the innermost module that was being called.

It is a listener at the gate, beside hooks on every module. The walk of the modules is a stack: called, it goes on top;
returned, it leaves, and a row belongs to the one on top.
"""

from ..modes import MODE
from .hooks import register_module_forward_hook, register_module_forward_pre_hook

__all__ = ["Watch"]


class Watch:
    """A block in which ``heard(module, row, inputs, params, out)`` is called for each row, after it ran.

    module: the innermost one being called that belongs to ``model``. returned: called with (module, args, output) after
    each call of one.
    """

    def __init__(self, model, heard=None, returned=None):
        self.members, self.stack = {id(module) for module in model.modules()}, [model]
        self.heard, self.returned = heard, returned

    def listen(self, row, inputs, params, out, written):
        if self.heard is not None:
            self.heard(self.stack[-1], row, inputs, params, out)

    def enter(self, module, args):
        if id(module) in self.members:
            self.stack.append(module)

    def leave(self, module, args, output):
        if id(module) in self.members:
            self.stack.pop()
            if self.returned is not None:
                self.returned(module, args, output)

    def __enter__(self):
        # leaves even where forward raises, or the next row would be told of the wrong one
        self.hooks = [
            register_module_forward_pre_hook(self.enter),
            register_module_forward_hook(self.leave, always_call=True),
        ]
        self.before = MODE.listeners
        MODE.listeners = (*self.before, self.listen)
        return self

    def __exit__(self, *exception):
        MODE.listeners = self.before
        for hook in self.hooks:
            hook.remove()
